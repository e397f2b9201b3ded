"""What is in a file or folder, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osteon.errors import OsteonError, ReadError
from osteon.io.dicom import Series, survey
from osteon.io.magic import is_zip
from osteon.io.scans import read_scan, scans_in


@dataclass(frozen=True)
class Inspected:
    """One scan; or one series, or one unreadable file, of a folder that holds several series or a bad one.

    Parameters
    ----------
    case : str
    series : str
        Its geometry in words; empty if it cannot be read.
    problem : str, optional
        Why it cannot be used.
    notes : tuple of str
        What to know before it is used.
    details : Series, optional
        Of a DICOM series.
    """

    case: str
    series: str
    problem: str | None
    notes: tuple[str, ...] = ()
    details: Series | None = None


def inspect(path: str | Path) -> list[Inspected]:
    """Say what is here: series, geometry, problems.

    Parameters
    ----------
    path : path
        DICOM folder, zip archive or file, NIfTI, MHA or NRRD file, or a folder of those.

    Raises
    ------
    ReadError
        If nothing is there to read.
    """
    return [found for name, scan in scans_in(path) for found in _inspected(name, scan)]


def _inspected(name: str, scan: Path) -> list[Inspected]:
    try:
        series, broken = survey(scan) if scan.is_dir() or is_zip(scan) else ([], [])
    except ReadError as error:
        return [Inspected(name, "", str(error))]
    listed = [Inspected(name, str(one), one.problem, one.notes, one) for one in series]
    listed += [Inspected(name, "", sentence) for sentence in broken]
    if len(listed) > 1 or any(one.problem for one in listed):
        return listed
    try:
        read = read_scan(scan)
    except OsteonError as error:
        return [Inspected(name, "", str(error))]
    return [Inspected(name, repr(read.volume), None, read.notes, series[0] if series else None)]
