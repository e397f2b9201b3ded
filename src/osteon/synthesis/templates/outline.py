"""The skin around muscles and bones: two legs, a trunk, and the fat between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.synthesis.parts import CODE
from osteon.synthesis.templates.regions import Mask, closed_in_slices, distance_mm, hulls

LEG_CLOSING_MM = 25.0
"""Grooves between muscles up to twice as wide do not show in the skin."""
CROTCH_MM = 15.0
"""How far below the lowest point of the hip bones the thighs part."""
FOLD_MM = 45.0
"""Height over which thighs pass into the trunk."""
NARROWING_MM = 50.0
"""How much thinner than its hull the trunk is at the crotch."""
CLEFT_MM = 3.0
"""Air between thighs that touch."""
WALL_MM = 10.0
"""Thickness of the abdominal and the lumbar wall."""
SMOOTH_MM = 5.0


@dataclass(frozen=True)
class Fat:
    """Thickness of skin and fat over the muscles, in mm, from the sole up; between the levels it changes evenly."""

    foot_mm: float
    ankle_mm: float
    knee_mm: float
    thigh_mm: float
    hip_mm: float

    def along(self, heights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Thickness at heights that run from 0 (sole), 1 (ankle), 2 (knee), 3 (crotch) to 4 (iliac crest)."""
        levels = [self.foot_mm, self.ankle_mm, self.knee_mm, self.thigh_mm, self.hip_mm]
        return np.asarray(np.interp(heights, np.arange(5), levels))


def outlined(
    parts: NDArray[np.uint8], sides: NDArray[np.uint8], fat: Fat, spacing_mm: tuple[float, float, float]
) -> Mask:
    """All that lies within the skin.

    Parameters
    ----------
    parts : (i, j, k) uint8 ndarray
        Bones (tibia or fibula, and pelvis, among them), muscles and cartilage; axes to the right, front and up.
    sides : (i, j, k) uint8 ndarray
        1 where a part belongs to the right leg, 2 to the left.
    fat : Fat
    spacing_mm : (3,) tuple of float
    """
    levels = _levels(parts, spacing_mm)
    thickness = fat.along(np.interp(np.arange(parts.shape[2]), levels, np.arange(5)))
    legs = [_depth(sides == side, thickness, spacing_mm) for side in (1, 2)]
    crotch = levels[3]
    body = np.maximum(*legs)
    # thighs that touch are two, with a cleft between them, until they meet in the trunk
    apart = np.abs(legs[0] - legs[1]) < CLEFT_MM / 2
    trunk = _depth(hulls(parts > 0, crotch), thickness, spacing_mm)
    # the trunk narrows towards the crotch, so that it has no edge
    rise = np.clip((np.arange(parts.shape[2]) - crotch) * spacing_mm[2] / FOLD_MM, 0, 1)
    trunk -= (NARROWING_MM * (1 - rise) ** 2).astype(np.float32)
    trunk[:, :, :crotch] = -1.0
    below = np.arange(parts.shape[2]) < crotch
    body[apart & below] = -1.0
    smooth = ndimage.gaussian_filter(np.maximum(body, trunk), SMOOTH_MM / 2 / np.array(spacing_mm)) > 0
    smooth &= ~(apart & below)
    return np.asarray(smooth | (parts > 0), dtype=np.bool_)


def add_wall(parts: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> None:
    """Muscle of the trunk's wall, front and back, from the symphysis up; in place."""
    pelvis = np.flatnonzero((parts == CODE["pelvis"]).any(axis=(0, 1)))
    floor = int(pelvis[0] + 0.3 * (pelvis[-1] - pelvis[0]))
    hull = hulls(parts > 0, floor)
    wall = hull & (distance_mm(hull, spacing_mm, in_slice=True) <= WALL_MM) & (parts == 0)
    parts[wall] = CODE["trunk-muscle"]


def _levels(parts: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> list[int]:
    """Slices of sole (the lowest without a foot), ankle, knee, crotch and iliac crest; rising."""

    def slices(*names: str) -> list[int]:
        return np.flatnonzero(np.isin(parts, [CODE[n] for n in names]).any(axis=(0, 1))).tolist()

    foot, shank, pelvis = slices("foot-bone") or [0], slices("tibia", "fibula"), slices("pelvis")
    crotch = pelvis[0] - round(CROTCH_MM / spacing_mm[2])
    rising = np.maximum.accumulate([foot[0], shank[0], shank[-1], crotch, pelvis[-1]])
    return [int(n + i) for i, n in enumerate(rising)]


def _depth(
    mask: Mask, thickness_mm: NDArray[np.float64], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Depth in mm below the skin that lies ``thickness_mm`` (one a slice) outside the closed mask; negative outside.

    The distance is one in space where it is shorter than within the slice, as over the toes and the heel.
    """
    closed = closed_in_slices(mask, LEG_CLOSING_MM, spacing_mm)
    outside = distance_mm(~closed, spacing_mm)
    within = distance_mm(closed, spacing_mm)
    return np.asarray(within + thickness_mm - outside, dtype=np.float32)
