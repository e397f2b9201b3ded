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
from osteon.app.workspace import Workspace
from osteon.errors import ReadError
from osteon.geometry import Grid
from osteon.io import read, read_labels, write
from osteon.io.formats import smallest_unsigned
from osteon.io.whole import written_whole
from osteon.report.slices import CODES, windowed
from osteon.volume import LabelMap, Volume

MOST_VOXELS = 24_000_000
"""A larger scan opens thinned: a browser takes seconds for each 100 MB, and its graphics memory is limited."""

THUMBNAIL = 320
"""Longer side of a small picture, in pixels."""


LONG = 1.5
"""A body so many times as long as wide is pictured from the front."""


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
    view = _view(paths, case, scan, whole=whole)
    if not view.is_file():
        write_view(read(scan), view, whole=whole)
    return view


def view_of_labels(workspace: Workspace, case: str, result: str, *, whole: bool) -> Path:
    """File of a result's labels for the viewer, thinned as the scan is; made when it is first asked for."""
    paths = workspace.result(case, result)
    stamp = paths.segmentation.stat().st_mtime_ns
    view = workspace.paths.views / "labels" / f"{case}-{result}-{stamp}-{'whole' if whole else 'first'}.nii"
    if not view.is_file():
        write_view(read_labels(paths.segmentation, workspace.task(paths)), view, whole=whole)
    return view


def write_thumbnail(paths: WorkspacePaths, case: str, scan: Path) -> Path:
    """Small picture of a scan; what the viewer will ask for first is made of the same reading."""
    path = paths.thumbnail(case)
    if not path.is_file():
        volume, view = read(scan), _view(paths, case, scan, whole=False)
        if not view.is_file():
            write_view(volume, view, whole=False)
        write_picture(volume, path)
    return path


def _view(paths: WorkspacePaths, case: str, scan: Path, *, whole: bool) -> Path:
    return paths.views / f"{case}-{scan.stat().st_mtime_ns}-{'whole' if whole else 'first'}.nii"


def write_view(volume: Volume, path: Path, *, whole: bool) -> None:
    """Write a scan as the viewer takes it; a label map in its smallest type."""
    steps = (1, 1, 1) if whole else steps_for(volume.shape, volume.spacing_mm)
    if isinstance(volume, LabelMap):
        volume = Volume(volume.array.astype(smallest_unsigned(int(volume.array.max(initial=0)))), volume.affine)
    write(thinned(volume, steps), path)


def picture(volume: Volume) -> Image.Image:
    """The middle slice in the plane that the scan was taken in, as radiologists see it; a long body from the front."""
    axis = int(np.argmax(volume.spacing_mm))
    plane = {"R": "sagittal", "L": "sagittal", "A": "coronal", "P": "coronal"}.get(volume.orientation[axis], "axial")
    edges_mm = [n * s for n, s in zip(volume.shape, volume.spacing_mm, strict=True)]
    if plane == "axial" and edges_mm[axis] > LONG * max(e for n, e in enumerate(edges_mm) if n != axis):
        plane = "coronal"  # a whole leg says more than a slice of its knee
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
