"""What is in a file or folder, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osteon.errors import OsteonError
from osteon.io.dicom import list_series
from osteon.io.formats import read
from osteon.io.scans import scans_in


@dataclass(frozen=True)
class Inspected:
    """One scan, or one series of a folder that holds several or a bad one.

    Parameters
    ----------
    case : str
    series : str
        Its geometry in words; empty if it cannot be read.
    problem : str, optional
        Why it cannot be used.
    """

    case: str
    series: str
    problem: str | None


def inspect(path: str | Path) -> list[Inspected]:
    """Say what is here: series, geometry, problems.

    Parameters
    ----------
    path : path
        DICOM folder or file, NIfTI, MHA or NRRD file, or a folder of those.

    Raises
    ------
    ReadError
        If nothing is there to read.
    """
    return [found for name, scan in scans_in(path) for found in _inspected(name, scan)]


def _inspected(name: str, scan: Path) -> list[Inspected]:
    series = list_series(scan) if scan.is_dir() else []
    if len(series) > 1 or any(one.problem for one in series):
        return [Inspected(name, str(one), one.problem) for one in series]
    try:
        return [Inspected(name, repr(read(scan)), None)]
    except OsteonError as error:
        return [Inspected(name, "", str(error))]
