"""The femur's head, neck, condyles, and the angles between them.

1. The *head* is a sphere through the surface of the bone's innermost upper end, without the side towards the neck.
2. The *neck's axis* runs from the head's centre to the middle of the neck where that is narrowest. Where only bone is
   labelled, a small child's head is no wider than its neck, and there is no axis to be told.
3. The *condyles*: seen along the mechanical axis, the line behind both touches the outline of the lower end on either
   side of the notch. It is the transverse axis of the knee. The midpoint of the condyles' lowest points is the knee's
   centre, and the line from there to the head's centre the mechanical axis (Paley, Principles of Deformity Correction,
   2002).
4. The *neck-shaft angle* lies between the neck's axis and the axis of the upper shaft, in space. *Anteversion* lies
   between the neck's axis and the line behind the condyles, seen along the mechanical axis (Murphy et al. 1987,
   doi 10.2106/00004623-198769080-00010); it is positive where the neck points to the front.

Inner, outer, front and back follow from the bone itself, save that its condyles lie behind in the world, too: a cohort
that labels one side only may call a left femur right.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from scipy.spatial import ConvexHull

from osteon.geometry import FloatArray
from osteon.measurement.long_bone import LongBone
from osteon.measurement.section import Line, across, unit
from osteon.measurement.sphere import Sphere, fitted_sphere

FEMUR_COLUMNS = ("mechanical_length_mm", "neck_shaft_angle_degrees", "anteversion_degrees")

_HEAD_RADIUS = 0.053  # of the length, to begin with; adults' and children's are 0.04 to 0.065
_HEAD_RADII = (0.025, 0.08)
_WORST_FIT = 0.12  # of the radius
_NECK = np.arange(0.6, 1.5, 0.07)  # of the head's radius, from its centre: further out, trochanters begin
_WIDEST_NECK = 0.6  # of the head's great circle; adults have 0.42 to 0.51, ossified bone of four-year-olds 0.65
_TURNS = 5
_NECK_SHAFT_DEGREES = (80.0, 165.0)  # coxa vara and valga, however severe; beyond, it is no neck
_ANTEVERSION_DEGREES = (-60.0, 90.0)
_UPPER_SHAFT = (0.45, 0.75)  # of the length, from below: above it lies the lesser trochanter
_LOWER_END = 0.12
_CONDYLES_APART = 1.2  # least distance of their lowest points, by the root of the shaft's area; bones have 1.6 to 2
_BEHIND = np.cos(np.radians(50.0))


@dataclass(frozen=True)
class Knee:
    """Lower end of a femur.

    Parameters
    ----------
    centre, medial_point, lateral_point : (3,) ndarray
        Midpoint of the lowest points of the condyles, and these; world mm.
    medial, front : (3,) ndarray
        Unit directions at right angles to the mechanical axis, the first along the line behind the condyles.
    """

    centre: FloatArray
    medial_point: FloatArray
    lateral_point: FloatArray
    medial: FloatArray
    front: FloatArray


@dataclass(frozen=True)
class Femur:
    """Landmarks of a femur, in world mm; None for a neck that is no narrower than its head."""

    head: Sphere
    neck: Line | None
    upper_shaft: Line
    knee: Knee

    @property
    def mechanical_axis(self) -> FloatArray:
        """Unit direction from the centre of the knee to that of the head."""
        return unit(self.head.centre - self.knee.centre)


def find_femur(bone: LongBone) -> Femur | None:
    """Landmarks of a femur; None where head or condyles are not to be found.

    Parameters
    ----------
    bone : LongBone
    """
    head = _head(bone)
    if head is None:
        return None
    knee = _knee(bone, head)
    if knee is None:
        return None
    apart = np.linalg.norm(knee.medial_point - knee.lateral_point)
    if apart < _CONDYLES_APART * np.sqrt(bone.area_mm2(0.5)):
        return None  # the end of a shaft
    return Femur(head, _neck(bone, head), bone.part(*_UPPER_SHAFT), knee)


def measure_femur(femur: Femur) -> dict[str, float]:
    """Mechanical length and angles of a femur, by `FEMUR_COLUMNS`.

    Angles are NaN without a neck, and both where one is beyond what any femur has: what was taken for the neck is none.
    """
    length = float(np.linalg.norm(femur.head.centre - femur.knee.centre))
    without_angles = dict(zip(FEMUR_COLUMNS, (length, nan, nan), strict=True))
    if femur.neck is None:
        return without_angles
    neck = femur.neck.direction
    neck_shaft = float(np.degrees(np.arccos(-(neck @ femur.upper_shaft.direction))))
    anteversion = float(np.degrees(np.arctan2(neck @ femur.knee.front, neck @ femur.knee.medial)))
    for angle, (least, most) in ((neck_shaft, _NECK_SHAFT_DEGREES), (anteversion, _ANTEVERSION_DEGREES)):
        if not least < angle < most:
            return without_angles
    return dict(zip(FEMUR_COLUMNS, (length, neck_shaft, anteversion), strict=True))


def _head(bone: LongBone) -> Sphere | None:
    """Sphere of the head, from the part of the upper end that lies furthest from the shaft's line."""
    length = bone.anatomical_length_mm
    upper = bone.ends[bone.shaft.positions_mm(bone.ends) > 0.5 * length]
    offsets = bone.shaft.offsets_mm(upper)
    inward = unit(offsets.mean(axis=0))
    radius = _HEAD_RADIUS * length
    end = offsets @ inward > (offsets @ inward).max() - 1.5 * radius
    start = Sphere(upper[end].mean(axis=0), radius, np.inf)
    head = fitted_sphere(upper, start, -unit(0.8 * inward + 0.6 * bone.shaft.direction))
    if head is None or not _HEAD_RADII[0] < head.radius_mm / length < _HEAD_RADII[1]:
        return None
    if np.linalg.norm(bone.shaft.offsets_mm(head.centre[None])) < head.radius_mm:
        return None  # the end of a shaft
    return head if head.error_mm < _WORST_FIT * head.radius_mm else None


