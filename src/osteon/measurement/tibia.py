"""The tibia's plateau and plafond, the malleoli, and the twist between them.

1. The *plateau* lies at the highest level, along the tibia, at which the cross-section has half the area of the largest
   one near: the intercondylar spines do not count. Its centre is the middle of the cross-sections some 3 % of the
   length below, moved up to it; its transverse axis the direction in which they are widest.
2. The *plafond*, in the same way, lies at the lowest such level: the medial malleolus, a quarter of the area, does not
   count. Its centre is the middle of the cross-section just above. Between the two centres runs the mechanical axis.
3. The *malleoli*: middles of the cross-sections of tibia and fibula 1.1 to 2.2 % of the length below the plafond.
4. *Torsion* lies between the plateau's transverse axis and the line through the malleoli, seen along the mechanical
   axis (as Jend et al. 1981, "Measurement of tibial torsion by computer tomography", Acta Radiologica 22, but with the
   widest direction of the plateau in place of the line behind it); it is positive where the foot is turned out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from osteon.geometry import FloatArray
from osteon.measurement.long_bone import LongBone, slice_mm
from osteon.measurement.section import Line, Section, across, unit

TIBIA_COLUMNS = ("mechanical_length_mm", "torsion_degrees")

_END = 0.09  # of the length, searched for a joint surface
_BELOW_PLATEAU = (0.026, 0.034, 0.042)  # of the length: nearer, its slope cuts the cross-sections short
_ABOVE_PLAFOND = (0.012, 0.02)
_MALLEOLI = (0.011, 0.022)  # of the length below the plafond: nearer, the rims of the plafond are cut, too
_REACH = 0.15  # of the length
_LEAST_FLARE = (1.2, 1.5)  # area at the lower and the upper end, in areas of the middle
_SHORTEST_MALLEOLUS = 0.014  # of the length; a small child's is cartilage
_SLICES = 1.25  # slices that a malleolus must reach below the plafond for its place to be known
_STEP_MM = 1.5


@dataclass(frozen=True)
class Tibia:
    """Landmarks of a tibia, in world mm.

    Parameters
    ----------
    plateau, plafond : (3,) ndarray
        Centres of the joint surfaces.
    transverse : (3,) ndarray
        Unit direction in which the plateau is widest; of either sense.
    tip_mm : float
        How far the medial malleolus reaches below the plafond.
    """

    plateau: FloatArray
    plafond: FloatArray
    transverse: FloatArray
    tip_mm: float

    @property
    def mechanical_axis(self) -> FloatArray:
        """Unit direction from the centre of the plafond to that of the plateau."""
        return unit(self.plateau - self.plafond)


def find_tibia(bone: LongBone) -> Tibia | None:
    """Landmarks of a tibia; None where its ends do not widen to joints.

    Parameters
    ----------
    bone : LongBone
    """
    length = bone.anatomical_length_mm
    axis, middle = bone.shaft, bone.area_mm2(0.5)
    tibia = None
    for _ in range(2):
        lowest, highest = (float(end) for end in np.quantile(axis.positions_mm(bone.ends), (0, 1)))
        top = _joint(bone, Line(axis.at(highest), -axis.direction), middle * _LEAST_FLARE[1])
        bottom = _joint(bone, Line(axis.at(lowest), axis.direction), middle * _LEAST_FLARE[0])
        if top is None or bottom is None:
            return None
        above = _cuts(bone, axis, highest - top - length * np.array(_BELOW_PLATEAU))
        below = _cuts(bone, axis, lowest + bottom + length * np.array(_ABOVE_PLAFOND))
        if not above or not below:
            return None
        plateau = _raised(above, axis, highest - top)
        plafond = _raised(below, axis, lowest + bottom)
        wide = [cut.longest * np.sign(cut.longest @ above[0].longest) for cut in above]
        tibia = Tibia(plateau, plafond, unit(np.mean(wide, axis=0)), bottom)
        axis = Line(plafond, tibia.mechanical_axis)
    return tibia


def measure_tibia(bone: LongBone, tibia: Tibia, fibula: LongBone | None) -> dict[str, float]:
    """Mechanical length and torsion, by `TIBIA_COLUMNS`; torsion is NaN without the malleoli.

    Parameters
    ----------
    bone : LongBone
        The tibia.
    tibia : Tibia
        Its landmarks.
    fibula : LongBone, optional
        Of the same side, whole.
    """
    length = float(np.linalg.norm(tibia.plateau - tibia.plafond))
    malleoli = None if fibula is None else find_malleoli(bone, tibia, fibula)
    torsion = nan
    if malleoli is not None:
        axis = tibia.mechanical_axis
        ankle = across(malleoli[1] - malleoli[0], axis)
        knee = across(tibia.transverse, axis)
        knee = knee * np.sign(knee @ ankle)
        back = np.cross(axis, knee)
        back = -back * np.sign(back[1])
        torsion = float(np.degrees(np.arctan2(ankle @ back, ankle @ knee)))
    return dict(zip(TIBIA_COLUMNS, (length, torsion), strict=True))


def find_malleoli(bone: LongBone, tibia: Tibia, fibula: LongBone) -> tuple[FloatArray, FloatArray] | None:
    """Middles of the medial and the lateral malleolus, ``(3,)`` world mm each; None where one is missing.

    Parameters
    ----------
    bone : LongBone
        The tibia.
    tibia : Tibia
        Its landmarks.
    fibula : LongBone
    """
    length, axis = bone.anatomical_length_mm, Line(tibia.plafond, tibia.mechanical_axis)
    slice_thickness_mm = slice_mm(bone.affine, axis.direction)
    if tibia.tip_mm < max(_SHORTEST_MALLEOLUS * length, _SLICES * slice_thickness_mm):
        return None
    # nearer than this, a thick slice still holds some of the plafond
    upper = max(_MALLEOLI[0] * length, 0.75 * slice_thickness_mm)
    lower = min(max(_MALLEOLI[1] * length, upper + 0.25 * slice_thickness_mm), 0.9 * tibia.tip_mm)
    levels = -np.linspace(upper, lower, 4)
    found = []
    for whole in (bone, fibula):
        heights = axis.positions_mm(whole.ends)
        near = whole.ends[(heights < -upper) & (heights > -1.5 * tibia.tip_mm)]
        if not len(near):
            return None
        upright = Line(tibia.plafond + across(near.mean(axis=0) - tibia.plafond, axis.direction), axis.direction)
        cuts = _cuts(whole, upright, levels)
        if not cuts:
            return None
        found.append(np.mean([cut.centroid for cut in cuts], axis=0))
    return found[0], found[1]


def _joint(bone: LongBone, inwards: Line, least_area: float) -> float | None:
    """How far from the end of a bone its joint surface lies: where half of the largest cross-section is reached."""
    steps = np.arange(-_STEP_MM, _END * bone.anatomical_length_mm, _STEP_MM)
    areas = np.array([cut.area_mm2 if cut else 0.0 for cut in _cut_each(bone, inwards, steps)])
    if areas.max() < least_area:
        return None
    first = int(np.argmax(areas >= areas.max() / 2))
    if first == 0:
        return None
    share = (areas.max() / 2 - areas[first - 1]) / (areas[first] - areas[first - 1])
    return float(steps[first - 1] + share * _STEP_MM)


def _cut_each(bone: LongBone, line: Line, positions_mm: FloatArray) -> list[Section | None]:
    reach = _REACH * bone.anatomical_length_mm
    return [bone.cut(line.at(float(at)), line.direction, reach, _STEP_MM) for at in positions_mm]


def _cuts(bone: LongBone, line: Line, positions_mm: FloatArray) -> list[Section]:
    """Cross-sections at positions along a line, of those that there are."""
    return [cut for cut in _cut_each(bone, line, positions_mm) if cut]


def _raised(cuts: list[Section], axis: Line, level: float) -> FloatArray:
    """Middle of cross-sections, moved along an axis to a level."""
    middle = np.mean([cut.centroid for cut in cuts], axis=0)
    return np.asarray(middle + (level - axis.positions_mm(middle[None])[0]) * axis.direction, dtype=np.float64)
