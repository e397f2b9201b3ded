"""What of a DICOM header a slice needs: its place, its scaling, how its pixels are stored."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from osteon.errors import OsteonError, ReadError
from osteon.geometry import FloatArray
from osteon.io.dicom.headers import Header, ImageFile
from osteon.io.dicom.marks import marks_of
from osteon.io.dicom.sources import Source

FUNCTIONAL_GROUPS = (
    *("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence"),
    *("FrameContentSequence", "MREchoSequence", "MRDiffusionSequence", "MRImageFrameTypeSequence"),
    *("MRTimingAndRelatedParametersSequence", "CardiacSynchronizationSequence"),
)
"""Of a multi-frame image, where a frame's geometry, scaling and marks stand (DICOM PS3.3 C.7.6.16.2)."""

OF_ALL_FRAMES = ("ImageType", "SeriesDescription", "EchoTime", "RepetitionTime", "FlipAngle", "ScanningSequence")
"""Elements that stand outside the functional groups and still tell something of each frame."""

WORDS = {
    "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
}


@dataclass(frozen=True)
class Stored:
    """How the pixels of a file are stored.

    Parameters
    ----------
    dtype : dtype
        Of the decoded pixels.
    begin : int, optional
        Byte where plain little-endian pixels begin; None where they must be decoded.
    unused_bits : int
        Upper bits of a plain pixel that are no part of its value.
    cut_short : bool
        Whether the file ends before its pixels do.
    """

    dtype: np.dtype[Any]
    begin: int | None
    unused_bits: int = 0
    cut_short: bool = False


@dataclass(frozen=True)
class Frame:
    """One slice as its file describes it.

    Parameters
    ----------
    source : Source
    index : int
        Frame in its file; 0 in a file of one.
    position : (3,) ndarray
        Centre of the first voxel, LPS mm (Image Position (Patient)).
    along_row, along_column : (3,) ndarray
        Directions in which the column index and the row index grow, LPS.
    spacing : (row, column) tuple of float
        Distance between rows and between columns, mm.
    size : (rows, columns) tuple of int
    slope, intercept : float
    thickness_mm : float, optional
        Step or thickness as the header states it; used only for a slice that is alone.
    stored : Stored
    marks : dict
        What tells it from a slice of another volume in the series (`osteon.io.dicom.marks`).
    """

    source: Source
    index: int
    position: FloatArray
    along_row: FloatArray
    along_column: FloatArray
    spacing: tuple[float, float]
    size: tuple[int, int]
    slope: float
    intercept: float
    thickness_mm: float | None
    stored: Stored
    marks: dict[str, Hashable] = field(repr=False)

    @property
    def normal(self) -> FloatArray:
        """Direction across the slice, LPS."""
        return np.cross(self.along_row, self.along_column)


def frames_of(image: ImageFile) -> list[Frame]:
    """Every slice of one file.

    Raises
    ------
    ReadError
        If the pixels are in colour or tiles of a mosaic, or an element without which a slice has no place is missing,
        empty or no number.
    """
    header, source = image.header, image.source
    try:
        _refuse_pictures(header, source)
        count = int(header.get("NumberOfFrames") or 1)
        placed = len(header.get("PerFrameFunctionalGroupsSequence") or ())
        if (placed or 1) != count:
            raise ReadError(
                f"{source} holds {count} frame{'s' * (count != 1)} in one file and says of {placed} where they lie. "
                "Export the series as Enhanced MR or as one file a slice."
            )
        stored = _stored(image, count)
        if "PerFrameFunctionalGroupsSequence" not in header:
            return [_frame(image, 0, header, stored)]
        shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]
        return [
            _frame(image, index, _flattened(header, shared, own), stored)
            for index, own in enumerate(header["PerFrameFunctionalGroupsSequence"])
        ]
    except OsteonError:
        raise
    except Exception as error:  # of a damaged header: whatever pydicom stumbles over as values are asked for
        raise ReadError(
            f"{source} has a position, orientation, spacing or scaling in its header that is not a number. "
            "Export the series again."
        ) from error


