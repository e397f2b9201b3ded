"""What all long bones share: shaft, ends, lengths, and cross-section areas along the shaft."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import nan

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from osteon.anatomy import Structure, Task
from osteon.geometry import FloatArray, inverse, spacing_mm, transform_points
from osteon.masks import surfaces_of
from osteon.measurement.moments import moments_of
from osteon.measurement.section import Line, Section, section, unit
from osteon.volume import LabelMap

SHAFT_COLUMNS = ("length_mm", "anatomical_length_mm", "area_25_mm2", "area_50_mm2", "area_75_mm2")

_FEWEST_VOXELS = 200
_SMALLEST_PART = 0.003  # of the volume: the ossified head of a small child's femur is larger
_SLENDER = 2.5  # times as long as thick, by standard deviations
_SHAFT = (0.3, 0.7)  # of the length
_SECTIONS = 11
_THINNEST = 0.1  # of the length: how far from the line a cross-section of the shaft may reach
_END = 0.15  # of the length
_PLATE_MM = 3.0  # half of the widest gap that is filled
_MARGIN = 3  # voxels around an end

_ONE_BONE = Task(
    name="one-bone",
    title="One bone, whichever it is",
    plane="axial",
    spacing_mm=(1.0, 1.0, 1.0),
    structures=(Structure(name="bone", value=1, side="midline", colour="#ffffff"),),
)


@dataclass(frozen=True, eq=False)
class LongBone:
    """A long bone's mask with the line along its shaft.

    Parameters
    ----------
    mask : (i, j, k) float32 ndarray
        0 or 1, without fragments, and closed across growth plates.
    affine : (4, 4) ndarray
    ends : (n, 3) ndarray
        World mm; smoothed surface of the lowest and highest 15 % of the length.
    shaft : Line
        Through the middles of the cross-sections from 30 to 70 % of the length, upwards; its point lies at the lower
        end of the bone.
    anatomical_length_mm : float
        Extent along the shaft.
    """

    mask: NDArray[np.float32]
    affine: FloatArray
    ends: FloatArray
    shaft: Line
    anatomical_length_mm: float

    @cached_property
    def length_mm(self) -> float:
        """Greatest distance between two points of the bone."""
        corners = self.ends[ConvexHull(self.ends).vertices]
        return float(pdist(corners).max())

    def cut(self, centre: FloatArray, normal: FloatArray, reach_mm: float, step_mm: float = 1.0) -> Section | None:
        """Cross-section through a point, as `osteon.measurement.section.section` makes it."""
        return section(self.mask, self.affine, centre, normal, reach_mm, step_mm)

    def area_mm2(self, share: float) -> float:
        """Cross-section area, marrow included, at a share of the anatomical length from the lower end."""
        length = self.anatomical_length_mm
        found = self.cut(self.shaft.at(share * length), self.shaft.direction, _THINNEST * length, 0.5)
        return found.area_mm2 if found else nan

    def part(self, low: float, high: float) -> Line:
        """Straight line through the middles of the cross-sections between two shares of the length."""
        length = self.anatomical_length_mm
        return _line(self.mask, self.affine, self.shaft, (low * length, high * length), _THINNEST * length)


def long_bone(mask: NDArray[np.bool_], affine: FloatArray) -> LongBone | None:
    """Find the shaft of a long bone; None where a mask is too small or not slender enough to be one.

    Parts of at least 0.3 % of the volume count, such as an epiphysis beyond an open growth plate; smaller ones are
    taken for crumbs.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
    affine : (4, 4) ndarray
    """
    parts = cc3d.dust(mask, threshold=max(int(_SMALLEST_PART * mask.sum()), 1), connectivity=26, binary_image=True)
    whole = np.asarray(parts, dtype=bool)
    if np.count_nonzero(whole) < _FEWEST_VOXELS:
        return None
    moments = moments_of(whole, affine)
    variances, axes = np.linalg.eigh(moments.covariance_mm2)
    if variances[2] < _SLENDER**2 * variances[1]:
        return None
    solid = _without_gaps(whole, affine).astype(np.float32)
    shaft = Line(moments.centre_mm, _upwards(axes[:, 2]))
    border = border_points(whole, affine)
    for _ in range(2):
        low, length = _span(shaft, border)
        reach = _THINNEST * length
        shaft = _line(solid, affine, shaft, (low + _SHAFT[0] * length, low + _SHAFT[1] * length), reach)
    ends = _ends(whole, affine, shaft, border)
    low, length = _span(shaft, ends)
    return LongBone(solid, affine, ends, Line(shaft.at(low), shaft.direction), length)


def border_points(mask: NDArray[np.bool_], affine: FloatArray) -> FloatArray:
    """World positions ``(n, 3)`` midway between each voxel of a mask and each neighbour that is not of it."""
    padded = np.pad(mask, 1)
    found = []
    for axis in range(3):
        index = np.argwhere(np.diff(padded, axis=axis)).astype(np.float64)
        index[:, axis] += 0.5
        found.append(index - 1)
    return transform_points(affine, np.concatenate(found))


def measure_shaft(bone: LongBone) -> dict[str, float]:
    """Lengths and areas that every long bone has, by `SHAFT_COLUMNS`."""
    areas = (bone.area_mm2(share) for share in (0.25, 0.5, 0.75))
    return dict(zip(SHAFT_COLUMNS, (bone.length_mm, bone.anatomical_length_mm, *areas), strict=True))


def _without_gaps(mask: NDArray[np.bool_], affine: FloatArray) -> NDArray[np.bool_]:
    """A bone of one part as it is; one of several with the growth plates between them filled (a closing by a ball)."""
    if cc3d.connected_components(mask, connectivity=26, return_N=True)[1] < 2:
        return mask
    edges = spacing_mm(affine)
    margin = int(np.ceil(_PLATE_MM / min(edges))) + 2
    padded = np.pad(mask, margin)
    grown = edt.edt(~padded, anisotropy=tuple(edges)) <= _PLATE_MM
    closed = edt.edt(grown, anisotropy=tuple(edges)) > _PLATE_MM
    inner = slice(margin, -margin)
    return np.asarray(closed[inner, inner, inner] | mask)


def _upwards(axis: FloatArray) -> FloatArray:
    """An axis with the sense in which it points up: patients are scanned with bent hips at most, not head down."""
    return axis * (np.sign(axis[2]) or 1.0)


def _span(shaft: Line, points: FloatArray) -> tuple[float, float]:
    """Lowest position of points along a line, and their extent."""
    positions = shaft.positions_mm(points)
    return float(positions.min()), float(np.ptp(positions))


def _line(
    mask: NDArray[np.float32], affine: FloatArray, along: Line, span_mm: tuple[float, float], reach_mm: float
) -> Line:
    """Least squares through the middles of cross-sections; ``along`` itself where there are too few."""
    places = [along.at(float(position)) for position in np.linspace(*span_mm, _SECTIONS)]
    cuts = [section(mask, affine, place, along.direction, reach_mm) for place in places]
    found = np.array([cut.centroid for cut in cuts if cut is not None])
    if len(found) < _SECTIONS // 2:
        return along
    middle = found.mean(axis=0)
    direction = unit(np.linalg.svd(found - middle)[2][0])
    return Line(middle, direction * np.sign(direction @ along.direction))


def _ends(mask: NDArray[np.bool_], affine: FloatArray, shaft: Line, border: FloatArray) -> FloatArray:
    """Smoothed surface points of both ends; the steps of thick oblique slices would lengthen the bone."""
    low, length = _span(shaft, border)
    surfaces = []
    for sign in (1, -1):  # the lower end, the upper end
        lower = Line(shaft.at(low if sign > 0 else low + length), sign * shaft.direction)
        index = transform_points(inverse(affine), border[lower.positions_mm(border) < _END * length])
        first = np.maximum(np.floor(index.min(axis=0)).astype(int) - _MARGIN, 0)
        i, j, k = (slice(a, b) for a, b in zip(first, np.ceil(index.max(axis=0)).astype(int) + _MARGIN, strict=True))
        part = affine.copy()
        part[:3, 3] = transform_points(affine, first[None].astype(np.float64))[0]
        surface = surfaces_of(LabelMap(mask[i, j, k].astype(np.uint8), part, task=_ONE_BONE))["bone"].vertices
        # where the box cuts the shaft the surface is not the bone's
        surfaces.append(surface[lower.positions_mm(surface) < _END * length])
    return np.concatenate(surfaces)


def slice_mm(affine: FloatArray, direction: FloatArray) -> float:
    """Step of the array axis that runs closest to a unit direction, along that direction, in mm."""
    return float(np.abs(direction @ affine[:3, :3]).max())
