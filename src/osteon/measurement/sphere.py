"""Sphere through points, some of which lie off it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteon.geometry import FloatArray

_ROUNDS = 30
_SETTLED_MM = 1e-3


@dataclass(frozen=True)
class Sphere:
    """Centre (world mm), radius, and the root mean square distance of the points it was fitted to."""

    centre: FloatArray
    radius_mm: float
    error_mm: float


def fitted_sphere(points: FloatArray, start: Sphere, avoid: FloatArray, shell: float = 0.15) -> Sphere | None:
    """Least squares over the points near the sphere's surface, chosen anew in each round.

    Points in the cap of 60 degrees about ``avoid`` are left out: there the head of a femur goes over into its neck.
    Gauss-Newton on the distance to the surface (Gander, Golub and Strebel 1994, doi 10.1007/BF01934268), with Tukey's
    biweight, so that a fovea or an osteophyte pulls little.

    Parameters
    ----------
    points : (n, 3) ndarray
    start : Sphere
    avoid : (3,) ndarray
        Unit direction from the centre.
    shell : float
        Points further from the surface than this share of the radius do not count; it starts three times as thick.

    Returns
    -------
    Sphere or None
        None where too few points are left.
    """
    centre, radius, error = start.centre, start.radius_mm, np.inf
    for turn in range(_ROUNDS):
        from_centre = points - centre
        distance = np.linalg.norm(from_centre, axis=1)
        residual = distance - radius
        reach = radius * shell * max(1.0, 3 - 0.4 * turn)
        used = (np.abs(residual) < reach) & (from_centre @ avoid < 0.5 * distance)
        if used.sum() < 20:
            return None
        weight = (1 - (residual[used] / reach) ** 2) ** 2
        slopes = np.column_stack([-from_centre[used] / distance[used, None], -np.ones(used.sum())])
        change = np.linalg.lstsq(slopes * np.sqrt(weight)[:, None], -residual[used] * np.sqrt(weight), rcond=None)[0]
        centre, radius = centre + change[:3], radius + change[3]
        error = float(np.sqrt(np.average(residual[used] ** 2, weights=weight)))
        if not 0 < radius < 3 * start.radius_mm:
            return None
        if turn > 5 and np.abs(change).max() < _SETTLED_MM:
            break
    return Sphere(centre, float(radius), error)