def _neck(bone: LongBone, head: Sphere) -> Line | None:
    """Line through the head's centre and the middle of the narrowest part of the neck, towards the head."""
    up, disc_mm2 = bone.shaft.direction, np.pi * head.radius_mm**2
    outward = -unit(across(head.centre - bone.shaft.point, up))
    direction = unit(0.8 * outward - 0.6 * up)
    areas = np.array([np.inf])
    for _ in range(_TURNS):
        cuts = [bone.cut(head.centre + d * head.radius_mm * direction, direction, 1.3 * head.radius_mm) for d in _NECK]
        areas = np.array([cut.area_mm2 if cut else np.inf for cut in cuts])
        areas[areas < 0.1 * disc_mm2] = np.inf  # an open growth plate
        if not np.isfinite(areas).any():
            return None
        narrow = areas < 1.08 * areas.min()
        middles = [cut.centroid for cut, chosen in zip(cuts, narrow, strict=True) if cut and chosen]
        direction = unit(np.mean(middles, axis=0) - head.centre)
    return Line(head.centre, -direction) if areas.min() < _WIDEST_NECK * disc_mm2 else None


def _knee(bone: LongBone, head: Sphere) -> Knee | None:
    """Lowest points of the condyles, and the line behind them, by turns until the mechanical axis stands."""
    surface = bone.ends[bone.shaft.positions_mm(bone.ends) < _LOWER_END * bone.anatomical_length_mm]
    centre = surface.mean(axis=0)
    inward = bone.shaft.offsets_mm(head.centre[None])[0]
    knee = None
    for _ in range(4):
        axis = unit(head.centre - centre)
        knee = _condyles(surface, axis, inward)
        if knee is None:
            return None
        centre = knee.centre
    return knee


def _condyles(surface: FloatArray, axis: FloatArray, inward: FloatArray) -> Knee | None:
    """Knee as seen along an axis: the outline's longest edge that faces back spans the notch."""
    middle = surface.mean(axis=0)
    flat = across(surface - middle, axis)
    wide = unit(np.linalg.svd(flat, full_matrices=False)[2][0])
    front = np.cross(axis, wide)
    front = front * np.sign(front[1])
    seen = np.stack([flat @ wide, flat @ front], axis=1)
    corners = seen[ConvexHull(seen).vertices]  # counter-clockwise in (wide, front)
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(edges, axis=1)
    faces_back = edges[:, 0] > _BEHIND * lengths  # outwards is right of an edge
    if not faces_back.any():
        return None
    at = int(np.argmax(np.where(faces_back, lengths, 0)))
    medial = unit(edges[at, 0] * wide + edges[at, 1] * front)
    medial = medial * np.sign(medial @ inward)
    notch = (corners[at] + corners[(at + 1) % len(corners)]) / 2
    side = (flat - notch[0] * wide - notch[1] * front) @ medial
    low = [_lowest(surface[side * sign > 0], axis) for sign in (1, -1)]
    ahead = np.cross(axis, medial)
    return Knee((low[0] + low[1]) / 2, low[0], low[1], medial, ahead * np.sign(ahead @ front))


def _lowest(points: FloatArray, axis: FloatArray) -> FloatArray:
    """Lowest point of a condyle: as low as any, above the middle of the patch within 2 mm of it."""
    height = points @ axis
    patch = points[height < height.min() + 2.0].mean(axis=0)
    return np.asarray(patch + (height.min() - patch @ axis) * axis, dtype=np.float64)
