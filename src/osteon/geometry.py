"""Affines, orientations, grids and resampling: pure functions of arrays.

World coordinates are RAS+ millimetres; an affine maps array indices ``(i, j, k)`` at voxel centres to the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.errors import GeometryError

FloatArray = NDArray[np.float64]

GRID_TOLERANCE = 0.1
"""Two grids are equal when no corner moves by more than this share of the smallest voxel edge."""

SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two array axes that still counts as a right angle (0.06 degrees)."""


def spacing_mm(affine: FloatArray) -> FloatArray:
    """Voxel edge lengths in mm, one for each array axis.

    Parameters
    ----------
    affine : (4, 4) ndarray
    """
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0), dtype=np.float64)


def voxel_volume_mm3(affine: FloatArray) -> float:
    """Volume of one voxel: the determinant of the affine, so that it also holds for oblique grids."""
    return float(abs(np.linalg.det(affine[:3, :3])))


def orientation(affine: FloatArray) -> str:
    """Three letters that say where each array axis runs to, as nibabel: ``"RAS"`` for i to the right, and so on."""
    return "".join(str(code) for code in nibabel.aff2axcodes(affine))


def axis_of(affine: FloatArray, world_axis: int) -> int:
    """Array axis that runs closest along a world axis (0 left-right, 1 posterior-anterior, 2 inferior-superior)."""
    return int(np.argmax(nibabel.io_orientation(affine)[:, 0] == world_axis))


