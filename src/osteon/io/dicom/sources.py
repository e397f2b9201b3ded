"""Where the bytes of DICOM files come from: a folder, a file, or a zip archive that is read in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from osteon.errors import ReadError
from osteon.io.magic import is_zip

MOST_FILES = 100_000
"""In an archive; a whole-body study with every echo has some ten thousand."""

MOST_BYTES = 64 * 2**30
"""Of an archive's files together, unpacked."""

MOST_BYTES_A_FILE = 2 * 2**30
"""Of one file of an archive, unpacked: each is unpacked in memory, one after another."""

ENCRYPTED = 0x1
"""Bit of a zip entry's flags."""

UID_LIKE = re.compile(r"\d+(?:\.\d+){4,}")
"""Unique identifiers, by which some archives name their files."""


@dataclass(frozen=True, eq=False)
class Source:
    """One file, or one entry of an open zip archive.

    Parameters
    ----------
    path : Path
        The file, or the archive.
    entry : str
        Name in the archive; empty for a file.
    archive : ZipFile, optional
    """

    path: Path
    entry: str = ""
    archive: ZipFile | None = None

    def __str__(self) -> str:
        return f"{self.path}, {without_uid(self.entry)}" if self.entry else str(self.path)

    @property
    def name(self) -> str:
        """Last part of the name, with any unique identifier in it cut to its end."""
        return without_uid(PurePosixPath(self.entry).name if self.entry else self.path.name)

    def start(self, count: int) -> bytes:
        """The first bytes."""
        if self.archive is None:
            with self.path.open("rb") as file:
                return file.read(count)
        with _unpacking(self), self.archive.open(self.entry) as file:
            return file.read(count)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes as a file that can be sought."""
        if self.archive is None:
            with self.path.open("rb") as file:
                yield file
            return
        with _unpacking(self):
            unpacked = self.archive.read(self.entry)
        yield BytesIO(unpacked)


@contextmanager
def sources_in(path: Path) -> Iterator[list[list[Source]]]:
    """Files to look through, in turns: the next turn counts only if the one before holds no image.

    Of a folder, its own files and then all below it; of a zip archive, its entries; of a file, the file.

    Raises
    ------
    ReadError
        If an archive is damaged, locked by a password, too large, or holds names that lead out of it.
    """
    if path.is_dir():
        own = sorted(file for file in path.iterdir() if file.is_file())
        yield [[Source(file) for file in own], _below(path, set(own))]
    elif is_zip(path):
        try:
            archive = ZipFile(path)
        except (BadZipFile, ValueError, NotImplementedError) as error:
            raise ReadError(f"{path} is a damaged zip archive. Copy or download it again.") from error
        with archive:
            yield [[Source(path, info.filename, archive) for info in _checked(archive.infolist(), path)]]
    else:
        yield [[Source(path)]]


def without_uid(text: str) -> str:
    """A text in which unique identifiers are cut to their last characters: they lead back to the patient."""
    return UID_LIKE.sub(lambda found: f"...{found[0][-6:]}", text)


def _below(folder: Path, own: set[Path]) -> list[Source]:
    return [Source(file) for file in sorted(folder.rglob("*")) if file not in own and file.is_file()]


def _checked(entries: list[ZipInfo], path: Path) -> list[ZipInfo]:
    named = (entry for entry in entries if entry.filename and not entry.is_dir())  # is_dir fails without a name
    files = sorted(named, key=lambda entry: entry.filename)
    if len(files) > MOST_FILES:
        raise ReadError(
            f"{path} holds {len(files)} files; an archive is read with at most {MOST_FILES}. "
            "Unpack it, and give the folder."
        )
    size = sum(entry.file_size for entry in files)
    largest = max((entry.file_size for entry in files), default=0)
    if size > MOST_BYTES or largest > MOST_BYTES_A_FILE:
        raise ReadError(
            f"{path} unpacks to {size / 2**30:.1f} GiB, its largest file to {largest / 2**30:.1f} GiB; at most "
            f"{MOST_BYTES / 2**30:.0f} and {MOST_BYTES_A_FILE / 2**30:.0f} GiB are read in place. "
            "Unpack it, and give the folder."
        )
    for entry in files:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
            raise ReadError(
                f"{path} holds an entry whose name leads out of the archive ({without_uid(entry.filename)}), as no "
                "honest archive does. Pack the series again."
            )
        if entry.flag_bits & ENCRYPTED:
            raise ReadError(f"{path} is locked by a password. Unpack it and give the folder.")
    return files


@contextmanager
def _unpacking(source: Source) -> Iterator[None]:
    """Say which entry cannot be unpacked; zipfile raises what its decompressors raise."""
    try:
        yield
    except Exception as error:
        raise ReadError(f"{source} cannot be unpacked: the archive is damaged. Copy or download it again.") from error
