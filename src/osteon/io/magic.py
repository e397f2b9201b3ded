"""What a file is by its first bytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Literal

Kind = Literal["nifti", "itk", "dicom"]


def kind_by_content(path: Path) -> Kind | None:
    """Format of a file, also inside gzip; None if it is none that is read."""
    with path.open("rb") as file:
        start = file.read(1024)
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
