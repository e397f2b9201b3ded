"""Long bones of a label map: each by itself, the axes of a whole leg, and the difference between the sides."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Structure
from osteon.geometry import FloatArray
from osteon.measurement.femur import FEMUR_COLUMNS, Femur, find_femur, measure_femur
from osteon.measurement.long_bone import SHAFT_COLUMNS, LongBone, long_bone, measure_shaft
from osteon.measurement.section import Line, across, unit
from osteon.measurement.tibia import TIBIA_COLUMNS, Tibia, find_tibia, measure_tibia

LONG_BONE_GROUPS = ("femur", "tibia", "fibula")

LEG_COLUMNS = ("mechanical_axis_deviation_mm", "hip_knee_ankle_degrees")
SIDE_COLUMNS = ("length_difference_mm", "volume_difference_percent")

LONG_BONE_COLUMNS = tuple(
    dict.fromkeys((*SHAFT_COLUMNS[:2], *FEMUR_COLUMNS, *TIBIA_COLUMNS, *LEG_COLUMNS, *SHAFT_COLUMNS[2:], *SIDE_COLUMNS))
)

_LEAST_FIBULA = 0.85  # of the length of the tibia


@dataclass(frozen=True, eq=False)
class LongBoneMask:
    """A bone's mask, by itself, inside the volume.

    Parameters
    ----------
    structure : Structure
        Its parent says which bone it is, its side with which others it makes a leg.
    mask : (i, j, k) bool ndarray
    affine : (4, 4) ndarray
    cut : bool
        Whether it reaches a face of the volume.
    """

    structure: Structure
    mask: NDArray[np.bool_]
    affine: FloatArray
    cut: bool


def measure_long_bones(masks: list[LongBoneMask]) -> dict[str, dict[str, float]]:
    """Lengths, angles and areas by structure name and column, as far as they are defined.

    A bone that the volume cuts, and one whose landmarks are not found, has none.

    Parameters
    ----------
    masks : list of LongBoneMask
    """
    found: dict[str, dict[str, float]] = {}
    uncut = [one for one in masks if not one.cut]
    with ThreadPoolExecutor() as threads:
        known = dict(zip(uncut, threads.map(lambda one: long_bone(one.mask, one.affine), uncut), strict=True))
        sides = {side: [one for one in uncut if one.structure.side == side] for side in _sides(masks)}
        legs = [{one.structure.parent: known[one] for one in whole} for whole in sides.values()]
        values = threads.map(lambda leg: _measure_leg(leg.get("femur"), leg.get("tibia"), leg.get("fibula")), legs)
        for whole, of_leg in zip(sides.values(), values, strict=True):
            names = {one.structure.parent: one.structure.name for one in whole}
            found |= {names[group]: columns for group, columns in of_leg.items()}
    return found


def _sides(masks: list[LongBoneMask]) -> list[str]:
    return list(dict.fromkeys(one.structure.side for one in masks))


def _measure_leg(
    femur_bone: LongBone | None, tibia_bone: LongBone | None, fibula: LongBone | None
) -> dict[str, dict[str, float]]:
    """Columns of the bones of one leg, by group."""
    values: dict[str, dict[str, float]] = {}
    femur = None if femur_bone is None else find_femur(femur_bone)
    tibia = None if tibia_bone is None else find_tibia(tibia_bone)
    if tibia is not None and tibia_bone is not None:
        if fibula is not None and fibula.length_mm < _LEAST_FIBULA * tibia_bone.length_mm:
            fibula = None  # a piece
        values["tibia"] = measure_shaft(tibia_bone) | measure_tibia(tibia_bone, tibia, fibula)
    if femur is not None and femur_bone is not None:
        values["femur"] = measure_shaft(femur_bone) | measure_femur(femur)
        if tibia is not None:
            values["femur"] |= measure_axes(femur, tibia)
    if fibula is not None:
        values["fibula"] = measure_shaft(fibula)
    return values


def measure_axes(femur: Femur, tibia: Tibia) -> dict[str, float]:
    """Mechanical axis deviation and hip-knee-ankle angle, by `LEG_COLUMNS`.

    Both are seen in the knee's own frontal plane, which holds the line from the head's centre to the ankle's and runs
    along the line behind the condyles (Paley, Principles of Deformity Correction, 2002): a leg turned in or out gives
    the same.

    Parameters
    ----------
    femur : Femur
    tibia : Tibia
    """
    load = Line(tibia.plafond, unit(femur.head.centre - tibia.plafond))
    medial = unit(across(femur.knee.medial, load.direction))
    outward = -float(load.offsets_mm(femur.knee.centre[None])[0] @ medial)
    thigh, shank = (
        np.degrees(np.arctan2(axis @ medial, axis @ load.direction))
        for axis in (femur.mechanical_axis, tibia.mechanical_axis)
    )
    return dict(zip(LEG_COLUMNS, (outward, 180 - float(thigh - shank)), strict=True))


def measure_sides(rows: Mapping[str, Mapping[str, float]], structures: list[Structure]) -> dict[str, dict[str, float]]:
    """Each bone less its mirror partner, by structure name and `SIDE_COLUMNS`; volume in percent of their mean.

    Parameters
    ----------
    rows : mapping
        ``length_mm`` and ``volume_cm3`` by structure name, for bones that are whole; NaN where not known.
    structures : list of Structure
    """
    found = {}
    for structure in structures:
        own, other = rows.get(structure.name), rows.get(structure.mirror or "")
        if own is not None and other is not None:
            length = own.get("length_mm", nan) - other.get("length_mm", nan)
            volume, partner = own["volume_cm3"], other["volume_cm3"]
            percent = 200 * (volume - partner) / (volume + partner)
            found[structure.name] = dict(zip(SIDE_COLUMNS, (length, percent), strict=True))
    return found
