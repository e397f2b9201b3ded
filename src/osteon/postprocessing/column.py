"""Which bodies stand in the column, and which pieces belong to one body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteon.geometry import FloatArray, transform_points
from osteon.postprocessing.components import Instances, Mask

LARGE = 0.4
"""The column is fitted to bodies with this share of the volume that a quarter of the bodies exceed."""

STRAY_MM = 22.0
"""A body whose centre is further from the column than half a vertebra's width and more is something else."""

CLOSE = 0.45
"""Two bodies closer along the column than this share of the usual distance are pieces of one."""


@dataclass(frozen=True)
class Body:
    """One body of the column.

    Parameters
    ----------
    numbers : tuple of int
        Its pieces in the instance map, the largest first.
    centre_mm : (3,) ndarray
        RAS mm.
    voxels : int
    anchor_share : float
        Share of its voxels that have the anchor's class.
    """

    numbers: tuple[int, ...]
    centre_mm: FloatArray
    voxels: int
    anchor_share: float

    @property
    def height_mm(self) -> float:
        """How far up its centre lies, in mm."""
        return float(self.centre_mm[2])


def bodies_of(instances: Instances, anchor: Mask | None, affine: FloatArray) -> list[Body]:
    """Every instance as a body, from the lowest up."""
    found = []
    for number in range(1, int(instances.max()) + 1):
        mask = instances == number
        voxels = int(mask.sum())
        centre = transform_points(affine, np.argwhere(mask).mean(axis=0)[None])[0]
        share = float((mask & anchor).sum() / voxels) if anchor is not None else 0.0
        found.append(Body((number,), centre, voxels, share))
    return sorted(found, key=lambda body: body.height_mm)


def in_column(bodies: Sequence[Body]) -> tuple[list[Body], int]:
    """Bodies near a smooth curve through the large ones, pieces of one body joined.

    Parameters
    ----------
    bodies : sequence of Body
        From the lowest up.

    Returns
    -------
    bodies : list of Body
    strays : int
        How many were left out because they lie beside the column.
    """
    large = [b for b in bodies if b.voxels >= LARGE * np.percentile([b.voxels for b in bodies], 75)]
    if len(large) < 3:
        return list(bodies), 0
    heights = np.array([b.height_mm for b in large])
    degree = 2 if len(large) >= 5 else 1
    curves = [np.polynomial.Polynomial.fit(heights, [b.centre_mm[axis] for b in large], degree) for axis in (0, 1)]
    kept = [b for b in bodies if _beside_mm(b, curves) <= STRAY_MM]
    usual = float(np.median(np.diff(heights)))
    joined: list[Body] = []
    for body in kept:
        if joined and body.height_mm - joined[-1].height_mm < CLOSE * usual:
            joined[-1] = _joined(joined[-1], body)
        else:
            joined.append(body)
    return joined, len(bodies) - len(kept)


def _beside_mm(body: Body, curves: Sequence[np.polynomial.Polynomial]) -> float:
    return float(np.hypot(*(body.centre_mm[axis] - curve(body.height_mm) for axis, curve in enumerate(curves))))


def _joined(one: Body, other: Body) -> Body:
    first, second = (one, other) if one.voxels >= other.voxels else (other, one)
    voxels = first.voxels + second.voxels
    share = (first.voxels * first.anchor_share + second.voxels * second.anchor_share) / voxels
    return replace(first, numbers=first.numbers + second.numbers, voxels=voxels, anchor_share=share)
