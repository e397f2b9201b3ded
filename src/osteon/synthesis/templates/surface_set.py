"""A body from named surfaces of bones, cartilage and muscles, with a skin around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.errors import TaskError
from osteon.geometry import Grid
from osteon.io.surface import Surface
from osteon.masks.from_surface import voxels_of
from osteon.synthesis.body import Body
from osteon.synthesis.parts import BONES, CODE, PARTS
from osteon.synthesis.templates.naming import part_of
from osteon.synthesis.templates.outline import Fat, add_wall, outlined
from osteon.synthesis.templates.soft_tissue import fill_feet, fill_joints, fill_soft_tissue
from osteon.volume import LabelMap, Volume

MARGIN_MM = 50.0
"""Of the grid around the surfaces: room for fat and skin."""
CREST_MM = 10.0
"""The top of the iliac crests, above which nothing is known of the trunk, is left out."""
SIDES = {"right": 1, "left": 2}


@dataclass(frozen=True, eq=False)
class Painted:
    """Surfaces on a grid: parts, label values, and the side that each voxel was painted for.

    Parameters
    ----------
    parts, values, sides : (i, j, k) uint8 ndarray
        Sides are 1 for right, 2 for left, 0 for neither.
    """

    parts: NDArray[np.uint8]
    values: NDArray[np.uint8]
    sides: NDArray[np.uint8]


def body_from_surfaces(
    surfaces: Mapping[str, Surface], fat: Fat, *, name: str, source: str, spacing_mm: float = 2.0
) -> Body:
    """Body of somebody whose bones and muscles are surfaces.

    Parameters
    ----------
    surfaces : mapping of str to Surface
        RAS mm. A name says the side (``left``, ``right``, or neither) and the structure; see
        `osteon.synthesis.templates.naming`.
    fat : Fat
        How thick it lies under the skin.
    name, source : str
    spacing_mm : float
        Voxel edge of the result.

    Raises
    ------
    TaskError
        If a name stands for no known structure, a bone of the task has no side, or the bones are missing that tell knee
        and hip.
    """
    task = Task.load("leg-bones")
    _require_bones(surfaces, name)
    grid = _grid_around(surfaces, spacing_mm)
    painted = paint(surfaces, grid, task)
    edges = grid.spacing_mm
    fill_joints(painted.parts, painted.values, edges)
    fill_feet(painted.parts, painted.sides, edges)
    body = outlined(painted.parts, painted.sides, fat, edges)
    add_wall(painted.parts, edges)
    fill_soft_tissue(painted.parts, body, edges, name)
    return Body(
        name, Volume(painted.parts, grid.affine), LabelMap(painted.values, grid.affine, task=task), source=source
    )


def _require_bones(surfaces: Mapping[str, Surface], name: str) -> None:
    """Refuse surfaces that leave open where knee and hip are: fat is as thick as it is there."""
    codes = {part_of(known) for known in surfaces}
    missing = [
        " or ".join(bones) for bones in (("tibia", "fibula"), ("pelvis",)) if codes.isdisjoint(CODE[b] for b in bones)
    ]
    if missing:
        raise TaskError(f"No surface of {name} is a {', and none a '.join(missing)}: its outline cannot be made.")


def paint(surfaces: Mapping[str, Surface], grid: Grid, task: Task) -> Painted:
    """Voxels of every surface: muscles first, cartilage over them, bones last.

    Raises
    ------
    TaskError
        If a name stands for no known structure, or a bone of the task has no side.
    """
    arrays = [np.zeros(grid.shape, dtype=np.uint8) for _ in range(3)]
    parts, values, sides = arrays
    part_names = {part.code: part.name for part in PARTS}
    codes = {name: part_of(name) for name in surfaces}
    for name in sorted(surfaces, key=lambda n: (part_names[codes[n]] in BONES, codes[n] == CODE["cartilage"], n)):
        mask = voxels_of(surfaces[name], grid)
        side = next((word for word in name.split("_") if word in SIDES), None)
        value = _value(task, part_names[codes[name]], side, name)
        parts[mask], values[mask], sides[mask] = codes[name], value, SIDES.get(side or "", 0)
    return Painted(parts, values, sides)


def _value(task: Task, part: str, side: str | None, name: str) -> int:
    """Label value of a part on a side; 0 for what the task does not know."""
    group = [s for s in task.structures if s.parent == part]
    found = [s.value for s in group if s.side == side]
    if group and not found:
        raise TaskError(f"The surface {name} has no side in its name; call it {name}_left or {name}_right.")
    return found[0] if found else 0


def _grid_around(surfaces: Mapping[str, Surface], spacing_mm: float) -> Grid:
    """Box of all surfaces with a margin across the body; above, it ends with the bones of the pelvis."""
    points = np.concatenate([surface.vertices for surface in surfaces.values()])
    pelvis = [s.vertices[:, 2].max() for name, s in surfaces.items() if part_of(name) == CODE["pelvis"]]
    low, high = points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM
    low[2] += MARGIN_MM - 16
    high[2] = max(pelvis) - CREST_MM
    shape = np.ceil((high - low) / spacing_mm).astype(int)
    place = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    place[:3, 3] = low
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), place)
