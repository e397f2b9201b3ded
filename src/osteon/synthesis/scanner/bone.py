"""Inside a bone: how thick its cortex is, and which kind of marrow lies where, by bone and place along it."""

from __future__ import annotations

import edt
import numpy as np
from numpy.typing import NDArray

from osteon.synthesis.body import Body
from osteon.synthesis.parts import BONES, CODE

# Thickness of the cortex in mm, adult, at places from the top of the bone (0) to its bottom (1). Mid-femur 5 to 8 mm
# and mid-tibia 4 to 6 mm, ends and flat
# bones about 1 mm (Treece et al. 2010, doi 10.1016/j.media.2010.01.003, for the method and the femur).
PLACES = (0.0, 0.06, 0.15, 0.25, 0.4, 0.55, 0.7, 0.82, 0.93, 1.0)
CORTEX_MM: dict[str, tuple[float, ...]] = {
    "femur": (0.8, 1.0, 2.2, 4.5, 6.0, 6.0, 4.5, 2.0, 1.0, 0.8),
    "tibia": (0.8, 1.0, 1.8, 3.2, 4.6, 5.0, 4.2, 2.4, 1.2, 0.8),
    "fibula": (0.6, 0.8, 1.4, 2.2, 2.6, 2.6, 2.4, 2.0, 1.2, 0.8),
    "pelvis": (1.6,) * 10,
    "sacrum": (0.7,) * 10,
    "spine": (0.7,) * 10,
    "patella": (1.2,) * 10,
    "foot-bone": (0.9,) * 10,
}
LENGTH_MM = {"femur": 440.0, "tibia": 370.0, "fibula": 365.0}
"""Adult length, for bones of which the body holds but a part."""

SHELLS = 8
"""Levels of cortex: share of a voxel that is cortex, in quarters from -1/2 to 5/4, so that a case may be shifted."""

ZONES = ("end", "flare", "shaft")
"""Levels of marrow below the cortex: near the joint, metaphysis, shaft."""

LEVELS = SHELLS + len(ZONES)


def shell_share(level: int) -> float:
    """Share of cortex (before it is cut to 0 to 1) that a level below `SHELLS` stands for."""
    return (level - 2) / 4


def size_at(age_years: float | None) -> float:
    """Size against an adult's: about 0.6 at four years, 1 from eighteen on."""
    return 1.0 if age_years is None else float(np.interp(age_years, (0, 4, 18), (0.35, 0.58, 1.0)))


def bone_levels(body: Body, seed: int = 0) -> NDArray[np.uint8]:
    """Level of every bone voxel: cortex by its distance from the bone's surface, then marrow by zone.

    Parameters
    ----------
    body : Body
    seed : int
        Of the noise that keeps the borders of zones from being straight lines.

    Returns
    -------
    (i, j, k) uint8 ndarray
        0 to `LEVELS` - 1; 0 outside the bones.
    """
    parts, labels = body.parts.array, body.labels.array.astype(np.uint16)
    codes = [CODE[name] for name in BONES]
    # a growth plate is inside its bone, whose label it carries
    bone = np.where(labels > 0, labels, np.where(np.isin(parts, codes), parts + np.uint16(1000), 0))
    spacing = body.parts.spacing_mm
    half = min(spacing) / 2
    depth_mm = edt.edt(np.ascontiguousarray(bone), anisotropy=spacing, black_border=False, parallel=1) - half
    levels = np.zeros(parts.shape, dtype=np.uint8)
    rng = np.random.default_rng(seed)
    for name in BONES:
        for value in np.unique(bone[parts == CODE[name]]):
            here = np.flatnonzero(bone.ravel() == value)
            k = here % parts.shape[2]  # height: the last axis
            along = _place_along(k, name, body)
            thickness = np.interp(along, PLACES, CORTEX_MM[name]) * size_at(body.age_years)
            share = (thickness - depth_mm.ravel()[here] + half) / (2 * half)
            wobble = along + rng.normal(0, 0.015, size=along.shape)
            zone = np.select([np.abs(wobble - 0.5) > 0.43, np.abs(wobble - 0.5) > 0.25], [0, 1], default=2)
            if name not in LENGTH_MM:
                zone[:] = 1
            level = np.clip(np.rint(4 * share) + 2, 0, SHELLS - 1)
            levels.ravel()[here] = np.where(share < -0.5, SHELLS + zone, level)
    return levels


def _place_along(k: NDArray[np.int_], name: str, body: Body) -> NDArray[np.float64]:
    """Place from the top (0) to the bottom (1) of a bone of which both, one or no end may be in the body."""
    height_mm = body.parts.spacing_mm[2]
    low, high, last = int(k.min()), int(k.max()), body.parts.shape[2] - 1
    length = LENGTH_MM.get(name, 100.0) * size_at(body.age_years) / height_mm
    if low == 0 and high < last:
        low = min(low, int(high - length))
    elif high == last and low > 0:
        high = max(high, int(low + length))
    return np.asarray((high - k) / max(1, high - low), dtype=np.float64)
