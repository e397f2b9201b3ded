"""Bones as signed distances: smooth unions of rods and ellipsoids, and tubes along curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.synthesis.shapes import Array, rounded_intersection


@dataclass(frozen=True, eq=False)
class BoneField:
    """A bone at sampled points, all arrays of one shape.

    Parameters
    ----------
    distance : float32 ndarray
        Signed distance in mm to the surface of bone and epiphyseal cartilage together.
    cartilage_mm : float32 ndarray or float
        How deep below that surface the epiphysis is still cartilage; 0 where it is bone.
    plate : bool ndarray, optional
        Where a growth plate runs.
    """

    distance: Array
    cartilage_mm: Array | float = 0.0
    plate: NDArray[np.bool_] | None = None


def smooth_union(first: Array, second: Array, radius_mm: float) -> Array:
    """Union of two shapes with a fillet: polynomial smooth minimum (Quilez 2013); exact beyond the radius."""
    share = np.maximum(radius_mm - np.abs(first - second), 0) / np.float32(radius_mm)
    return np.asarray(np.minimum(first, second) - share * share * np.float32(radius_mm / 4), dtype=np.float32)


def rod(
    x: Array, y: Array, z: Array, start: NDArray[np.float64], end: NDArray[np.float64], radii: tuple[float, float]
) -> Array:
    """Distance to a rod with round ends whose radius changes along it (first-order)."""
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    axis = b - a
    u, v, w = x - a[0], y - a[1], z - a[2]
    along = np.clip((u * axis[0] + v * axis[1] + w * axis[2]) / max(float(axis @ axis), 1e-6), 0, 1)
    u, v, w = u - along * axis[0], v - along * axis[1], w - along * axis[2]
    radius = radii[0] + (radii[1] - radii[0]) * along
    return np.asarray(np.sqrt(u * u + v * v + w * w) - radius, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Tube:
    """A tube along z with elliptical or three-cornered sections; knots rise in z.

    Parameters
    ----------
    z_mm, x_mm, y_mm : (n,) ndarray
        Knots of the centre line.
    a_mm, b_mm : (n,) ndarray
        Half widths across (x) and from front to back (y).
    corners : (n,) ndarray
        Height of three corners (to the front, and back on both sides), as a share of the radius.
    ridge : (n,) ndarray
        Height of one ridge at the back (the linea aspera), as a share.
    rounding_mm : float
        Of the rims of its ends.
    """

    z_mm: NDArray[np.float64]
    x_mm: NDArray[np.float64]
    y_mm: NDArray[np.float64]
    a_mm: NDArray[np.float64]
    b_mm: NDArray[np.float64]
    corners: NDArray[np.float64]
    ridge: NDArray[np.float64]
    rounding_mm: float = 0.0

    def centre(self, z: float) -> NDArray[np.float64]:
        """Point of the centre line (3,) at a height."""
        return np.array([np.interp(z, self.z_mm, self.x_mm), np.interp(z, self.z_mm, self.y_mm), z])

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Signed distance, first-order across the tube; the ends are flat."""

        def at(values: NDArray[np.float64]) -> Array:
            return np.interp(z, self.z_mm, values).astype(np.float32)

        u, v = x - at(self.x_mm), y - at(self.y_mm)
        a, b = at(self.a_mm), at(self.b_mm)
        radius = np.sqrt(u * u + v * v) + np.float32(1e-3)
        scaled = np.sqrt((u / a) ** 2 + (v / b) ** 2) + np.float32(1e-3)
        size = np.float32(1.0)
        if self.corners.any():
            sine = v / radius
            # -sin(3t) has one crest in front and one on each side of the back
            size = size + at(self.corners) * -(3 * sine - 4 * sine**3)
        if self.ridge.any():
            back = np.clip(-v / radius, 0, 1)
            size = size + at(self.ridge) * back**12
        side = (scaled - size) * radius / scaled
        ends = np.maximum(np.float32(self.z_mm[0]) - z, z - np.float32(self.z_mm[-1]))
        return rounded_intersection(np.asarray(side, np.float32), np.asarray(ends, np.float32), self.rounding_mm)