def _refuse_pictures(header: Header, source: Source) -> None:
    colours = str(header.get("PhotometricInterpretation") or "MONOCHROME2")
    if int(header.get("SamplesPerPixel") or 1) != 1 or colours == "PALETTE COLOR":
        raise ReadError(
            f"{source} holds colour ({colours}) pixels; a scan has one grey value a voxel. Choose the original series, "
            "not a screenshot or a colour map."
        )
    if "MOSAIC" in (header.get("ImageType") or ()):
        raise ReadError(
            f"{source} is a mosaic: many slices as tiles of one picture. Convert the series with dcm2niix and give its "
            "NIfTI file, or export it as Enhanced MR."
        )


def _stored(image: ImageFile, count: int) -> Stored:
    header = image.header
    bits = int(header.get("BitsAllocated") or 16)
    if "PixelRepresentation" not in header and bits >= 32:  # Float and Double Float Pixel Data have none
        return Stored(np.dtype(f"f{bits // 8}"), None)
    if bits not in (8, 16, 32):
        return Stored(np.dtype("u1"), None)
    dtype = np.dtype(f"<{'i' if header.get('PixelRepresentation') else 'u'}{bits // 8}")
    stored = int(header.get("BitsStored") or bits)
    high = int(header.get("HighBit") or stored - 1)
    if high >= stored:
        raise ReadError(
            f"{image.source} keeps its values in bits {high + 1 - stored} to {high} of {bits}; DICOM has them begin at "
            "bit 0, and a file that says otherwise may mean either. Export the series again."
        )
    wanted = count * int(header["Rows"]) * int(header["Columns"]) * dtype.itemsize
    cut = image.pixels_at is not None and image.pixel_bytes < wanted
    return Stored(dtype, image.pixels_at, bits - stored, cut)


def _flattened(header: Header, shared: Any, own: Any) -> Header:
    """A frame's header as a classic one; what the functional groups say comes last, the frame's own at the very end."""
    flat = {name: header[name] for name in OF_ALL_FRAMES if name in header}
    for groups in (shared, own):
        for name in FUNCTIONAL_GROUPS:
            if groups.get(name):
                flat |= {element.keyword: element.value for element in groups.get(name)[0] if element.keyword}
    if "FrameType" in flat:
        flat["ImageType"] = flat["FrameType"]
    return flat


def _frame(image: ImageFile, index: int, header: Header, stored: Stored) -> Frame:
    orientation = _numbers(header, "ImageOrientationPatient", 6, image.source)
    row, column = _numbers(header, "PixelSpacing", 2, image.source)
    steps = (abs(_finite(header, name, 0.0)) for name in ("SpacingBetweenSlices", "SliceThickness"))
    return Frame(
        source=image.source,
        index=index,
        position=_numbers(header, "ImagePositionPatient", 3, image.source),
        along_row=orientation[:3],
        along_column=orientation[3:],
        spacing=(float(row), float(column)),
        size=(int(image.header["Rows"]), int(image.header["Columns"])),
        slope=_finite(header, "RescaleSlope", 1.0) or 1.0,  # a slope of zero is one that nobody filled in
        intercept=_finite(header, "RescaleIntercept", 0.0),
        thickness_mm=next((step for step in steps if step), None),
        stored=stored,
        marks=marks_of(header),
    )


def _finite(header: Header, name: str, otherwise: float) -> float:
    value = header.get(name)
    number = otherwise if value is None or value == "" else float(value)
    if not np.isfinite(number):
        raise ValueError(f"{name} is {number}")
    return number


def _numbers(header: Header, name: str, count: int, source: Source) -> FloatArray:
    values = header.get(name)
    if values is None or isinstance(values, str | float) or len(values) != count:
        raise ReadError(
            f"{source} has no {WORDS[name]} ({name}), without which its slice has no place in the body. "
            "Export the original images from the scanner or PACS, not screenshots or secondary captures."
        )
    numbers = np.array([float(v) for v in values], dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} is {numbers}")
    return numbers
