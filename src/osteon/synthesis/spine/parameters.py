"""Anatomy of a lumbar spine in numbers, drawn from a seed around published norms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from osteon.synthesis.shapes import BodyShape

LEVELS = ("L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9", "T8", "T7", "T6")
"""From the lowest up. T7 and T6 fill the top of a tall field of view."""

# Per level, L5 to T6, adults. Width and depth: mean of upper and lower endplate, Panjabi et al. 1992 (lumbar,
# doi 10.1097/00007632-199203000-00010) and 1991 (thoracic, Spine 16:888). Height: between
# Panjabi's posterior heights and the larger ones of Zhou et al. 2000 (CT, Eur Spine J 9:242).
BODY_WIDTH_MM = (48.4, 48.0, 46.0, 44.0, 42.2, 40.5, 37.0, 33.6, 31.5, 30.0, 29.0, 28.0)
BODY_DEPTH_MM = (34.0, 34.7, 35.0, 34.7, 34.0, 32.8, 31.8, 31.2, 30.4, 29.0, 28.0, 27.0)
BODY_HEIGHT_MM = (26.0, 27.0, 27.2, 26.8, 26.0, 24.8, 22.8, 21.8, 21.0, 20.2, 19.6, 19.0)
BODY_WEDGE_DEGREES = (9.0, 2.5, 0.0, -1.5, -3.0, -4.0, -4.0, -3.5, -3.5, -3.5, -3.5, -3.5)
# The disc below each level. Heights: Zhou et al. 2000 for L3 to S1, falling upwards. Wedges: as the segments of a
# 50 degree lordosis share it (Been and Kalichman 2014, Spine J 14:87).
DISC_HEIGHT_MM = (9.8, 10.8, 10.2, 9.2, 8.2, 6.8, 5.6, 4.8, 4.4, 4.2, 4.0, 4.0)
DISC_WEDGE_DEGREES = (13.0, 10.5, 8.0, 6.0, 4.0, 2.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0)
# S1 to S5: width, depth at the top, height, and how far the axis turns from the normal of the S1 endplate.
SACRUM_WIDTH_MM = (66.0, 60.0, 50.0, 42.0, 32.0)
SACRUM_DEPTH_MM = (32.0, 21.5, 16.0, 12.5, 10.0)
SACRUM_HEIGHT_MM = (29.0, 25.0, 21.0, 18.0, 16.0)
SACRUM_TURN_DEGREES = (3.0, 10.0, 9.0, -6.0, -28.0)
# Share of adult stature at an age: medians of the CDC growth charts of 2000.
GROWTH_AGE_YEARS = (0.0, 2.0, 5.0, 10.0, 14.0, 18.0)
GROWTH_SHARE = (0.29, 0.49, 0.62, 0.79, 0.93, 1.0)


@dataclass(frozen=True)
class DiscShape:
    """An intervertebral disc: height at its centre, wedge, bulge over the rim, and health (1 bright, 0 black)."""

    height_mm: float
    wedge_degrees: float
    bulge_mm: float
    health: float


@dataclass(frozen=True)
class SpineParameters:
    """A lumbar spine and the trunk around it. Tuples run from L5 (or the disc L5/S1) upwards; lengths in mm.

    Parameters
    ----------
    age_years : float
    scale : float
        Size against the adult mean; all lengths below have it already.
    bodies : tuple of BodyShape
    discs : tuple of DiscShape
        The disc below each body.
    sacrum : tuple of BodyShape
        S1 to S5, downwards.
    sacral_slope_degrees : float
        Of the S1 endplate against the horizontal.
    scoliosis_degrees, scoliosis_phase : float
        Sideways tilt of the bodies: amplitude and phase of a wave along the spine.
    canal_depth_mm, canal_width_mm : float
    arch_scale : float
        Size of arches and processes.
    fat_mm, belly_mm : float
        Subcutaneous fat at L3; depth from the back of the bodies to the skin of the belly.
    marrow_fat : float
        Share of yellow marrow.
    muscle_fat : float
        Fatty streaks in the back muscles, 0 to 1.
    """

    age_years: float
    scale: float
    bodies: tuple[BodyShape, ...]
    discs: tuple[DiscShape, ...]
    sacrum: tuple[BodyShape, ...]
    sacral_slope_degrees: float
    scoliosis_degrees: float
    scoliosis_phase: float
    canal_depth_mm: float
    canal_width_mm: float
    arch_scale: float
    fat_mm: float
    belly_mm: float
    marrow_fat: float
    muscle_fat: float

    @classmethod
    def draw(cls, rng: np.random.Generator, age_years: float | None = None) -> Self:
        """Draw a spine.

        Parameters
        ----------
        rng : Generator
        age_years : float, optional
            Sizes follow growth up to 18; discs lose signal and marrow and muscle gain fat afterwards.
            Drawn between 20 and 70 where it is not given.
        """
        age = float(rng.uniform(20, 70)) if age_years is None else float(age_years)
        growth = float(np.interp(age, GROWTH_AGE_YEARS, GROWTH_SHARE))
        scale = growth * _about_one(rng, 0.05)
        lordosis = _about_one(rng, 0.12)
        late = float(np.clip((age - 20) / 60, 0, 1))
        return cls(
            age_years=age,
            scale=scale,
            bodies=tuple(_body(rng, level, scale) for level in range(len(LEVELS))),
            discs=tuple(_disc(rng, level, scale, lordosis, late) for level in range(len(LEVELS))),
            sacrum=tuple(_sacral_body(rng, level, scale) for level in range(5)),
            sacral_slope_degrees=float(35 * lordosis + rng.normal(0, 2)),
            scoliosis_degrees=float(abs(rng.normal(0, 1.5))),
            scoliosis_phase=float(rng.uniform(0, 2 * np.pi)),
            # the canal is near its adult size by school age, hence the root
            canal_depth_mm=16.5 * growth**0.4 * _about_one(rng, 0.07),
            canal_width_mm=23.5 * growth**0.4 * _about_one(rng, 0.06),
            arch_scale=scale * _about_one(rng, 0.05),
            fat_mm=float(rng.uniform(8, 24)) * growth,
            belly_mm=float(rng.uniform(112, 150)) * growth,
            marrow_fat=float(np.clip(0.3 + 0.25 * late + rng.normal(0, 0.07), 0.15, 0.7)),
            muscle_fat=float(np.clip(0.15 + 0.6 * late + rng.normal(0, 0.12), 0.0, 1.0)),
        )


def _about_one(rng: np.random.Generator, deviation: float) -> float:
    """Normal factor about 1, cut at 2.5 standard deviations."""
    return float(np.clip(rng.normal(1.0, deviation), 1 - 2.5 * deviation, 1 + 2.5 * deviation))


def _body(rng: np.random.Generator, level: int, scale: float) -> BodyShape:
    return BodyShape(
        width_mm=BODY_WIDTH_MM[level] * scale * _about_one(rng, 0.025),
        depth_mm=BODY_DEPTH_MM[level] * scale * _about_one(rng, 0.025),
        height_mm=BODY_HEIGHT_MM[level] * scale * _about_one(rng, 0.025),
        wedge_degrees=BODY_WEDGE_DEGREES[level] + float(rng.normal(0, 1.0)),
        waist_mm=float(rng.uniform(1.2, 2.4)) * scale,
        endplate_concavity_mm=float(rng.uniform(0.8, 2.2)) * scale,
        posterior_concavity_mm=float(rng.uniform(0.5, 2.0)) * scale,
        corner_mm=float(rng.uniform(1.5, 2.6)) * scale,
        exponent=float(rng.uniform(2.3, 2.8)),
    )


def _disc(rng: np.random.Generator, level: int, scale: float, lordosis: float, late: float) -> DiscShape:
    # the two lowest discs wear out first
    worn = late * (1.1 if level < 2 else 0.6) * float(rng.uniform(0.2, 1.4))
    health = float(np.clip(1 - worn, 0, 1))
    return DiscShape(
        height_mm=DISC_HEIGHT_MM[level] * scale * _about_one(rng, 0.06) * (0.7 + 0.3 * health),
        wedge_degrees=DISC_WEDGE_DEGREES[level] * lordosis + float(rng.normal(0, 1.0)),
        bulge_mm=float(rng.uniform(0.2, 1.2) + 1.2 * (1 - health)) * scale,
        health=health,
    )


def _sacral_body(rng: np.random.Generator, level: int, scale: float) -> BodyShape:
    narrower = SACRUM_DEPTH_MM[level + 1] if level + 1 < len(SACRUM_DEPTH_MM) else 0.8 * SACRUM_DEPTH_MM[level]
    return BodyShape(
        width_mm=SACRUM_WIDTH_MM[level] * scale,
        depth_mm=SACRUM_DEPTH_MM[level] * scale * _about_one(rng, 0.03),
        height_mm=SACRUM_HEIGHT_MM[level] * scale * _about_one(rng, 0.03),
        waist_mm=0.8 * scale,
        endplate_concavity_mm=0.5 * scale,
        corner_mm=1.5 * scale,
        taper=0.9 * (1 - narrower / SACRUM_DEPTH_MM[level]),
    )
