"""What a SCAN argument stands for."""

from __future__ import annotations

from pathlib import Path

from osteon.errors import ReadError
from osteon.io.formats import READABLE, SUFFIXES, holds_dicom, kind_of, kind_or_why_not, not_opened, suffix_of


def is_image(path: str | Path) -> bool:
    """Whether a path is a file that `read` would try: by suffix, or by content where the suffix says nothing."""
    path = Path(path)
    return path.is_file() and kind_of(path) is not None


def scans_in(path: str | Path) -> list[tuple[str, Path]]:
    """What a SCAN argument stands for: case names and the path of each, sorted by name.

    A file is one case; so is a folder that holds DICOM files; any other folder is searched one level deep for image
    files and for DICOM folders.

    Raises
    ------
    ReadError
        If nothing is there to read, or two scans would share a case name.
    """
    path = Path(path)
    try:
        found = _found_in(path)
    except OSError as error:
        raise not_opened(path, error) from error
    if not found:
        raise ReadError(f"The folder {path} holds no scan. Osteon reads {READABLE}.")
    names = [name for name, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReadError(
            f"The folder {path} holds more than one scan named {', '.join(twice)}. Rename one, or give them one by one."
        )
    return found


def case_name(path: Path) -> str:
    """Name of a case: the file or folder without the suffixes of its format."""
    suffix = suffix_of(path)
    known = suffix in SUFFIXES and not path.is_dir()
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return name[: -len(suffix)] if known and len(name) > len(suffix) else name


def _found_in(path: Path) -> list[tuple[str, Path]]:
    if kind_or_why_not(path, folder_of_scans=True) is not None:
        return [(case_name(path), path)]
    return [
        (case_name(entry), entry)
        for entry in sorted(path.iterdir())
        if not entry.name.startswith(".") and (is_image(entry) or (entry.is_dir() and holds_dicom(entry, below=True)))
    ]
