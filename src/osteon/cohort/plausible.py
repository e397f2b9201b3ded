"""What is plausible at an age: volumes and lengths of bones, heights of people.

Ranges are wide, because they have to hold for slim girls and tall boys, for masks with and without cartilage, arches or
marrow alone: they find wrong voxel sizes, masks of the wrong bone and spilled masks, not unusual patients.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Table = tuple[tuple[float, ...], tuple[float, ...]]

AGES = (4.0, 8.0, 12.0, 16.0, 20.0)

VOLUME_CM3: Mapping[str, Table] = {
    # bones of one leg: means of a slim girl's and a tall boy's phantom (osteon phantom make --task leg-bones)
    "tibia": (AGES, (40, 98, 184, 257, 263)),
    "femur": (AGES, (66, 165, 317, 453, 466)),
    "fibula": (AGES, (6, 15, 30, 43, 44)),
    "pelvis": (AGES, (40, 95, 190, 290, 310)),
    # spine phantoms; a vertebra is its body and arch, T8 smaller than L4 by half
    "vertebra": (AGES, (5.0, 10.0, 17.0, 25.0, 30.0)),
    "disc": (AGES, (2.5, 5.0, 8.5, 12.0, 14.0)),
}
"""Volume by group of structures (``parent``), at ages in years."""

VOLUME_FACTORS: Mapping[str, tuple[float, float]] = {
    "vertebra": (0.3, 3.5),
    "disc": (0.15, 3.0),
    "pelvis": (0.3, 2.2),
}
VOLUME_FACTOR = (0.45, 2.0)
"""Smallest and largest plausible volume, as shares of the table's."""

LENGTH_MM: Mapping[str, Table] = {
    # with both epiphyses (Anderson, Messner and Green 1964, J Bone Joint Surg Am 46:1197), mean of girls and boys
    "femur": ((1, 4, 8, 12, 16, 18), (146, 238, 325, 404, 451, 454)),
    "tibia": ((1, 4, 8, 12, 16, 18), (116, 187, 262, 322, 358, 360)),
}
LENGTH_FACTOR = (0.7, 1.35)
LENGTH_MM_ANY = {"vertebra": 130.0, "disc": 90.0}
"""Longest edge of the box of one vertebra or disc at any age (arches and transverse processes included)."""

TALLEST_MM: Table = ((0, 2, 4, 6, 8, 10, 12, 14, 16, 18), (600, 980, 1150, 1290, 1430, 1560, 1720, 1860, 1960, 2050))
"""By age, a little above the 99th percentile of boys and girls, whichever is taller (CDC growth charts 2000: Kuczmarski
et al. 2002, Vital Health Stat 11:246). Adults go on to 2.05 m."""


def volume_range_cm3(group: str, age_years: float | None) -> tuple[float, float] | None:
    """Plausible volumes of a group's structure; without an age those of all ages. None if there is no table."""
    if group not in VOLUME_CM3:
        return None
    return _range(VOLUME_CM3[group], VOLUME_FACTORS.get(group, VOLUME_FACTOR), age_years)


def length_range_mm(group: str, age_years: float | None) -> tuple[float, float] | None:
    """Plausible lengths of a group's structure that lies whole in the scan; None if there is no table."""
    if group in LENGTH_MM_ANY:
        return 0.0, LENGTH_MM_ANY[group]
    if group not in LENGTH_MM:
        return None
    return _range(LENGTH_MM[group], LENGTH_FACTOR, age_years)


def tallest_mm(age_years: float | None) -> float:
    """How tall a person of an age can be."""
    return float(np.interp(age_years, *TALLEST_MM)) if age_years is not None else TALLEST_MM[1][-1]


def _range(table: Table, factors: tuple[float, float], age_years: float | None) -> tuple[float, float]:
    youngest, oldest = (float(table[1][end]) for end in (0, -1))
    low, high = (youngest, oldest) if age_years is None else (float(np.interp(age_years, *table)),) * 2
    # below the youngest age of the table bones are smaller still
    smallest = 0.0 if age_years is not None and age_years < table[0][0] else low * factors[0]
    return smallest, high * factors[1]
