"""Pixels of DICOM frames, decoded and scaled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from osteon.errors import ReadError
from osteon.io.dicom.headers import Frame


def pixels_of(frames: Sequence[Frame]) -> NDArray[Any]:
    """Voxels of frames in their order.

    Returns
    -------
    (i, j, k) ndarray
        Column, row, frame. Stored integers where no frame is scaled, float32 otherwise.

    Raises
    ------
    ReadError
        If pixels are missing, cut short, in colour, or compressed in a way that cannot be decoded.
    """
    rows, columns = frames[0].size
    scaled = any((frame.slope, frame.intercept) != (1.0, 0.0) for frame in frames)
    volume: NDArray[Any] | None = None
    decoded: tuple[Path, NDArray[Any]] | None = None
    for k, frame in enumerate(frames):
        if decoded is None or decoded[0] != frame.path:
            decoded = frame.path, _decoded(frame.path, (rows, columns))
        slice_ = decoded[1][frame.index]
        if volume is None:
            volume = np.empty((columns, rows, len(frames)), dtype=np.float32 if scaled else slice_.dtype)
        elif not scaled:
            common = np.promote_types(volume.dtype, slice_.dtype)
            volume = volume.astype(common, copy=False)
        # scaled in double precision, as the standard's decimal strings are
        volume[:, :, k] = slice_.T * frame.slope + frame.intercept if scaled else slice_.T  # (row, column) -> (i, j)
    if volume is None:
        raise ReadError("A DICOM series without images has no voxels.")
    return volume


def _decoded(path: Path, size: tuple[int, int]) -> NDArray[Any]:
    """All frames of a file, ``(frame, row, column)``."""
    dataset = pydicom.dcmread(path, force=True)
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise ReadError(
            f"{path} holds colour ({dataset.get('PhotometricInterpretation', 'RGB')}) pixels; a scan has one grey "
            "value a voxel. Choose the original series, not a screenshot or a colour map."
        )
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ReadError(f"{path} has a header but no pixels. Copy or export it again.")
    if "TransferSyntaxUID" not in dataset.file_meta:  # a file without a preamble is uncompressed
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    try:
        pixels = np.asarray(dataset.pixel_array)
    except (ValueError, RuntimeError, AttributeError, NotImplementedError, EOFError, OSError) as error:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        raise ReadError(
            f"{path} has pixels that cannot be decoded ({syntax}): the file is cut short, damaged, or compressed in "
            "a way that is not supported. Copy it again, or export the series uncompressed."
        ) from error
    return pixels.reshape(-1, *size)
