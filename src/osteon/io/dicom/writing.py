"""A volume as a classic MR Image Storage series: for phantoms, and for trying out what reads DICOM."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pydicom.valuerep import DS

from osteon.errors import UsageError
from osteon.geometry import FloatArray, spacing_mm
from osteon.io.whole import folder_written_whole
from osteon.io.world import LPS_TO_RAS
from osteon.volume import Volume

PATIENT = "Phantom^Osteon"

DATE = "20000101"
"""A study needs a date; a fixed one, so that the same seed gives the same bytes."""


def write_dicom_series(volume: Volume, folder: Path, *, description: str, seed: int) -> None:
    """Write one file a slice (PS3.3 A.4 MR Image IOD); the array's third axis runs across the slices.

    A reader sorts slices along the normal of their plane, so a left-handed volume comes back with its third axis
    reversed: the same voxels at the same places.

    Parameters
    ----------
    volume : Volume
        Of int16, uint16, int8 or uint8 voxels.
    folder : Path
        Written whole or not at all; an older folder is replaced.
    description : str
        At most 64 characters; becomes the Series Description.
    seed : int
        The unique identifiers are derived from it and the description, under the UUID root 2.25.

    Raises
    ------
    UsageError
        If the voxels do not fit 16 bits or the description is too long.
    """
    if len(description) > 64:
        raise UsageError(f"The series description has {len(description)} characters; DICOM takes at most 64.")
    array = _sixteen_bits(volume.array)
    affine = LPS_TO_RAS @ volume.affine
    series = _series(description, seed, affine, array)
    with folder_written_whole(folder) as part:
        for k in range(array.shape[2]):
            image = Dataset()
            image.update(series)
            image.SOPInstanceUID = _uid(seed, description, "image", k)
            image.InstanceNumber = k + 1
            image.ImagePositionPatient = _decimals(affine[:3, 3] + k * affine[:3, 2])
            image.PixelData = np.ascontiguousarray(array[:, :, k].T).astype("<" + array.dtype.str[1:]).tobytes()
            image["PixelData"].VR = "OW"
            image.file_meta = _file_meta(image.SOPInstanceUID)
            image.save_as(part / f"IM{k + 1:04d}.dcm", enforce_file_format=True)


def _sixteen_bits(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype in (np.int16, np.uint16):
        return array
    if array.dtype in (np.int8, np.uint8, np.bool_):
        return array.astype(np.int16)
    raise UsageError(
        f"A DICOM MR image holds 16-bit integers; this array holds {array.dtype}. Scale and round it first."
    )


def _series(description: str, seed: int, affine: FloatArray, array: NDArray[Any]) -> Dataset:
    """All that the images of the series share."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    data.SOPClassUID = MRImageStorage
    data.StudyDate, data.StudyTime = DATE, "000000"
    data.AccessionNumber, data.StudyID = "", "1"
    data.Modality, data.Manufacturer, data.ManufacturerModelName = "MR", "Osteon", "Phantom"
    data.ReferringPhysicianName = ""
    data.SeriesDescription = description
    data.PatientName, data.PatientID = PATIENT, "phantom"
    data.PatientBirthDate, data.PatientSex = "", ""  # type 2: there, and empty
    data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "RM", "NONE", ""
    data.MRAcquisitionType, data.EchoTime, data.RepetitionTime, data.EchoTrainLength = "2D", None, None, None
    data.PatientPosition = "HFS"
    data.StudyInstanceUID = _uid(seed, "study")
    data.SeriesInstanceUID = _uid(seed, description, "series")
    data.FrameOfReferenceUID = _uid(seed, "frame of reference")
    data.PositionReferenceIndicator, data.SeriesNumber = "", 1
    _add_plane(data, affine)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Columns, data.Rows = array.shape[:2]
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = int(array.dtype.kind == "i")
    low, high = (float(v) for v in np.percentile(array, (1, 99)))
    data.WindowCenter, data.WindowWidth = DS(round((low + high) / 2, 1)), DS(round(max(high - low, 1), 1))
    return data


def _add_plane(data: Dataset, affine: FloatArray) -> None:
    column, row, slice_ = spacing_mm(affine)
    directions = affine[:3, :2] / (column, row)
    data.ImageOrientationPatient = _decimals(directions.T.ravel())  # along the row, then along the column
    data.PixelSpacing = _decimals(np.array([row, column]))
    data.SliceThickness = data.SpacingBetweenSlices = _decimals(np.array([slice_]))[0]


def _file_meta(instance: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def _decimals(values: FloatArray) -> list[DS]:
    """Decimal strings of at most 16 characters, as exact as those allow."""
    return [DS(float(v), auto_format=True) for v in values]


def _uid(seed: int, *parts: object) -> str:
    """Unique identifier of 128 bits under 2.25 (PS3.5 B.2), the same for the same seed and parts."""
    text = "\0".join(str(part) for part in ("osteon", seed, *parts))
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}"
