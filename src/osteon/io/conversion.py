"""From any format to another."""

from __future__ import annotations

from pathlib import Path

from osteon.errors import UsageError
from osteon.io.formats import read, write
from osteon.volume import Volume


def convert(path: str | Path, out: str | Path, *, series: str | None = None, overwrite: bool = False) -> Volume:
    """Convert a DICOM series or an image to another format, and return it.

    Parameters
    ----------
    path : path
        DICOM folder, zip archive or file, or any image.
    out : path
        Its suffix chooses the format.
    series : str, optional
        Which series of a folder: its number, UID, description or part of it, or a Dixon image such as ``"water"``.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    UsageError
        If ``out`` exists and may not be replaced.
    ReadError
        If there is nothing to read or more than one series to choose from.

    Warns
    -----
    UserWarning
        As `osteon.io.dicom.read_dicom`.
    """
    out = Path(out)
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists. Give --overwrite to replace it, or choose another name.")
    volume = read(path, series=series)
    write(volume, out)
    return volume
