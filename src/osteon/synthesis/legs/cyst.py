"""Cysts of the leg: behind the knee, and in the marrow beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from osteon.geometry import FloatArray
from osteon.synthesis.shapes import Array, Point, ellipsoid, point

POPLITEAL_SHARE = 0.06
"""Of knees with a cyst behind them (5 % of adults: Fielding et al. 1991; 6 % of children: De Maeseneer et al. 1999)."""

BONE_SHARE = 0.05
"""Of legs with a cyst in a bone beside the knee; set by hand."""

# Middles of bone cysts of an adult man and how far they stray, mm: in a condyle, under the plateau, in the metaphyses.
BONE_SITES: tuple[tuple[Literal["femur", "tibia"], Point, Point], ...] = (
    ("femur", (21.0, 0.0, 22.0), (4.0, 8.0, 6.0)),
    ("femur", (-21.0, 0.0, 22.0), (4.0, 8.0, 6.0)),
    ("femur", (0.0, 7.0, 58.0), (8.0, 5.0, 10.0)),
    ("tibia", (19.0, 1.0, -14.0), (5.0, 6.0, 4.0)),
    ("tibia", (-19.0, 1.0, -14.0), (5.0, 6.0, 4.0)),
    ("tibia", (0.0, 6.0, -44.0), (6.0, 4.0, 8.0)),
)


@dataclass(frozen=True)
class Cyst:
    """A cyst of one leg, an ellipsoid.

    Parameters
    ----------
    right : bool
        The patient's side.
    bone : "femur" or "tibia"
        In whose frame it lies.
    inside : bool
        Whether it lies in the marrow of that bone, or in the soft tissue.
    centre_mm, half_mm : (3,) tuple of float
        Middle and half axes, for joints of an adult man's width.
    """

    right: bool
    bone: Literal["femur", "tibia"]
    inside: bool
    centre_mm: Point
    half_mm: Point

    def box(self, width: float) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest corner around it, for joints of a width."""
        centre, half = width * np.array(self.centre_mm), width * np.array(self.half_mm)
        return centre - half, centre + half

    def distance(self, x: Array, y: Array, z: Array, width: float) -> Array:
        """Signed distance in mm at local points of the bone, for joints of a width."""
        centre, half = (point(width * np.array(p)) for p in (self.centre_mm, self.half_mm))
        return ellipsoid(x, y, z, centre, half)


def draw_cysts(rng: np.random.Generator) -> tuple[Cyst, ...]:
    """Draw the cysts of both legs; most subjects have none."""
    cysts = []
    for right in (True, False):
        if rng.random() < POPLITEAL_SHARE:
            # between the medial head of the gastrocnemius and the semimembranosus
            centre = point(rng.uniform((-26, -48, -12), (-8, -42, 22)))
            cysts.append(Cyst(right, "femur", False, centre, point(rng.uniform((6, 5, 12), (12, 10, 32)))))
        if rng.random() < BONE_SHARE:
            bone, middle, stray = BONE_SITES[int(rng.integers(len(BONE_SITES)))]
            centre = point(np.array(middle) + rng.uniform(-1, 1, 3) * stray)
            cysts.append(Cyst(right, bone, True, centre, point(rng.uniform(3.5, 9.0) * rng.uniform(0.8, 1.2, 3))))
    return tuple(cysts)
