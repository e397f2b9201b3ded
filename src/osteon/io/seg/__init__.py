"""Label maps as other programs read them: 3D Slicer, ITK-SNAP, DICOM viewers, SPIDER, nnU-Net."""

from osteon.io.seg.exporting import SUFFIXES, Format, export, nnunet_values

__all__ = ["SUFFIXES", "Format", "export", "nnunet_values"]
