"""What a file is by its first bytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

Kind = Literal["nifti", "itk", "dicom"]

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
"""First bytes of a zip archive, and of an empty one."""

PEEKED = 100
"""How many entries of a zip archive are looked at before it counts as one without DICOM."""


def kind_by_content(path: Path) -> Kind | None:
    """Format of a file, also inside gzip; a zip archive of DICOM counts as DICOM; None if it is none that is read."""
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith(ZIP):
        return "dicom" if _zip_holds_dicom(path) else None
    if start.startswith(b"\x1f\x8b"):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, 1024)
        except zlib.error:
            return None
    if start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0":
        return "nifti"
    if start.startswith(b"NRRD0") or start.startswith(b"ObjectType = Image"):
        return "itk"
    return "dicom" if looks_like_dicom(start) else None


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip archive."""
    with path.open("rb") as file:
        return file.read(4).startswith(ZIP)


def _zip_holds_dicom(path: Path) -> bool:
    """Whether one of an archive's first files is DICOM; a damaged one named .zip counts, so that it is told why."""
    try:
        with ZipFile(path) as archive:
            files = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in files[:PEEKED]:
                with archive.open(entry) as file:
                    if looks_like_dicom(file.read(132)):
                        return True
    except Exception:  # zipfile raises what its decompressors raise; the reader will say what is wrong
        return path.suffix.lower() == ".zip"
    return False


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file's first bytes are DICOM's: the mark after the preamble, or a plausible first element without one.

    Files without a preamble begin with a short group 0002 or 0008 element, explicit (two capital letters) or implicit.
    """
    if start[128:132] == b"DICM":
        return True
    if len(start) < 16:
        return False
    group, element = struct.unpack("<HH", start[:4])
    if group not in (0x0002, 0x0008) or element > 0x0020:
        return False
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    return explicit or int(struct.unpack("<I", start[4:8])[0]) <= 64
