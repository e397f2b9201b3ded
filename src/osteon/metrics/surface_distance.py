"""Distances between the surfaces of two masks, in mm.

The definition is that of Nikolov et al. (2018, arXiv:1809.04430; the ``surface-distance`` package of DeepMind): the
surface of a mask passes through the points where the corners of eight voxels meet and not all eight are alike. Each
such point stands for the area of the marching-cubes surface among its eight voxels, in mm2, so that voxels that are
not cubes and edges that run oblique count by their true area. All averages and percentiles are weighted by that area.

On a curved or oblique surface the points are a layer up to a voxel thick, so that distances come out short by up to
about half a voxel, as in every tool of this definition: compare scores only where the voxels are alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import edt
import numpy as np
from numpy.typing import NDArray
from skimage.measure import marching_cubes, mesh_surface_area

from osteon.geometry import FloatArray

Spacing = tuple[float, float, float]

_HALF = 4  # of the eight voxels around a corner


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distance of each surface point of one mask to the surface of the other, with the area it stands for.

    Parameters
    ----------
    to_reference_mm, predicted_mm2 : (n,) ndarray
        Of the points of the predicted surface, nearest first.
    to_predicted_mm, reference_mm2 : (m,) ndarray
        Of the points of the reference surface, nearest first.
    """

    to_reference_mm: FloatArray
    predicted_mm2: FloatArray
    to_predicted_mm: FloatArray
    reference_mm2: FloatArray

    def hausdorff_mm(self, percentile: float = 95.0) -> float:
        """Robust Hausdorff distance in mm: the larger of the two directed percentiles, each weighted by area.

        ``percentile=100`` gives the largest distance.
        """
        return max(
            _percentile(self.to_reference_mm, self.predicted_mm2, percentile),
            _percentile(self.to_predicted_mm, self.reference_mm2, percentile),
        )

    def average_mm(self) -> float:
        """Average symmetric surface distance in mm: the mean over the area of both surfaces together."""
        weighted = self.to_reference_mm @ self.predicted_mm2 + self.to_predicted_mm @ self.reference_mm2
        return float(weighted / (self.predicted_mm2.sum() + self.reference_mm2.sum()))

    def dice(self, tolerance_mm: float = 1.0) -> float:
        """Normalised surface Dice: share of the area of both surfaces that lies within a tolerance of the other."""
        # what a distance map in single precision rounds up still counts as within
        limit = tolerance_mm * (1 + 1e-6)
        near = self.predicted_mm2[self.to_reference_mm <= limit].sum()
        near += self.reference_mm2[self.to_predicted_mm <= limit].sum()
        return float(near / (self.predicted_mm2.sum() + self.reference_mm2.sum()))


def surface_distances(
    predicted: NDArray[np.bool_], reference: NDArray[np.bool_], spacing_mm: Spacing
) -> SurfaceDistances:
    """Measure the distances between the surfaces of two masks.

    Work and memory are those of the box around both masks. A mask that reaches the border of the array is closed there.

    Parameters
    ----------
    predicted, reference : (i, j, k) bool ndarray
        Of one shape, neither of them empty.
    spacing_mm : (3,) tuple of float
        Voxel edges along i, j, k, from the affine; oblique grids need no more, for their axes are at right angles.

    Raises
    ------
    ValueError
        If a mask is empty: the distance is not defined then, and the caller says what that means.
    """
    if not (predicted.any() and reference.any()):
        raise ValueError("surface distances need two masks that are not empty")
    box = bounding_box(predicted | reference)
    area_predicted = surface_elements(predicted[box], spacing_mm)
    area_reference = surface_elements(reference[box], spacing_mm)
    to_reference, predicted_mm2 = _directed(area_predicted, area_reference, spacing_mm)
    to_predicted, reference_mm2 = _directed(area_reference, area_predicted, spacing_mm)
    return SurfaceDistances(to_reference, predicted_mm2, to_predicted, reference_mm2)


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Smallest box of voxels that holds a mask which is not empty."""
    ranges = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        inside = np.flatnonzero(mask.any(axis=others))
        ranges.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return ranges[0], ranges[1], ranges[2]


def surface_elements(mask: NDArray[np.bool_], spacing_mm: Spacing) -> NDArray[np.float32]:
    """Surface area in mm2 at each point where the corners of eight voxels meet, ``(i + 1, j + 1, k + 1)``.

    Outside the array is background, so that the surface is closed.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
    spacing_mm : (3,) tuple of float
    """
    padded = np.pad(mask, 1).view(np.uint8)
    i, j, k = (n + 1 for n in mask.shape)
    code = np.zeros((i, j, k), dtype=np.uint8)
    for bit, (a, b, c) in enumerate(np.ndindex(2, 2, 2)):
        code |= padded[a : a + i, b : b + j, c : c + k] << np.uint8(bit)
    return _element_areas(spacing_mm)[code]


@lru_cache(maxsize=64)
def _element_areas(spacing_mm: Spacing) -> NDArray[np.float32]:
    """Area in mm2 of the marching-cubes surface for each of the 256 ways to fill eight voxels, ``(256,)``."""
    areas = np.zeros(256, dtype=np.float32)
    for code in range(1, 255):
        bits = np.array([(code >> bit) & 1 for bit in range(8)])
        # inside and outside are alike: the fuller half of the table mirrors the emptier, in which
        # voxels that touch by an edge or a corner alone are apart
        cube = bits if bits.sum() <= _HALF else 1 - bits
        vertices, faces, _, _ = marching_cubes(
            cube.reshape(2, 2, 2).astype(np.float32), 0.5, spacing=spacing_mm, method="lorensen"
        )
        areas[code] = mesh_surface_area(vertices, faces)
    return areas


def _directed(
    source: NDArray[np.float32], target: NDArray[np.float32], spacing_mm: Spacing
) -> tuple[FloatArray, FloatArray]:
    """Distances in mm from the points of one surface to the other's, sorted, and the areas that go with them."""
    to_target = edt.edt(target == 0, anisotropy=spacing_mm, parallel=1)
    at = source > 0
    distances, areas = to_target[at].astype(np.float64), source[at].astype(np.float64)
    order = np.argsort(distances, kind="stable")
    return distances[order], areas[order]


def _percentile(distances: FloatArray, areas: FloatArray, percentile: float) -> float:
    """Smallest distance within which lies that percentage of the area; ``distances`` are sorted."""
    share = np.cumsum(areas) / areas.sum()
    # the sum of the same areas in another order may differ in its last digits
    at = int(np.searchsorted(share, percentile / 100 - 1e-9))
    return float(distances[min(at, len(distances) - 1)])
