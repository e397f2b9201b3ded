"""Scans and labels as the viewer takes them: plain NIfTI, large ones thinned first; and small pictures."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray
from PIL import Image

from osteon.app.paths import WorkspacePaths
from osteon.errors import ReadError
from osteon.geometry import Grid
from osteon.io import read, write
from osteon.io.formats import smallest_unsigned
from osteon.io.whole import written_whole
from osteon.report.slices import CODES, windowed
from osteon.volume import LabelMap, Volume

MOST_VOXELS = 24_000_000
"""A larger scan opens thinned: a browser takes seconds for each 100 MB, and its graphics memory is limited."""

THUMBNAIL = 320
"""Longer side of a small picture, in pixels."""


def grid_of(path: Path) -> Grid:
    """Grid of a NIfTI file, from its header alone.

    Raises
    ------
    ReadError
        If it is damaged.
    """
    try:
        image = nibabel.load(path)
        i, j, k = image.shape
        return Grid((int(i), int(j), int(k)), np.asarray(image.affine, dtype=np.float64))
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise ReadError(f"{path.name} is damaged. Add the scan again.") from error


def steps_for(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """How many voxels a thinned scan goes on along each axis: the finest axes are thinned first."""
    steps = [1, 1, 1]
    while math.prod(n // s for n, s in zip(shape, steps, strict=True)) > MOST_VOXELS:
        edges = [e * s for e, s in zip(spacing_mm, steps, strict=True)]
        steps[int(np.argmin(edges))] += 1
    return steps[0], steps[1], steps[2]


def thinned(volume: Volume, steps: tuple[int, int, int]) -> Volume:
    """Every n-th voxel of each axis; those that remain stay where they are in the world."""
    if steps == (1, 1, 1):
        return volume
    array = volume.array[:: steps[0], :: steps[1], :: steps[2]]
    return Volume(np.ascontiguousarray(array), volume.affine @ np.diag([*steps, 1.0]))


def view_of_scan(paths: WorkspacePaths, case: str, scan: Path, *, whole: bool) -> Path:
    """File of a scan for the viewer, made when it is first asked for.

    Parameters
    ----------
    paths : WorkspacePaths
    case : str
    scan : Path
    whole : bool
        Every voxel, also of a large scan.
    """
    about = scan.stat()
    view = paths.views / f"{case}-{about.st_mtime_ns}-{'whole' if whole else 'first'}.nii"
    if not view.is_file():
        write_view(read(scan), view, whole=whole)
    return view


def write_view(volume: Volume, path: Path, *, whole: bool) -> None:
    """Write a scan as the viewer takes it; a label map in its smallest type."""
    steps = (1, 1, 1) if whole else steps_for(volume.shape, volume.spacing_mm)
    if isinstance(volume, LabelMap):
        volume = Volume(volume.array.astype(smallest_unsigned(int(volume.array.max(initial=0)))), volume.affine)
    write(thinned(volume, steps), path)


def picture(volume: Volume) -> Image.Image:
    """The middle slice in the plane that the scan was taken in, as a radiologist looks at it."""
    axis = int(np.argmax(volume.spacing_mm))
    plane = {"R": "sagittal", "L": "sagittal", "A": "coronal", "P": "coronal"}.get(volume.orientation[axis], "axial")
    turned = volume.reoriented(CODES[plane])  # type: ignore[index] # one of the three
    columns, rows = turned.spacing_mm[:2]
    pixels: NDArray[np.generic] = turned.array[:, :, turned.shape[2] // 2].T  # (rows, columns)
    finite = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels.ravel()
    low, high = (float(p) for p in np.percentile(finite, (1.0, 99.5))) if finite.size else (0.0, 1.0)
    grey = Image.fromarray(windowed(pixels, (low, high if high > low else low + 1.0)))
    width_mm, height_mm = turned.shape[0] * columns, turned.shape[1] * rows
    scale = THUMBNAIL / max(width_mm, height_mm)
    return grey.resize((max(1, round(width_mm * scale)), max(1, round(height_mm * scale))), Image.Resampling.LANCZOS)


def write_picture(volume: Volume, path: Path) -> None:
    """Write `picture` as PNG, whole or not at all."""
    with written_whole(path) as part:
        picture(volume).save(part, format="PNG")
