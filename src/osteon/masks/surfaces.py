"""Surfaces -> one label map on a scan's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osteon.anatomy import Task
from osteon.errors import TaskError, UsageError
from osteon.io.surface_file import Space, SurfaceFile, Unit, read_surface_file
from osteon.masks.combination import settled
from osteon.masks.overlay import Overlap, OverlapRule, Overlay, check_rule
from osteon.masks.placement import Placement, placed
from osteon.masks.scrutiny import NOTED, elsewhere, looked_at_closely, mended, share_outside, voxels_of_body
from osteon.masks.soundness import body_of
from osteon.volume import LabelMap, Volume


@dataclass(frozen=True)
class SurfaceMask:
    """What became of one surface.

    Parameters
    ----------
    structure : str
    file : Path
    placement : Placement
        World and unit of its coordinates, and how they were found.
    surface_mm3 : float
        Volume that the closed surface encloses.
    mask_mm3 : float
        Volume of its voxels, before overlaps are settled.
    notes : tuple of str
        What was mended, and what to look at.
    """

    structure: str
    file: Path
    placement: Placement
    surface_mm3: float
    mask_mm3: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FromSurfaces:
    """The label map of some surfaces, and what happened on the way.

    Parameters
    ----------
    labels : LabelMap
        On the scan's grid.
    surfaces : tuple of SurfaceMask
    overlaps : tuple of Overlap
    notes : tuple of str
        About the structures as a whole.
    """

    labels: LabelMap
    surfaces: tuple[SurfaceMask, ...]
    overlaps: tuple[Overlap, ...]
    notes: tuple[str, ...]


def surfaces_to_labels(
    surfaces: Sequence[tuple[str, str | Path]],
    like: Volume,
    task: Task,
    *,
    overlap: OverlapRule = "background",
    space: Space | None = None,
    unit: Unit | None = None,
) -> FromSurfaces:
    """Turn surfaces into a label map on a scan's grid: a voxel is inside if its centre is.

    Surfaces with holes are closed by flat caps, parts that lie in one another or overlap are told apart by their
    orientation, and it does not matter which way the faces look (see `osteon.masks.soundness`). Where no comment says
    RAS or LPS, both are tried against the body in the scan (see `osteon.masks.placement`).

    Parameters
    ----------
    surfaces : sequence of (str, path)
        Name of a structure of the task, and its surface: PLY, STL, OBJ, VTP or VTK. Several of one structure unite.
    like : Volume
        The scan.
    task : Task
    overlap : "background", "priority" or "nearest"
        As in `combine`.
    space : "RAS" or "LPS", optional
        World of the coordinates, over what the files say.
    unit : "mm", "cm" or "m", optional
        Unit of the coordinates, over what the files say.

    Returns
    -------
    FromSurfaces

    Raises
    ------
    ReadError
        If a file is no surface, or damaged.
    UsageError
        If the world of the coordinates is not told and both fit.
    GeometryError
        If a surface does not lie in the scan, is a sheet, or cuts itself.
    TaskError
        If a name is no structure of the task.
    """
    check_rule(overlap)
    if not surfaces:
        raise UsageError("There is no surface to turn into a mask. Give at least one file.")
    for name, _ in surfaces:
        if name not in {structure.name for structure in task.structures}:
            names = ", ".join(structure.name for structure in task.structures)
            raise TaskError(f"The task {task.name} has no structure named {name}. It knows: {names}.")
    files = [read_surface_file(path) for _, path in surfaces]
    placements = placed(files, like, space=space, unit=unit)
    overlay = Overlay(like.grid, len(task.structures))
    done = [
        _laid(overlay, name, file, placement, like)
        for (name, _), file, placement in zip(surfaces, files, placements, strict=True)
    ]
    combined = settled(overlay, overlap, like, task, [])
    return FromSurfaces(combined.labels, tuple(done), combined.overlaps, combined.notes)


def _laid(overlay: Overlay, name: str, file: SurfaceFile, placement: Placement, like: Volume) -> SurfaceMask:
    body = body_of(file.placed(placement.space, placement.unit), str(file.path))
    outside = share_outside(body, like)
    if outside == 1:
        raise elsewhere(body, file, placement, like)
    inside, box = voxels_of_body(body, like.grid)
    overlay.add(name, inside, box)
    volume_mm3 = float(np.count_nonzero(inside) * like.voxel_volume_mm3)
    notes = mended(body)
    if outside:
        notes.append(f"{outside:.1%} of it lies outside the scan and is cut off")
    elif abs(volume_mm3 - body.volume_mm3) > NOTED * body.volume_mm3:
        notes.append(looked_at_closely(body, volume_mm3, file.path))
    return SurfaceMask(name, file.path, placement, body.volume_mm3, volume_mm3, tuple(notes))
