"""The DICOM images under a segmentation: their UIDs and geometry, and nothing of the patient."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import MRImageStorage

from osteon.errors import ReadError
from osteon.geometry import transform_points
from osteon.io.dicom import read_dicom
from osteon.io.magic import is_zip, kind_by_content
from osteon.io.world import LPS_TO_RAS
from osteon.volume import LabelMap, Volume

UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
"""All that a segmentation takes of its source; a list of what stays, so that no name or date slips through."""

ON_SLICE = 0.1
"""An image belongs to the scan if its position is within this share of a voxel of one of its slices'."""


def uid_of(*parts: str) -> str:
    """Unique identifier of 128 bits under 2.25 (PS3.5 B.2): the same parts, the same identifier."""
    number = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:16], "big")
    return f"2.25.{number}"


def slice_header(volume: Volume, k: int, uids: Mapping[str, str]) -> Dataset:
    """Header of an image at one slice (the array's third axis) of a volume, with the patient's fields empty.

    The geometry is the volume's own: scanners write it in many ways, and some leave half of it out.
    """
    data = Dataset()
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(data, name, "")
    data.StudyDate = data.StudyTime = data.ReferringPhysicianName = ""
    data.Modality = "MR"
    for name, uid in uids.items():
        setattr(data, name, uid)
    affine = LPS_TO_RAS @ volume.affine
    column, row, across = volume.spacing_mm
    data.Columns, data.Rows = volume.shape[:2]
    data.ImageOrientationPatient = [*(affine[:3, 0] / column), *(affine[:3, 1] / row)]
    data.ImagePositionPatient = list(affine[:3, 3] + k * affine[:3, 2])
    data.PixelSpacing, data.SliceThickness = [row, column], across
    return data


def source_images(path: Path, labels: LabelMap) -> tuple[LabelMap, list[Dataset], dict[str, str]]:
    """Labels with their axes along the series' own, headers of its images without the patient, and their classes.

    The headers are all those of classic slices, with the series' own identifiers: highdicom would ask more of the
    headers of a multi-frame image than many scanners write. The images' true SOP classes, by instance, come apart.

    Parameters
    ----------
    path : Path
        DICOM folder of one series, or a multi-frame file.
    labels : LabelMap
        On the grid of the series, in any orientation.

    Raises
    ------
    ReadError
        If the series cannot be read, or is not made of plain files.
    GeometryError
        If the label map does not lie on its grid.
    """
    scan = read_dicom(path)
    labels = labels.reoriented(scan.orientation)
    scan.grid.require_match(labels.grid, f"The series {path}", "the label map")
    found: dict[int, Dataset] = {}
    classes: dict[str, str] = {}
    for header in _headers(path):
        k = _slice_of(header, scan)
        if k is not None:
            found.setdefault(k, slice_header(scan, k, _uids(header) | {"SOPClassUID": MRImageStorage}))
            classes[str(header.SOPInstanceUID)] = str(header.SOPClassUID)
    if not found:
        raise ReadError(
            f"{path} holds no image of the series as a plain DICOM file with its identifiers (UIDs), which a "
            "segmentation has to name. Give the folder as the scanner wrote it, unpacked, or leave --series out."
        )
    return labels, [found[k] for k in sorted(found)], classes


def _headers(path: Path) -> Iterator[Dataset]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        if kind_by_content(file) == "dicom" and not is_zip(file):
            try:
                yield dcmread(file, stop_before_pixels=True, force=True)
            except (InvalidDicomError, OSError):
                continue


def _uids(header: Dataset) -> dict[str, str]:
    """Identifiers of an image; where its frame of reference was taken away with the names, one of its series' own."""
    own = {"FrameOfReferenceUID": uid_of("frame of reference", str(header.SeriesInstanceUID))}
    return own | {name: str(header[name].value) for name in UIDS if name in header}


def _slice_of(header: Dataset, scan: Volume) -> int | None:
    """Number of the scan's slice that an image is, 0 for all of them in one file; None if it is none of them."""
    if any(name not in header for name in UIDS[:4]):
        return None
    if int(header.get("NumberOfFrames") or 1) > 1:
        return 0 if int(header.NumberOfFrames) >= scan.shape[2] else None
    if "ImagePositionPatient" not in header:
        return None
    position = np.array([[float(v) for v in header.ImagePositionPatient]])
    index = scan.index(transform_points(LPS_TO_RAS, position))[0]
    k = round(float(index[2]))
    near = bool((np.abs(index - [0, 0, k]) < ON_SLICE).all())
    return k if near and 0 <= k < scan.shape[2] else None
