"""A closed body against the scan: its voxels, what of it lies outside, and whether they hold its volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osteon.errors import GeometryError
from osteon.geometry import FloatArray, Grid, inverse, transform_points
from osteon.io.surface_file import SurfaceFile
from osteon.io.world import LPS_TO_RAS
from osteon.masks.from_surface import Box, voxels_in_box
from osteon.masks.placement import Placement, points_inside
from osteon.masks.soundness import Body
from osteon.volume import Volume

NOTED, REFUSED = 0.03, 0.1
"""A mask whose volume differs from its surface's by this share is looked at closely; one of a surface that cuts itself
so much that even fine voxels differ by the second is refused."""

FINE = 128
"""Voxels along the longest extent of a surface that is looked at closely."""


def voxels_of_body(body: Body, grid: Grid) -> tuple[NDArray[np.bool_], Box]:
    """Voxels whose centres lie in a body and not in its cavities; parts that overlap one another unite.

    Returns
    -------
    inside : bool ndarray
        In a box of the grid.
    box : tuple of slice
    """
    parts = [(*voxels_in_box(part, grid), sign) for part, sign in body.parts]
    parts = [part for part in parts if part[0].size]
    if len(parts) == 1:
        inside, box, _ = parts[0]
        return inside, box
    if not parts:
        return np.zeros((0, 0, 0), dtype=np.bool_), (slice(0, 0), slice(0, 0), slice(0, 0))
    low = np.min([[s.start for s in box] for _, box, _ in parts], axis=0)
    high = np.max([[s.stop for s in box] for _, box, _ in parts], axis=0)
    depth = np.zeros(high - low, dtype=np.int16)  # how many bodies, less cavities, a voxel is in
    for inside, box, sign in parts:
        depth[tuple(slice(s.start - a, s.stop - a) for s, a in zip(box, low, strict=True))] += sign * inside
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return depth > 0, (i, j, k)


def share_outside(body: Body, scan: Volume) -> float:
    """Share of a body's volume outside the scan's box; 0 exactly if none of it is."""
    if _within(np.concatenate([part.vertices for part, _ in body.parts]), scan).all():
        return 0.0
    return float(
        1 - _within(np.concatenate([points_inside(part) for part, sign in body.parts if sign > 0]), scan).mean()
    )


def _within(points_mm: FloatArray, scan: Volume) -> NDArray[np.bool_]:
    index = transform_points(inverse(scan.affine), points_mm)
    return np.asarray(((index >= -0.5) & (index <= np.array(scan.shape) - 0.5)).all(axis=1))


def elsewhere(body: Body, file: SurfaceFile, placement: Placement, like: Volume) -> GeometryError:
    """Why a surface outside the scan is refused, with the remedy if the other world would fit."""
    points = np.concatenate([part.vertices for part, _ in body.parts])
    distance = float(np.linalg.norm(points.mean(axis=0) - like.grid.corners_mm().mean(axis=0)))
    other = "LPS" if placement.space == "RAS" else "RAS"
    fits = float(_within(transform_points(LPS_TO_RAS, points), like).mean())
    remedy = (
        f"Read as {other}, {fits:.0%} of its corners would lie in it: if that is its world, say --space {other}."
        if fits > NOTED
        else "Check that both come from the same examination, and the unit."
    )
    return GeometryError(
        f"{file.path} lies outside the scan: its middle is {distance:.0f} mm from the scan's "
        f"({placement.how}). {remedy}"
    )


def mended(body: Body) -> list[str]:
    """What was odd about a surface and was put right, in words."""
    notes = []
    if body.openings:
        holes = "1 hole" if body.openings == 1 else f"{body.openings} holes"
        notes.append(f"{holes} closed with flat caps, the widest {body.widest_mm:.1f} mm")
    if body.inverted:
        notes.append("its faces look inward, which does not matter here")
    cavities = sum(sign < 0 for _, sign in body.parts)
    if len(body.parts) > 1:
        within = f", of which {cavities} are cavities" if cavities else ""
        notes.append(f"{len(body.parts)} separate parts{within}")
    return notes


def looked_at_closely(body: Body, mask_mm3: float, path: Path) -> str:
    """Why the voxels' volume is not the surface's: it cuts itself, its parts overlap, or it is thin for voxels."""
    vertices = np.concatenate([part.vertices for part, _ in body.parts])
    low, extent = vertices.min(axis=0), np.ptp(vertices, axis=0)
    step = float(extent.max()) / FINE
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = low
    i, j, k = (int(n) for n in np.ceil(extent / step) + 1)
    grid = Grid((i, j, k), affine)
    alone = sum(sign * np.count_nonzero(voxels_in_box(part, grid)[0]) for part, sign in body.parts)
    together = np.count_nonzero(voxels_of_body(body, grid)[0])
    missing = 1 - alone * step**3 / body.volume_mm3
    if missing > REFUSED:
        raise GeometryError(
            f"{path} cuts or covers itself: {missing:.0%} of the volume that it goes around is gone around twice (at "
            f"most {REFUSED:.0%} is accepted), so inside and outside are not told apart. Repair the surface in the "
            "program that made it, and export it again."
        )
    if missing > NOTED:
        return f"it cuts itself: {missing:.0%} of its volume is gone around twice; look at the mask"
    if together < (1 - NOTED) * alone:
        return f"its parts overlap one another by {1 - together / alone:.0%}; they were united"
    more = mask_mm3 / body.volume_mm3 - 1
    return f"it is thin for these voxels: they hold {abs(more):.1%} {'more' if more > 0 else 'less'} than its volume"
