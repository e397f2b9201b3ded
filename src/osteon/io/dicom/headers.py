"""Which files are DICOM, and what of their headers a volume needs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from osteon.errors import ReadError
from osteon.geometry import FloatArray
from osteon.io.magic import looks_like_dicom

DICOMDIR = "1.2.840.10008.1.3.10"
"""Media storage class of a DICOMDIR: an index of files, no image."""

FUNCTIONAL_GROUPS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
)
"""Of a multi-frame image, where a frame's geometry and scaling stand (DICOM PS3.3 C.7.6.16.2)."""

WORDS = {
    "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
}


@dataclass(frozen=True)
class Frame:
    """One slice as its file describes it.

    Parameters
    ----------
    path : Path
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
    """

    path: Path
    index: int
    position: FloatArray
    along_row: FloatArray
    along_column: FloatArray
    spacing: tuple[float, float]
    size: tuple[int, int]
    slope: float
    intercept: float

    @property
    def normal(self) -> FloatArray:
        """Direction across the slice, LPS."""
        return np.cross(self.along_row, self.along_column)


def read_header(path: Path) -> Any | None:
    """Header of a DICOM file without its pixels; None for what is not DICOM or is only an index (DICOMDIR).

    Raises
    ------
    ReadError
        If the file begins as DICOM and cannot be read on.
    """
    with path.open("rb") as file:
        start = file.read(132)
    if not looks_like_dicom(start):
        return None
    damaged = ReadError(f"{path} is a damaged DICOM file: its header ends too early. Copy or export it again.")
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except (InvalidDicomError, EOFError, ValueError, NotImplementedError, struct.error) as error:
        if start.endswith(b"DICM"):
            raise damaged from error
        return None
    kind = header.get("SOPClassUID") or getattr(header.file_meta, "MediaStorageSOPClassUID", UID(""))
    if kind == DICOMDIR or "DirectoryRecordSequence" in header:
        return None
    if "Image Storage" in UID(kind).name and not is_image(header):
        raise damaged
    return header


def is_image(header: Any) -> bool:
    """Whether a DICOM object has pixels at all; reports, presentation states and the like have none."""
    return bool(header.get("Rows")) and bool(header.get("Columns"))


def is_multiframe(header: Any) -> bool:
    """Whether one file holds many slices, each described in the functional groups (Enhanced MR and its kin)."""
    return "PerFrameFunctionalGroupsSequence" in header


def frames_of(path: Path, header: Any) -> list[Frame]:
    """Every slice of one file.

    Raises
    ------
    ReadError
        If an element without which a slice has no place is missing, empty or no number.
    """
    size = int(header.Rows), int(header.Columns)
    count = int(header.get("NumberOfFrames") or 1)
    if len(header.get("PerFrameFunctionalGroupsSequence") or [header]) != count:
        raise ReadError(
            f"{path} holds {count} frames in one file without saying where each lies. "
            "Export the series as Enhanced MR or as one file a slice."
        )
    try:
        if not is_multiframe(header):
            return [_frame(path, 0, size, header)]
        shared = (header.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
        return [
            _frame(path, index, size, _flattened(shared, own))
            for index, own in enumerate(header.PerFrameFunctionalGroupsSequence)
        ]
    except (ValueError, TypeError) as error:
        raise ReadError(
            f"{path} has a position, orientation, spacing or scaling in its header that is not a number. "
            "Export the series again."
        ) from error


def _flattened(shared: Any, own: Any) -> Any:
    """The functional groups of one frame as a classic header has them; what the frame itself says comes last."""
    flat = pydicom.Dataset()
    for groups in (shared, own):
        for name in FUNCTIONAL_GROUPS:
            if groups.get(name):
                flat.update(groups[name][0])
    return flat


def _frame(path: Path, index: int, size: tuple[int, int], header: Any) -> Frame:
    orientation = _numbers(header, "ImageOrientationPatient", 6, path)
    row, column = _numbers(header, "PixelSpacing", 2, path)
    return Frame(
        path=path,
        index=index,
        position=_numbers(header, "ImagePositionPatient", 3, path),
        along_row=orientation[:3],
        along_column=orientation[3:],
        spacing=(float(row), float(column)),
        size=size,
        slope=float(header.get("RescaleSlope") or 1),
        intercept=float(header.get("RescaleIntercept") or 0),
    )


def _numbers(header: Any, name: str, count: int, path: Path) -> FloatArray:
    values = header.get(name)
    if values is None or isinstance(values, str) or len(values) != count:
        raise ReadError(
            f"{path} has no {WORDS[name]} ({name}), without which its slice has no place in the body. "
            "Export the original images from the scanner or PACS, not screenshots or secondary captures."
        )
    return np.array([float(v) for v in values], dtype=np.float64)
