"""Cross-sections of a mask across any direction, interpolated, so that thick slices do not make steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import FloatArray, inverse, transform_points

_PART = 0.25
"""Membership above which samples hang together; half would part a thin oblique bone between two thick slices."""


@dataclass(frozen=True)
class Line:
    """A point and a unit direction, in world mm."""

    point: FloatArray
    direction: FloatArray

    def at(self, position_mm: float) -> FloatArray:
        """The point so far along."""
        return np.asarray(self.point + position_mm * self.direction, dtype=np.float64)

    def positions_mm(self, points: FloatArray) -> FloatArray:
        """How far along the line each of ``(n, 3)`` points lies."""
        return np.asarray((points - self.point) @ self.direction, dtype=np.float64)

    def offsets_mm(self, points: FloatArray) -> FloatArray:
        """Vectors ``(n, 3)`` from the line to points, at right angles to it."""
        return across(points - self.point, self.direction)


@dataclass(frozen=True)
class Section:
    """What a plane cuts from a mask.

    Parameters
    ----------
    area_mm2 : float
    centroid : (3,) ndarray
        World mm.
    longest : (3,) ndarray
        Unit direction in which it is widest (its principal axis), in the plane.
    """

    area_mm2: float
    centroid: FloatArray
    longest: FloatArray


def unit(vector: FloatArray) -> FloatArray:
    """A vector's direction."""
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float64)


def across(vectors: FloatArray, direction: FloatArray) -> FloatArray:
    """The part of vectors ``(..., 3)`` that is at right angles to a unit direction."""
    return np.asarray(vectors - (vectors @ direction)[..., None] * direction, dtype=np.float64)


def section(
    mask: NDArray[np.float32],
    affine: FloatArray,
    centre: FloatArray,
    normal: FloatArray,
    reach_mm: float,
    step_mm: float = 1.0,
) -> Section | None:
    """Cut a mask with a plane; the part nearest to the plane's centre counts, within a circle.

    Parameters
    ----------
    mask : (i, j, k) float32 ndarray
        0 or 1; outside the array is background.
    affine : (4, 4) ndarray
    centre, normal : (3,) ndarray
        World mm; the normal of unit length.
    reach_mm : float
        Radius of the circle about the centre.
    step_mm : float
        Between samples.

    Returns
    -------
    Section or None
        None where the plane cuts nothing there.
    """
    first = unit(across(np.eye(3)[int(np.argmin(np.abs(normal)))], normal))
    directions = np.stack([first, _crossed(normal, first)])
    steps, distance = _square(reach_mm, step_mm)
    to_index = inverse(affine)
    corner = transform_points(to_index, (centre + steps[0] * directions.sum(axis=0))[None])[0]
    sides = to_index[:3, :3] @ directions.T * step_mm  # index steps from sample to sample
    membership = ndimage.affine_transform(
        mask,
        np.column_stack([sides, np.zeros(3)]),
        offset=corner,
        output_shape=(len(steps), len(steps), 1),
        order=1,
        mode="grid-constant",
    )[:, :, 0]
    parts, count = ndimage.label((membership > _PART) & (distance <= reach_mm))
    if not count:
        return None
    nearest = parts.ravel()[np.argmin(np.where(parts > 0, distance, np.inf))]
    chosen = parts == nearest
    weight, places = membership[chosen].astype(np.float64), steps[np.argwhere(chosen)]  # (m,), (m, 2) mm
    middle = weight @ places / weight.sum()
    spread = places - middle
    _, axes = np.linalg.eigh((spread.T * weight) @ spread)
    return Section(float(weight.sum()) * step_mm**2, centre + middle @ directions, axes[:, 1] @ directions)


def _crossed(one: FloatArray, other: FloatArray) -> FloatArray:
    """Cross product of two vectors; numpy's, made for many, takes fifty times as long."""
    (a, b, c), (d, e, f) = one, other
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d])


@lru_cache(maxsize=32)  # a bone is cut many times within the same circle
def _square(reach_mm: float, step_mm: float) -> tuple[FloatArray, FloatArray]:
    """Positions of samples along the sides of a square about a circle, and their distances from its centre."""
    steps = np.arange(-reach_mm, reach_mm + step_mm / 2, step_mm)
    return steps, np.hypot(steps[:, None], steps)