def check_affine(affine: FloatArray, what: str) -> None:
    """Refuse an affine that is no scan's: not finite, an axis of length zero, or sheared.

    Parameters
    ----------
    affine : (4, 4) ndarray
    what : str
        Named in the error, usually the file.

    Raises
    ------
    GeometryError
    """
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError(
            f"{what}: the affine is not a finite 4 x 4 matrix, so the scan has no place in the world. "
            "Export the scan again from the scanner's DICOM files."
        )
    edges = spacing_mm(affine)
    if (edges < 1e-6).any():
        raise GeometryError(
            f"{what}: the voxel size is {_mm(edges)}; every edge must be longer than zero. "
            "The header is damaged: export the scan again."
        )
    unit = affine[:3, :3] / edges
    cosines = np.abs(np.array([unit[:, a] @ unit[:, b] for a, b in ((0, 1), (0, 2), (1, 2))]))
    if cosines.max() > SHEAR_TOLERANCE:
        angle = float(np.degrees(np.arcsin(min(1.0, cosines.max()))))
        raise GeometryError(
            f"{what}: the array axes are {90 - angle:.2f} degrees apart, not 90 (a sheared grid, as of a tilted "
            "gantry). Resample it to a right-angled grid first, for example in 3D Slicer."
        )


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the voxels of a volume lie: a shape and an affine.

    Parameters
    ----------
    shape : (3,) tuple of int
    affine : (4, 4) ndarray
        Array index to RAS+ mm.
    """

    shape: tuple[int, int, int]
    affine: FloatArray

    def __repr__(self) -> str:
        return f"Grid(shape: {self.shape}; spacing: {_mm(self.spacing_mm)}; orientation: {self.orientation}+)"

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel edge lengths in mm."""
        i, j, k = spacing_mm(self.affine)
        return float(i), float(j), float(k)

    @property
    def orientation(self) -> str:
        """Axis codes, ``"RAS"`` and so on."""
        return orientation(self.affine)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in mm3."""
        return voxel_volume_mm3(self.affine)

    def corners_mm(self) -> FloatArray:
        """World positions of the eight outer corners of the voxel box, ``(8, 3)``, in mm."""
        index = np.array(list(product(*((-0.5, n - 0.5) for n in self.shape))))
        return transform_points(self.affine, index)

    def distance_mm(self, other: Grid) -> float:
        """Largest distance in mm between corresponding corners of two grids of equal shape."""
        return float(np.linalg.norm(self.corners_mm() - other.corners_mm(), axis=1).max())

    def matches(self, other: Grid) -> bool:
        """Whether two grids count as equal (same shape, corners within `GRID_TOLERANCE` of a voxel edge)."""
        return self.shape == other.shape and self.distance_mm(other) <= GRID_TOLERANCE * min(self.spacing_mm)

    def require_match(self, other: Grid, this: str, that: str) -> None:
        """Raise `GeometryError`, saying how many mm apart they are, unless the two grids count as equal."""
        if self.shape != other.shape:
            raise GeometryError(
                f"{this} has {_times(self.shape)} voxels and {that} has {_times(other.shape)}; they must lie on one "
                "grid. Resample one onto the other, or choose the pair that belongs together."
            )
        distance = self.distance_mm(other)
        tolerance = GRID_TOLERANCE * min(self.spacing_mm)
        if distance > tolerance:
            raise GeometryError(
                f"{this} and {that} are {distance:.2f} mm apart at a corner (at most {tolerance:.2f} mm is accepted); "
                "they must lie on one grid. Check that both come from the same series, and RAS against LPS."
            )

    def with_spacing(self, spacing: tuple[float, float, float]) -> Grid:
        """Grid of the same axes and the same outer corner with other voxel edges (mm), covering the same box.

        The far end may extend past the old box by less than one new voxel.
        """
        old = np.array(self.spacing_mm)
        new = np.array(spacing, dtype=np.float64)
        shape = np.maximum(1, np.ceil(np.array(self.shape) * old / new - 1e-3)).astype(int)
        return self._subdivided(shape, new / old)

    def with_shape(self, shape: tuple[int, int, int]) -> Grid:
        """Grid of the same box cut into another number of voxels."""
        return self._subdivided(np.array(shape), np.array(self.shape) / np.array(shape))

    def _subdivided(self, shape: NDArray[np.int_], factor: FloatArray) -> Grid:
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] * factor
        # the outer corner at index -0.5 stays where it is
        affine[:3, 3] = self.affine[:3, 3] + self.affine[:3, :3] @ (0.5 * factor - 0.5)
        return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)

    def cropped(self, box: tuple[slice, slice, slice]) -> Grid:
        """Grid of a box of voxels; slices have explicit, non-negative starts and stops."""
        start = np.array([s.start for s in box], dtype=np.float64)
        affine = self.affine.copy()
        affine[:3, 3] = transform_points(self.affine, start[None])[0]
        shape = tuple(s.stop - s.start for s in box)
        return Grid((shape[0], shape[1], shape[2]), affine)


def inverse(affine: FloatArray) -> FloatArray:
    """Affine from world to array indices."""
    return np.asarray(np.linalg.inv(affine), dtype=np.float64)


def transform_points(affine: FloatArray, points: NDArray[np.number[Any]]) -> FloatArray:
    """Apply a 4 x 4 affine to ``(n, 3)`` points."""
    return np.asarray(points @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)


def reorient(array: NDArray[np.generic], affine: FloatArray, codes: str) -> tuple[NDArray[np.generic], FloatArray]:
    """Permute and flip array axes so that they run closest to ``codes``, without interpolation.

    Parameters
    ----------
    array : (i, j, k) ndarray
    affine : (4, 4) ndarray
    codes : str
        Such as ``"RAS"``.

    Returns
    -------
    array, affine
        A view where possible; a world point keeps its value.
    """
    change = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt(codes)
    )
    turned = nibabel.orientations.apply_orientation(array, change)
    return turned, affine @ nibabel.orientations.inv_ornt_aff(change, array.shape)


def resample_linear(
    array: NDArray[np.generic], affine: FloatArray, target: Grid, *, outside: float = 0.0
) -> NDArray[np.float32]:
    """Trilinear interpolation of an image onto another grid.

    Where the target is coarser than the source, the image is smoothed first by a Gaussian of
    ``0.5 * sqrt(ratio**2 - 1)`` voxels, so that thin bright structures do not alias.

    Parameters
    ----------
    array : (i, j, k) ndarray
    affine : (4, 4) ndarray
    target : Grid
    outside : float
        Value of target voxels whose centre lies outside the source's voxel box.

    Returns
    -------
    (target.shape) float32 ndarray
    """
    source = array.astype(np.float32, copy=False)
    to_source = inverse(affine) @ target.affine
    if _is_whole_shift(to_source):
        return _shifted(source, to_source, target.shape, np.float32(outside))
    # how many source voxels one target voxel spans along each source axis
    ratio = np.abs(to_source[:3, :3]).max(axis=1)
    sigma = np.where(ratio > 1.01, 0.5 * np.sqrt(np.maximum(ratio**2 - 1, 0)), 0)
    if sigma.any():
        source = ndimage.gaussian_filter(source, sigma, mode="nearest")
    result = _interpolate(source, to_source, target.shape)
    inside = _inside(array.shape, to_source, target.shape)
    if not inside.all():
        result = np.where(inside, result, np.float32(outside))
    return result


def resample_labels(array: NDArray[np.integer[Any]], affine: FloatArray, target: Grid) -> NDArray[np.integer[Any]]:
    """Resample labels one by one: each label's membership is interpolated linearly and the largest wins.

    A label value is never blended with another; one label at a time is in memory beside a running maximum.
    Voxels outside the source are background (0). Ties go to the smaller value.
    """
    to_source = inverse(affine) @ target.affine
    if _is_whole_shift(to_source):
        return _shifted(array, to_source, target.shape, 0)
    best = _interpolate((array == 0).astype(np.float32), to_source, target.shape)
    best[~_inside(array.shape, to_source, target.shape)] = 2.0  # outside the source nothing can win
    result = np.zeros(target.shape, dtype=array.dtype)
    for value in np.unique(array):
        if value == 0:
            continue
        membership = _interpolate((array == value).astype(np.float32), to_source, target.shape)
        wins = membership > best
        result[wins] = value
        best[wins] = membership[wins]
    return result


def _is_whole_shift(to_source: FloatArray) -> bool:
    """Whether target voxels lie on source voxels, displaced by whole steps (a crop or a pad)."""
    offset = to_source[:3, 3]
    aligned = np.abs(to_source[:3, :3] - np.eye(3)).max() < 1e-6
    return bool(aligned and np.abs(offset - np.round(offset)).max() < 1e-3)


def _shifted(source: NDArray[Any], to_source: FloatArray, shape: tuple[int, int, int], outside: Any) -> NDArray[Any]:
    result = np.full(shape, outside, dtype=source.dtype)
    start = np.round(to_source[:3, 3]).astype(int)
    inner = [range(max(0, -s), min(n, m - s)) for s, n, m in zip(start, shape, source.shape, strict=True)]
    if all(inner):
        to = tuple(slice(r.start, r.stop) for r in inner)
        result[to] = source[tuple(slice(r.start + s, r.stop + s) for r, s in zip(inner, start, strict=True))]
    return result


def _interpolate(
    source: NDArray[np.float32], to_source: FloatArray, shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    matrix, offset = to_source[:3, :3], to_source[:3, 3]
    diagonal = np.diag(matrix)
    # scipy takes a separable, much faster path when it is given the diagonal alone
    separable = np.abs(matrix - np.diag(diagonal)).max() * max(shape) < 1e-3
    result = ndimage.affine_transform(
        source, diagonal if separable else matrix, offset, output_shape=shape, order=1, mode="nearest"
    )
    return np.asarray(result, dtype=np.float32)


def _inside(source_shape: tuple[int, ...], to_source: FloatArray, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Target voxels whose centre lies in the source's voxel box, broadcast to ``shape``."""
    i, j, k = np.ogrid[tuple(slice(n) for n in shape)]
    inside = np.ones(shape, dtype=bool)
    for axis, n in enumerate(source_shape):
        row = to_source[axis]
        position = row[0] * i + row[1] * j + row[2] * k + row[3]
        inside &= (position > -0.5 - 1e-6) & (position < n - 0.5 + 1e-6)
    return inside


def _mm(values: FloatArray | tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{v:.2f}" for v in values) + ") mm"


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
