"""Fascia, subcutaneous fat and skin around the muscles and bones of one leg."""

from __future__ import annotations

import edt
import numpy as np
from numpy.typing import NDArray

from osteon.synthesis.legs.muscles import Leg

# Fat as a share of that at mid-thigh: at the forefoot, ankle, calf, knee, mid-thigh, groin, hip, waist
FAT_SHARE = (0.3, 0.3, 0.65, 0.5, 1.0, 1.2, 1.4, 1.2)
CLOSING_MM = (14.0, 18.0, 40.0, 26.0, 44.0, 34.0, 34.0, 30.0)
"""Radius of the hollows that fascia bridges at those places, for an adult man."""

SKIN_MM = 1.8
THINNEST_FAT_MM = np.float32(2.5)


def wrap(
    core: NDArray[np.bool_], leg: Leg, spacing_mm: tuple[float, float, float], z_mm: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Close the gaps of a leg's core and lay fat and skin around it.

    Parameters
    ----------
    core : (i, j, k) bool ndarray
        Muscles and bones of one side.
    leg : Leg
    spacing_mm : tuple of float
    z_mm : (k,) ndarray
        World height of the slices.

    Returns
    -------
    fascia, fat, skin : (i, j, k) bool ndarrays
        Each holds the one before it. A morphological closing by exact distances, whose erosion stops short by the fat.
    """
    body = leg.body
    thick = fat_mm(leg, z_mm)
    # a coarse grid shows a skin of a voxel, so that nothing below it lies bare
    skin_mm = np.float32(max(SKIN_MM * min(1.0, 0.55 + 0.03 * body.age_years), 0.75 * max(spacing_mm[:2])))
    # hollows are closed by a ball, small at the ankle and large at the thigh, that holds fat and skin besides
    ball = _along(leg, z_mm, CLOSING_MM) * np.float32(leg.femur.side.width)
    reach = np.maximum(ball, thick + skin_mm + np.float32(1.5))
    # as the last axis runs along z, `anisotropy` stands in array order for this C-ordered array
    away = edt.edt(np.ascontiguousarray(~core), anisotropy=spacing_mm, parallel=1)
    deep = edt.edt(np.ascontiguousarray(away < reach), anisotropy=spacing_mm, parallel=1)
    return deep >= reach, deep >= reach - thick, deep >= reach - thick - skin_mm


def fat_mm(leg: Leg, z_mm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thickness of the subcutaneous fat of each slice."""
    thick = _along(leg, z_mm, FAT_SHARE) * np.float32(leg.body.fat_mm)
    return np.asarray(np.maximum(thick, THINNEST_FAT_MM), np.float32)


def _along(leg: Leg, z_mm: NDArray[np.float32], values: tuple[float, ...]) -> NDArray[np.float32]:
    """Values at the places of the leg, interpolated to slices."""
    frames, femur, tibia = leg.frames, leg.femur, leg.tibia
    places = [frames.foot.world((0.0, 60.0, -60.0))[2]]
    places += [frames.tibia.world((0.0, 0.0, -share * tibia.length_mm))[2] for share in (0.97, 0.45)]
    places += [frames.femur.world((0.0, 0.0, share * femur.length_mm))[2] for share in (0.0, 0.5, 0.88)]
    places += [40.0 * leg.body.pelvis_height, 150.0 * leg.body.pelvis_height]
    return np.asarray(np.interp(z_mm, np.maximum.accumulate(np.array(places)), values), np.float32)
