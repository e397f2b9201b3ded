"""Surfaces as files, one for each structure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from osteon.io.surface import Surface, write_ply
from osteon.io.whole import folder_written_whole


def write_meshes(surfaces: dict[str, Surface], folder: Path) -> None:
    """Write ``folder/<structure>.ply`` for every surface; an older folder is replaced as a whole.

    Parameters
    ----------
    surfaces : dict of str to Surface
        RAS mm, keyed by structure name.
    folder : Path
    """
    with folder_written_whole(folder) as part, ThreadPoolExecutor() as threads:
        list(threads.map(lambda name: write_ply(surfaces[name], part / f"{name}.ply"), surfaces))  # raises, too
