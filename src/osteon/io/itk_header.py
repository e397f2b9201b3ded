"""The text before the voxels of a MetaImage or NRRD, looked at before ITK does.

ITK believes what it reads there: a pattern of file names with a step of zero ends the process, a list of files that is
cut short leaves voxels that nobody wrote, and a data file named ``-`` waits for the keyboard.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from osteon.errors import ReadError

MOST_DEFLATED = 1032
"""Bytes that one byte of deflate unpacks to, at most (zlib's technical details)."""

LONGEST_HEADER = 2**16
"""Bytes of a file in which its header is looked for."""

NRRD_DATA_FILE = re.compile(rb"^data ?file:[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE)

METAIMAGE_DATA_FILE = re.compile(rb"ElementDataFile[ \t=:]*([^\r\n]*)")

NRRD_GZIP = re.compile(rb"^encoding: *gz", re.MULTILINE | re.IGNORECASE)

METAIMAGE_LINE = re.compile(rb"^[ \t]*(\w+)[ \t]*[=:]?[ \t]*([^\r\n]*)", re.MULTILINE)

MOST_DIMENSIONS = 9

LENGTHS = (b"dimsize", b"elementspacing", b"elementsize")
"""What cannot be below zero."""

PLACES = (b"offset", b"position", b"origin", b"centerofrotation")
MATRICES = (b"transformmatrix", b"rotation", b"orientation")
WHOLE = (b"ndims", b"dimsize", b"elementnumberofchannels", b"headersize", b"compresseddatasize")


@dataclass(frozen=True)
class Header:
    """What was made out of a header.

    Parameters
    ----------
    path : Path
        The file it begins.
    nrrd : bool
        NRRD; else MetaImage.
    data : Path
        The file that holds the voxels, which may be the same.
    """

    path: Path
    nrrd: bool
    data: Path

    def refuse_empty_promise(self, promised_bytes: int) -> None:
        """Refuse a size that the data file cannot hold, before room is made for it.

        Raises
        ------
        ReadError
        """
        found = self.data.stat().st_size
        if promised_bytes > MOST_DEFLATED * found:
            raise ReadError(
                f"{self.path} is cut short: its header promises {promised_bytes} bytes of voxels, more than {found} "
                "bytes can hold. Copy or export it again."
            )


def checked_header(path: Path) -> Header:
    """Look at a header for what ITK would take for something else without a word.

    Raises
    ------
    ReadError
        If a number is none, the voxels are not as they are said to be, or lie elsewhere than in one plain file.
    """
    with path.open("rb") as file:
        text = file.read(LONGEST_HEADER)
    nrrd = text[:4].upper() == b"NRRD"
    if nrrd:
        text, _, voxels = text.replace(b"\r\n", b"\n").partition(b"\n\n")
        data = _data_file(NRRD_DATA_FILE.findall(text), path)
        if data == path and NRRD_GZIP.search(text) and voxels and not voxels.startswith(b"\x1f\x8b"):
            raise ReadError(f"{path} is damaged: its header says gzip, and its voxels are none. Copy it again.")
        return Header(path, nrrd, data)
    named = METAIMAGE_DATA_FILE.findall(text)
    if not named:
        raise ReadError(
            f"{path} cannot be read as {path.suffix.lstrip('.').upper()}: it does not begin as one, or its header "
            "is cut short. Check that it is the right file, or export the scan again."
        )
    _refuse_odd_numbers(text[: text.index(b"ElementDataFile")], path)
    return Header(path, nrrd, _data_file([name for name in named if name.strip() not in (b"LOCAL", b"Local")], path))


def _data_file(named: list[bytes], path: Path) -> Path:
    """Where the voxels are: the file itself, or the one plain file that its header names."""
    if not named:
        return path
    name = named[0].strip().decode("utf-8", errors="replace")
    if len(named) > 1 or "%" in name or name.upper().split()[:1] == ["LIST"]:
        raise ReadError(
            f"{path} keeps its voxels in several files ({name}); Osteon reads one. Open it in the program that wrote "
            "it, or in 3D Slicer, and save it as one .nrrd or .mha."
        )
    data = path.parent / name
    if name in ("", "-") or "\0" in name or not data.is_file():
        raise ReadError(
            f"{path} keeps its voxels in a file of its own, {name or 'without a name'}; this data file is missing. "
            "Copy both files, or save the scan as one .nrrd or .mha."
        )
    return data


def _refuse_odd_numbers(text: bytes, path: Path) -> None:
    """Refuse numbers that are none, or more or less of them than there are dimensions."""
    given = [(name.lower(), value) for name, value in METAIMAGE_LINE.findall(text)]
    dimensions = next((_numbers(value) for name, value in given if name == b"ndims"), [])
    n = dimensions[0] if len(dimensions) == 1 and 1 <= dimensions[0] <= MOST_DIMENSIONS else math.nan
    counts = dict.fromkeys((*LENGTHS, *PLACES), n) | dict.fromkeys(MATRICES, n * n)
    for name, value in given:
        if name not in (*counts, *WHOLE):
            continue
        numbers = _numbers(value)
        wrong = len(numbers) != counts.get(name, 1) or not all(math.isfinite(number) for number in numbers)
        wrong = wrong or (name in LENGTHS and min(numbers) < 0) or (name == b"ndims" and math.isnan(n))
        wrong = wrong or (name in WHOLE and not all(number.is_integer() and abs(number) < 2**62 for number in numbers))
        if wrong:
            what = "length" if name in LENGTHS else "place" if name in counts else "count"
            raise ReadError(
                f"{path} gives {name.decode()} as {value.decode(errors='replace').strip()}, which is no "
                f"{'number of dimensions' if name == b'ndims' else f'{what} in {n:g} dimensions'}. The header is "
                "damaged: export the scan again."
            )


def _numbers(text: bytes) -> list[float]:
    try:
        return [float(number) for number in text.split()]
    except ValueError:
        return [math.nan]
