"""What a SCAN argument stands for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

from osteon.errors import ReadError
from osteon.io.dicom import read_study
from osteon.io.formats import READABLE, SUFFIXES, holds_dicom, kind_of, kind_or_why_not, not_opened, read, suffix_of
from osteon.io.magic import is_zip
from osteon.volume import Volume


@dataclass(frozen=True)
class Scan:
    """A volume, and what became known while it was read.

    Parameters
    ----------
    volume : Volume
    notes : tuple of str
        What to tell whoever uses it: slices left out, stations joined, the series that was taken.
    study : str
        Unique identifier of the DICOM study, to be shown to nobody; empty where there is none.
    """

    volume: Volume
    notes: tuple[str, ...] = ()
    study: str = field(default="", repr=False)


def read_scan(path: str | Path, *, series: str | None = None, prefer: str | None = None) -> Scan:
    """Read a scan as `osteon.io.read` does, and keep what is to be said about it instead of warning.

    Parameters
    ----------
    path : str or Path
    series : str, optional
        Which DICOM series: its number in the list, UID, description or part of it, or a Dixon image: ``"water"``.
    prefer : str, optional
        Dixon image to take where several series can be used, such as ``"water"``.

    Raises
    ------
    OsteonError
        As `osteon.io.read`.
    """
    path = Path(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            dicom = kind_or_why_not(path) == "dicom"
            volume, study = read_study(path, series=series, prefer=prefer) if dicom else (read(path, series=series), "")
        except OSError as error:
            raise not_opened(path, error) from error
    notes = dict.fromkeys(str(one.message) for one in caught if issubclass(one.category, UserWarning))
    return Scan(volume, tuple(notes), study)


def is_image(path: str | Path) -> bool:
    """Whether a path is a file that `read` would try: by suffix, or by content where the suffix says nothing."""
    path = Path(path)
    return path.is_file() and kind_of(path) is not None


def scans_in(path: str | Path) -> list[tuple[str, Path]]:
    """What a SCAN argument stands for: case names and the path of each, sorted by name.

    A file is one case, also a zip archive of DICOM files; so is a folder that holds DICOM files; any other folder is
    searched one level deep for image files, archives and DICOM folders.

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
    known = suffix in (*SUFFIXES, ".zip") and not path.is_dir()
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return name[: -len(suffix)] if known and len(name) > len(suffix) else name


def _found_in(path: Path) -> list[tuple[str, Path]]:
    if kind_or_why_not(path, folder_of_scans=True) is not None and not _holds_archives_alone(path):
        return [(case_name(path), path)]
    return [
        (case_name(entry), entry)
        for entry in sorted(path.iterdir())
        if not entry.name.startswith(".") and (is_image(entry) or (entry.is_dir() and holds_dicom(entry, below=True)))
    ]


def _holds_archives_alone(path: Path) -> bool:
    """Whether a folder's DICOM lies in zip archives, each of which is a scan of its own."""
    return path.is_dir() and not any(
        file.is_file() and kind_of(file) == "dicom" and not is_zip(file) for file in path.iterdir()
    )
