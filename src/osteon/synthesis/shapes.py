"""Shapes as signed distances in mm: negative inside, positive outside, zero on the surface.

Every function takes local coordinates (float32 arrays that broadcast: x to the patient's right, y anterior, z up along
the segment) and returns an array of their broadcast shape. Distances are exact for capsules and first-order for the
rest, which is enough within the voxel or two around a surface where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Point = tuple[float, float, float]


def point(values: NDArray[np.float64]) -> Point:
    """Three numbers of an array as a point."""
    return float(values[0]), float(values[1]), float(values[2])


@dataclass(frozen=True)
class BodyShape:
    """A vertebral body: a superellipse column with a waist, tilted concave endplates and a kidney-like back.

    Parameters
    ----------
    width_mm, depth_mm, height_mm : float
        Largest left-right and front-back extent (at the endplates), height at the centre.
    wedge_degrees : float
        Angle between the endplates; positive where the front is higher.
    waist_mm : float
        By how much the wall is drawn in at mid-height.
    endplate_concavity_mm, posterior_concavity_mm : float
        Depth of the hollow of each endplate, and of the back wall in the midline.
    corner_mm : float
        Radius of the rounded rim.
    exponent : float
        Of the superellipse: 2 is an ellipse, larger is squarer.
    taper : float
        Share by which width and depth shrink from top to bottom (the sacrum).
    """

    width_mm: float
    depth_mm: float
    height_mm: float
    wedge_degrees: float = 0.0
    waist_mm: float = 0.0
    endplate_concavity_mm: float = 0.0
    posterior_concavity_mm: float = 0.0
    corner_mm: float = 0.0
    exponent: float = 2.6
    taper: float = 0.0

    @property
    def reach_mm(self) -> Point:
        """Half extents of a local box that surely holds the body."""
        tilt = abs(np.tan(np.radians(self.wedge_degrees / 2))) * self.depth_mm / 2
        return self.width_mm / 2, self.depth_mm / 2, float(self.height_mm / 2 + tilt)

    def signed_distance(self, x: Array, y: Array, z: Array) -> Array:
        """Signed distance in mm at local points."""
        half_height = self.height_mm / 2
        level = np.clip(z / half_height, -1, 1)
        shrink = 1 - self.taper * (1 - level) / 2
        drawn_in = self.waist_mm * (1 - level * level)
        a = self.width_mm / 2 * shrink - drawn_in
        hollow = self.posterior_concavity_mm * np.clip(1 - (x / (0.55 * a)) ** 2, 0, 1)
        b = self.depth_mm / 2 * shrink - drawn_in - np.where(y < 0, hollow, 0)
        side, rho = superellipse(x, y, a, b, self.exponent)
        slope = np.tan(np.radians(self.wedge_degrees / 2))
        hollow_end = self.endplate_concavity_mm * np.clip(1 - (rho / 0.85) ** 2, 0, 1)
        ends = (np.abs(z) - half_height - slope * y + hollow_end) * np.float32(np.cos(np.arctan(slope)))
        return rounded_intersection(side, ends, self.corner_mm)


def superellipse(x: Array, y: Array, a: Array | float, b: Array | float, exponent: float) -> tuple[Array, Array]:
    """Distance to a superellipse ``|x/a|^p + |y/b|^p = 1`` along the ray from its centre; the radius in its units."""
    u, v = np.abs(x / a), np.abs(y / b)
    rho = np.hypot(u, v) if exponent == 2 else (u**exponent + v**exponent) ** (1 / exponent)
    rho = np.maximum(rho, np.float32(1e-3))
    return np.sqrt(x * x + y * y) * (1 - 1 / rho), rho


def rounded_intersection(first: Array, second: Array, radius_mm: float) -> Array:
    """Intersection of two shapes whose common edge is rounded off with a radius."""
    if radius_mm == 0:
        return np.maximum(first, second)
    p, q = first + radius_mm, second + radius_mm
    outside = np.sqrt(np.maximum(p, 0) ** 2 + np.maximum(q, 0) ** 2)
    return np.asarray(outside + np.minimum(np.maximum(p, q), 0) - radius_mm, dtype=np.float32)


def ellipsoid(x: Array, y: Array, z: Array, centre: Point, half_axes: Point) -> Array:
    """First-order distance to an ellipsoid: ``(rho - 1)`` over the length of its gradient (Taubin 1991)."""
    (a, b, c), (cx, cy, cz) = half_axes, centre
    u, v, w = (x - cx) / a, (y - cy) / b, (z - cz) / c
    squared = u * u + v * v + w * w
    slope = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2)
    return np.asarray((squared - 1) / (2 * np.maximum(slope, 1e-3)), dtype=np.float32)


def capsule(x: Array, y: Array, z: Array, ends: tuple[Point, Point], radius_mm: float, stretch: Point) -> Array:
    """Distance to a rod with round ends between two points; ``stretch`` widens its section along x, y and z.

    A stretch of (0.5, 1, 2) gives a plate half as wide as the radius and twice as tall.
    """
    scale = np.array(stretch, dtype=np.float32)
    start, end = (np.array(p, dtype=np.float32) / scale for p in ends)
    axis = end - start
    u, v, w = (c / s - o for c, s, o in zip((x, y, z), scale, start, strict=True))
    along = np.clip((u * axis[0] + v * axis[1] + w * axis[2]) / max(float(axis @ axis), 1e-6), 0, 1)
    distance = np.sqrt((u - along * axis[0]) ** 2 + (v - along * axis[1]) ** 2 + (w - along * axis[2]) ** 2)
    return np.asarray((distance - radius_mm) * scale.min(), dtype=np.float32)
