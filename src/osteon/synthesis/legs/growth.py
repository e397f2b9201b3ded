"""Norms of the growing leg: tables by age and sex, with their sources."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# Orthoroentgenographic lengths with both epiphyses, mm, ages 1 to 18 (Anderson, Messner and Green 1964, J Bone Joint
# Surg Am 46:1197); the same pattern within 2 % in Maresh 1970.
FEMUR_LENGTH_MM = {
    False: (145, 182, 211, 237, 259, 281, 303, 323, 344, 363, 382, 401, 422, 442, 457, 467, 471, 472),
    True: (148, 182, 213, 239, 263, 285, 306, 327, 347, 367, 388, 407, 423, 431, 435, 436, 436, 436),
}
TIBIA_LENGTH_MM = {
    False: (116, 145, 168, 187, 205, 221, 238, 254, 270, 285, 301, 318, 335, 352, 364, 370, 372, 373),
    True: (116, 145, 168, 189, 208, 225, 242, 259, 276, 293, 310, 326, 338, 344, 346, 346, 347, 347),
}
ADULT_WIDTH = {False: 1.0, True: 0.89}
"""Width of joints and shafts against an adult man's (heads 49 and 43.5 mm; Asala 2001, Forensic Sci Int 117:15)."""

CLOSURE_YEARS = {False: 16.0, True: 14.0}
"""Age at which the growth plates of the knee close (Greulich and Pyle 1959; O'Connor 2008), deviation about a year."""

# ages and values, means
NECK_SHAFT_DEGREES = ((2, 4, 6, 9, 15, 20), (148, 144, 141, 138, 132, 127))  # von Lanz and Wachsmuth 1972
ANTEVERSION_DEGREES = ((2, 4, 8, 12, 16, 20), (33, 30, 26, 21, 16, 13))  # Fabry et al. 1973, JBJS Am 55:1726
TORSION_DEGREES = ((2, 4, 8, 14, 20), (5, 8, 13, 17, 19))  # Staheli et al. 1985, JBJS Am 67:39
VALGUS_DEGREES = ((2, 3, 4, 6, 8, 20), (1.5, 4.0, 3.0, 1.0, 0.0, -1.2))
"""Hip-knee-ankle angle, positive in valgus: Salenius and Vankka 1975 (JBJS Am 57:259) less the 6 degrees between the
femur's shaft and its mechanical axis; adults Bellemans et al. 2012, Clin Orthop 470:45."""

FAT_MM = {False: ((4, 8, 14, 20, 60), (6, 6, 6, 7, 9)), True: ((4, 8, 14, 20, 60), (7, 7, 11, 14, 16))}
"""Subcutaneous fat at mid-thigh: half of the skinfolds of McDowell et al. 2008 (NHANES) and less."""
BULK = {
    False: ((4, 10, 16, 25, 60, 80), (0.92, 0.94, 1.03, 1.1, 1.04, 0.95)),
    True: ((4, 10, 16, 60), (0.92, 0.95, 1.0, 0.96)),
}

# Thickness of unossified cartilage under the surface of an epiphysis, as a share of its half width: what is left when
# the ossification centre has grown (centres appear as in Scheuer and Black 2000).
UNOSSIFIED = {
    "head": ((0.5, 2, 4, 8, 12, 16), (1.0, 0.45, 0.28, 0.16, 0.08, 0.0)),
    "trochanter": ((3, 4, 8, 12, 16), (1.0, 0.75, 0.35, 0.12, 0.0)),
    "knee": ((0, 2, 4, 8, 12, 16), (0.9, 0.5, 0.32, 0.18, 0.08, 0.0)),
    "fibula": ((2, 4, 8, 12, 16), (1.0, 0.8, 0.35, 0.12, 0.0)),
    "patella": ((3, 4, 6, 10, 16), (1.0, 0.8, 0.4, 0.15, 0.0)),
    "foot": ((2, 4, 8, 12, 16), (0.5, 0.33, 0.18, 0.08, 0.0)),
    "pelvis": ((2, 4, 8, 12, 16), (0.6, 0.45, 0.3, 0.18, 0.0)),
}


def by_age(table: tuple[tuple[float, ...], tuple[float, ...]], age_years: float) -> float:
    """Linear between the ages of a table; constant beyond them."""
    return float(np.interp(age_years, *table))


def bone_length_mm(table: Mapping[bool, tuple[int, ...]], age_years: float, female: bool) -> float:
    """Mean length at an age; adults have that of 18 years."""
    return float(np.interp(age_years, np.arange(1, 19), table[female]))


def unossified_share(place: str, age_years: float, closure_years: float) -> float:
    """Share of cartilage for a subject whose plates close at ``closure_years``; 0 from then on."""
    if age_years >= closure_years:
        return 0.0
    # the tables are of boys; girls run ahead by the same proportion as their closure
    return by_age(UNOSSIFIED[place], age_years * 16.0 / closure_years)
