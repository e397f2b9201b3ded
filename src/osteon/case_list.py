"""Which cases a command is to make, and what is in their way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from osteon.case_paths import CasePaths
from osteon.errors import UsageError
from osteon.io import scans_in
from osteon.run import RECORD


def cases_of(scans: Sequence[str | Path]) -> list[tuple[str, Path]]:
    """Name and path of every scan that some arguments stand for.

    Raises
    ------
    UsageError
        If there is none, or two have one name.
    ReadError
        If an argument stands for nothing that can be read.
    """
    cases = [case for scan in scans for case in scans_in(scan)]
    if not cases:
        raise UsageError("No scan was given.")
    names = [name.casefold() for name, _ in cases]  # Windows and macOS take A and a for one folder
    twice = sorted({name for name, _ in cases if names.count(name.casefold()) > 1})
    if twice:
        raise UsageError(f"Two scans are named {twice[0]}; rename one, or segment them into two output folders.")
    return cases


def refuse_what_is_in_the_way(out: Path, names: Sequence[str], overwrite: bool) -> None:
    """Refuse to replace what is no result of Osteon, and results unless that is wanted.

    Parameters
    ----------
    out : Path
        Folder of all results.
    names : sequence of str
        Of the cases.
    overwrite : bool

    Raises
    ------
    UsageError
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder. Choose another output folder.")
    old = [name for name in names if (out / name).exists()]
    # the folder of a DICOM series has its case's name, too: what is not a result is never replaced
    foreign = [name for name in old if not _is_result(out / name)]
    if foreign:
        raise UsageError(
            f"{out / foreign[0]} is not a result of Osteon (it holds no {RECORD}) and is left as it is. Choose another "
            "output folder."
        )
    if old and not overwrite:
        shown = ", ".join(old[:3]) + (" ..." if len(old) > 3 else "")
        raise UsageError(f"{out} already holds {shown}. Give --overwrite to replace, or choose another output folder.")


def _is_result(folder: Path) -> bool:
    return folder.is_dir() and (CasePaths(folder).record.is_file() or not any(folder.iterdir()))
