"""Which files are DICOM images, and where in them the pixels lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from osteon.errors import ReadError
from osteon.io.dicom.sources import Source
from osteon.io.magic import looks_like_dicom

DICOMDIR = "1.2.840.10008.1.3.10"
"""Media storage class of a DICOMDIR: an index of files, no image."""

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
"""A file of such a name that is no DICOM is worth a word."""

PIXEL_DATA = (0x7FE0, 0x0010)

KEPT = (
    *("SOPClassUID", "DirectoryRecordSequence", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    *("Modality", "SeriesDescription", "SeriesNumber", "ImageType", "ComplexImageComponent", "AcquisitionNumber"),
    *("TemporalPositionIdentifier", "StackID", "EchoTime", "RepetitionTime", "InversionTime", "FlipAngle"),
    *("ScanningSequence", "DiffusionBValue", "TriggerTime", "SpacingBetweenSlices", "SliceThickness", "PixelSpacing"),
    *("ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"),
    *("PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
"""Elements that are read. Names, dates, institutions and private elements are stepped over, not even parsed."""

NAMES = {int(tag_for_keyword(name)): name for name in KEPT}
"""Keyword of each element that is read, by its tag."""

TEXTS = ("SeriesDescription", "StackID")
"""Elements whose bytes mean nothing without the file's character set."""

Header = dict[str, Any]
"""Values of a header by keyword, as pydicom converts them."""

Known = dict[tuple[int, bytes], Any]
"""Values that were converted before, by tag and bytes: the slices of a series share nearly all of them."""


@dataclass(frozen=True, eq=False)
class ImageFile:
    """Header of one DICOM image file, without its pixels.

    Parameters
    ----------
    source : Source
    header : dict
        Keyword to value, of the elements in `KEPT`.
    pixels_at : int, optional
        Byte where plain little-endian pixels begin; None where they must be decoded.
    pixel_bytes : int, optional
        How many of those bytes the file really holds.
    """

    source: Source
    header: Header
    pixels_at: int | None = None
    pixel_bytes: int = 0


def read_image(source: Source, known: Known) -> ImageFile | None:
    """Header of a DICOM image; None for what is not DICOM or has no pixels: indexes, reports and the like.

    Parameters
    ----------
    source : Source
    known : dict
        Keeps values from one file to the next.

    Raises
    ------
    ReadError
        If the file begins as DICOM, or is named so, and cannot be read.
    """
    start = source.start(132)
    if not looks_like_dicom(start):
        if source.name.lower().endswith(DICOM_SUFFIXES):
            raise ReadError(f"{source} is named as a DICOM file and is not a DICOM image. Copy or export it again.")
        return None
    damaged = ReadError(f"{source} is a damaged DICOM file: its header ends too early. Copy or export it again.")
    with source.open() as file:
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(NAMES))
            header = _values(dataset, known)
            kind = UID(getattr(dataset.file_meta, "MediaStorageSOPClassUID", "") or header.get("SOPClassUID") or "")
            if kind == DICOMDIR or "DirectoryRecordSequence" in header:
                return None
            if header.get("Rows") and header.get("Columns"):
                return ImageFile(source, header, *_plain_pixels(file, dataset))
        except Exception as error:  # of a damaged file: whatever pydicom's parser stumbles over
            if start.endswith(b"DICM"):
                raise damaged from error
            return None
    unknown = kind.name == kind and not kind.is_private  # a private kind may hold anything, a standard one has a name
    if "Image Storage" in kind.name or unknown:
        raise damaged
    return None


def _values(dataset: Any, known: Known) -> Header:
    """Values of the elements in `KEPT`."""
    values: Header = {}
    for element in dataset.values():
        name = NAMES.get(int(element.tag))
        if name is None:
            continue
        if not isinstance(element, RawDataElement) or name in TEXTS or not isinstance(element.value, bytes):
            values[name] = dataset.get(name)
            continue
        key = int(element.tag), element.value
        if key not in known:
            known[key] = dataset.get(name)
        values[name] = known[key]
    return values


def _plain_pixels(file: BinaryIO, dataset: Any) -> tuple[int | None, int]:
    """Where plain pixels begin and how many bytes of them there are; ``file`` stands at the pixels' element."""
    implicit, _ = dataset.original_encoding
    syntax = dataset.file_meta.get("TransferSyntaxUID") or (
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian  # a file without a preamble is uncompressed
    )
    if syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        return None, 0
    element = file.read(8 if implicit else 12)
    tag = int.from_bytes(element[:2], "little"), int.from_bytes(element[2:4], "little")
    if tag != PIXEL_DATA or len(element) < 8:
        return None, 0
    begin = file.tell()
    return begin, min(int.from_bytes(element[-4:], "little"), file.seek(0, 2) - begin)
