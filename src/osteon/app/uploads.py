"""What a user drops: kept apart, its names never trusted, looked through by a worker, and accepted or thrown away."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from osteon.app.paths import UploadPaths, WorkspacePaths
from osteon.app.workspace import UnknownError
from osteon.errors import ReadError, UsageError
from osteon.io.formats import SUFFIXES, kind_of, suffix_of
from osteon.io.magic import is_zip
from osteon.io.surface_file import SURFACE_SUFFIXES

MOST_FILES = 20_000
"""In one drop; a study of every sequence has some thousand slices."""

MOST_BYTES = 8 * 2**30
MOST_UNPACKED = 8 * 2**30
"""Of an archive's files together."""

MOST_RATIO = 100
"""Unpacked size to packed; scans pack two to five times, noiseless ones twenty."""

WORTH_COUNTING = 64 * 2**20
"""Below this size an archive may pack as well as it likes."""

NUMBER = re.compile(r"[0-9a-f]{16}")


@dataclass
class Tally:
    """How much has come."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Upload:
    """One drop.

    Parameters
    ----------
    id : str
    paths : UploadPaths
    tally : Tally
    """

    id: str
    paths: UploadPaths
    tally: Tally = field(default_factory=Tally)

    @classmethod
    def begin(cls, workspace: WorkspacePaths) -> Upload:
        """Make room for a drop."""
        number = secrets.token_hex(8)
        upload = cls(number, UploadPaths(workspace.uploads / number))
        upload.paths.dicom.mkdir(parents=True)
        return upload

    @classmethod
    def find(cls, workspace: WorkspacePaths, number: str) -> Upload:
        """An earlier drop; `UnknownError` if there is none."""
        folder = workspace.uploads / number
        if not NUMBER.fullmatch(number) or not folder.is_dir():
            raise UnknownError("This drop is gone. Drop the files again.")
        return cls(number, UploadPaths(folder))

    def throw_away(self) -> None:
        """Remove everything of it: it holds patients' data."""
        shutil.rmtree(self.paths.folder, ignore_errors=True)

    async def take(self, name: str, body: AsyncIterator[bytes]) -> None:
        """Keep one file; of its name only the end and a plain stem count.

        Raises
        ------
        UsageError
            If there are too many files, or too many bytes.
        """
        self.tally.files += 1
        if self.tally.files > MOST_FILES:
            self.throw_away()
            raise UsageError(f"More than {MOST_FILES} files were dropped at once. Drop one study at a time.")
        part = self.paths.folder / f"part-{secrets.token_hex(6)}"
        try:
            with part.open("wb") as file:
                async for block in body:
                    self.tally.bytes += len(block)
                    if self.tally.bytes > MOST_BYTES:
                        self.throw_away()
                        raise UsageError(
                            f"More than {MOST_BYTES / 2**30:.0f} GB were dropped at once. Drop one study at a time."
                        )
                    file.write(block)
            self._sort(part, name)
        finally:
            part.unlink(missing_ok=True)

    def _sort(self, part: Path, name: str) -> None:
        """Put a file where it belongs by its content; its name only where the format needs the suffix."""
        plain = plain_name(name)
        if part.stat().st_size == 0:
            return
        suffix = suffix_of(Path(plain))
        kind = SUFFIXES.get(suffix) or kind_of(part)
        if is_zip(part):
            check_archive(part, plain)
            plain = plain if plain.lower().endswith(".zip") else f"{plain}.zip"
        elif kind == "dicom":
            part.replace(self.paths.dicom / f"{secrets.token_hex(8)}.dcm")
            return
        elif kind is None and Path(plain).suffix.lower() not in SURFACE_SUFFIXES:
            with (self.paths.folder / "ignored").open("a", encoding="utf-8") as listed:
                listed.write(f"{plain}\n")
            return
        folder = self.paths.folder / "files" / secrets.token_hex(4)
        folder.mkdir(parents=True)
        part.replace(folder / plain)

    def things(self) -> list[Path]:
        """What is to be looked through: the DICOM files as one folder, and each archive and image."""
        files = sorted((self.paths.folder / "files").glob("*/*"), key=lambda p: p.name)
        return ([self.paths.dicom] if any(self.paths.dicom.iterdir()) else []) + files

    def ignored(self) -> list[str]:
        """Names of files that are no images, a few of them."""
        listed = self.paths.folder / "ignored"
        return listed.read_text(encoding="utf-8").splitlines()[:100] if listed.is_file() else []

    def found(self) -> dict[str, object]:
        """What the worker has found so far."""
        if not self.paths.found.is_file():
            return {"series": [], "complete": False}
        document: dict[str, object] = json.loads(self.paths.found.read_text(encoding="utf-8"))
        return document


def plain_name(name: str) -> str:
    """The last part of a name, of harmless letters."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-_")[-80:]
    return plain.lstrip(".-_") or "file"


def without_place(text: str, folder: Path) -> str:
    """A sentence without the folder of the drop, which means nothing to a user."""
    text = re.sub(re.escape(f"{folder}/files/") + "[0-9a-f]+/", "", text)
    return text.replace(str(folder / "dicom"), "What was dropped").replace(f"{folder}/", "")


def check_archive(path: Path, name: str) -> None:
    """Refuse an archive that is damaged or would unpack to far more than a scan does.

    Its entries are read in place, so that names that lead out of it lead nowhere; `osteon.io` refuses them as well.

    Raises
    ------
    ReadError
        If so.
    """
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except (BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise ReadError(f"{name} is a damaged zip archive. Copy or download it again.") from error
    unpacked, packed = sum(e.file_size for e in entries), path.stat().st_size
    if len(entries) > MOST_FILES or unpacked > MOST_UNPACKED:
        raise ReadError(
            f"{name} holds {len(entries)} files of {unpacked / 2**30:.1f} GB together; at most {MOST_FILES} and "
            f"{MOST_UNPACKED / 2**30:.0f} GB are taken here. Unpack it and drop one series at a time."
        )
    if unpacked > WORTH_COUNTING and unpacked > MOST_RATIO * packed:
        raise ReadError(
            f"{name} would grow {unpacked // max(1, packed)} times on unpacking, as no archive of scans does. It is "
            "refused. If it is a real scan, unpack it and drop the folder."
        )
