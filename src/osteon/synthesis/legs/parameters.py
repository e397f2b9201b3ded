"""Anatomy and pose of the legs in numbers, drawn from a seed around published norms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from osteon.geometry import FloatArray
from osteon.synthesis.legs import growth
from osteon.synthesis.legs.cyst import Cyst, draw_cysts

HEAD_RADIUS_MM = 24.5
"""Of an adult man, whose femoral heads measure 49 mm (Asala 2001)."""


@dataclass(frozen=True)
class SideParameters:
    """One leg. Lengths between the cartilage surfaces, in mm; angles in degrees.

    Parameters
    ----------
    femur_length_mm, tibia_length_mm : float
        Centre of the head to the knee; plateau to plafond.
    width : float
        Size of joints against an adult man's.
    shaft_width : float
        The same for the shafts.
    neck_shaft_degrees, anteversion_degrees, torsion_degrees, valgus_degrees : float
        Valgus is the hip-knee-ankle angle.
    bow_mm : float
        Sagitta of the femur's bow to the front.
    hip_flexion_degrees, hip_abduction_degrees, hip_rotation_degrees : float
        Pose; rotation is outwards.
    knee_flexion_degrees, plantar_flexion_degrees, foot_inversion_degrees : float
    """

    femur_length_mm: float
    tibia_length_mm: float
    width: float
    shaft_width: float
    neck_shaft_degrees: float
    anteversion_degrees: float
    torsion_degrees: float
    valgus_degrees: float
    bow_mm: float
    hip_flexion_degrees: float = 2.0
    hip_abduction_degrees: float = 1.0
    hip_rotation_degrees: float = 8.0
    knee_flexion_degrees: float = 5.0
    plantar_flexion_degrees: float = 20.0
    foot_inversion_degrees: float = 5.0

    @property
    def head_radius_mm(self) -> float:
        """Radius of the femoral head."""
        return HEAD_RADIUS_MM * self.width


@dataclass(frozen=True)
class LegParameters:
    """Both legs, pelvis and what lies around them.

    Parameters
    ----------
    age_years : float
    female : bool
    right, left : SideParameters
    hip_distance_mm : float
        From the midline to the centre of a femoral head.
    pelvis_width, pelvis_height, pelvis_depth : float
        Against an adult man's hip bone.
    closure_years : float
        Age at which the growth plates close.
    fat_mm : float
        Subcutaneous fat at mid-thigh.
    bulk : float
        Muscle width against the norm for the bone's size.
    belly_mm : float
        From the front of the sacrum's promontory to the skin of the belly.
    cysts : tuple of Cyst
        Behind the knees and in bones.
    """

    age_years: float
    female: bool
    right: SideParameters
    left: SideParameters
    hip_distance_mm: float
    pelvis_width: float
    pelvis_height: float
    pelvis_depth: float
    closure_years: float
    fat_mm: float
    bulk: float
    belly_mm: float
    cysts: tuple[Cyst, ...] = ()

    @property
    def pelvis_scale(self) -> FloatArray:
        """Width, depth and height of the pelvis against an adult man's, ``(3,)``: along x, y and z."""
        return np.array([self.pelvis_width, self.pelvis_depth, self.pelvis_height])

    @property
    def pelvis_size(self) -> float:
        """Mean of `pelvis_scale`, by volume: for thicknesses."""
        return float(np.cbrt(self.pelvis_scale.prod()))

    @property
    def plate_mm(self) -> float:
        """Thickness of a growth plate; 0 once it is closed."""
        left_years = self.closure_years - self.age_years
        return float(np.clip(1.0 + 0.25 * left_years, 1.2, 3.0)) if left_years > 0 else 0.0

    def unossified(self, place: str) -> float:
        """Share of cartilage in an epiphysis, see `growth.unossified_share`."""
        return growth.unossified_share(place, self.age_years, self.closure_years)

    def side(self, right: bool) -> SideParameters:
        """The right or the left leg."""
        return self.right if right else self.left

    @classmethod
    def draw(cls, rng: np.random.Generator, age_years: float | None = None, female: bool | None = None) -> Self:
        """Draw a subject.

        Parameters
        ----------
        rng : Generator
        age_years : float, optional
            From 2 years; drawn between 4 and 70, half of them under 18, where it is not given.
        female : bool, optional
        """
        if age_years is None:
            age_years = float(rng.uniform(4, 18) if rng.random() < 0.5 else rng.uniform(18, 70))
        if female is None:
            female = bool(rng.random() < 0.5)
        closure = growth.CLOSURE_YEARS[female] + float(np.clip(rng.normal(0, 0.8), -1.5, 1.5))
        size = _about_one(rng, 0.05)
        grown = growth.bone_length_mm(growth.FEMUR_LENGTH_MM, age_years, female) / growth.FEMUR_LENGTH_MM[female][-1]
        # bones widen later than they lengthen
        width = growth.ADULT_WIDTH[female] * grown**0.85 * size * _about_one(rng, 0.03)
        stature = size * grown * (0.94 if female else 1.0)
        right, left = _sides(rng, age_years, female, size, width)
        return cls(
            age_years=age_years,
            female=female,
            right=right,
            left=left,
            # the pelvis of a woman is as wide as a man's, and lower (Schultz 1949; Wang 2004)
            hip_distance_mm=88 * stature**0.9 * (1.05 if female else 1.0) * _about_one(rng, 0.04),
            pelvis_width=stature**0.95 * (1.04 if female else 1.0) * _about_one(rng, 0.04),
            pelvis_height=stature * (0.97 if female else 1.0) * _about_one(rng, 0.03),
            pelvis_depth=stature * _about_one(rng, 0.04),
            closure_years=closure,
            fat_mm=growth.by_age(growth.FAT_MM[female], age_years) * float(np.exp(rng.normal(0, 0.3))),
            bulk=growth.by_age(growth.BULK[female], age_years) * _about_one(rng, 0.06),
            belly_mm=float(rng.uniform(85, 150)) * stature,
            # drawn last, so that subjects without are as they were before there were any
            cysts=draw_cysts(rng),
        )


def _sides(
    rng: np.random.Generator, age_years: float, female: bool, size: float, width: float
) -> tuple[SideParameters, SideParameters]:
    """Both legs: what they share, and a small difference between right and left."""
    femur = growth.bone_length_mm(growth.FEMUR_LENGTH_MM, age_years, female) * size * _about_one(rng, 0.015)
    tibia = growth.bone_length_mm(growth.TIBIA_LENGTH_MM, age_years, female) * size * _about_one(rng, 0.02)
    shaft = width * _about_one(rng, 0.05)
    angles = {
        "neck_shaft_degrees": growth.by_age(growth.NECK_SHAFT_DEGREES, age_years) + _normal(rng, 4.5),
        "anteversion_degrees": growth.by_age(growth.ANTEVERSION_DEGREES, age_years) + _normal(rng, 7),
        "torsion_degrees": growth.by_age(growth.TORSION_DEGREES, age_years) + _normal(rng, 6),
        "valgus_degrees": growth.by_age(growth.VALGUS_DEGREES, age_years) + _normal(rng, 2.2),
    }
    flexion = float(rng.uniform(0, 15))
    legs = []
    for _ in range(2):
        knee = max(0.0, flexion + _normal(rng, 2))
        legs.append(
            SideParameters(
                # the head's radius, with its cartilage, is not in the mechanical length
                femur_length_mm=(femur - HEAD_RADIUS_MM * width) * _about_one(rng, 0.006),
                tibia_length_mm=tibia * 0.985 * _about_one(rng, 0.006),
                width=width * _about_one(rng, 0.008),
                shaft_width=shaft * _about_one(rng, 0.012),
                bow_mm=9.0 * femur / 470 * _about_one(rng, 0.15),
                hip_flexion_degrees=0.5 * knee + _normal(rng, 1.5),
                hip_abduction_degrees=float(np.clip(3.0 + _normal(rng, 2.5), -2, 10)),
                hip_rotation_degrees=float(np.clip(5 + _normal(rng, 7), -12, 22)),
                knee_flexion_degrees=knee,
                plantar_flexion_degrees=float(rng.uniform(0, 40)),
                foot_inversion_degrees=_normal(rng, 6),
                **{name: value + _normal(rng, 1.4) for name, value in angles.items()},
            )
        )
    return legs[0], legs[1]


def _normal(rng: np.random.Generator, deviation: float) -> float:
    """Normal about 0, cut at 2.2 standard deviations."""
    return float(np.clip(rng.normal(0, deviation), -2.2 * deviation, 2.2 * deviation))


def _about_one(rng: np.random.Generator, deviation: float) -> float:
    return 1 + _normal(rng, deviation)
