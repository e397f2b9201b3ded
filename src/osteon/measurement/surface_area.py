"""Surface area of a mask by Crofton's formula."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import SphericalVoronoi

from osteon.geometry import FloatArray


def surface_area_mm2(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> float:
    """Surface area of a mask in mm2, from how often parallel lines cross its border.

    Lines run along the 13 directions between a voxel and its neighbours; each direction speaks for the part of the
    sphere that lies nearest to it, so that voxels need not be cubes (Lehmann and Legland 2012, "Efficient
    N-dimensional surface estimation using Crofton formula and run-length encoding", The Insight Journal). Unlike a sum
    of voxel faces or of marching-cubes triangles on a mask, it does not grow with the steps of an oblique surface. A
    sphere's area comes out within 3 %; that of a flat face along an array axis up to 10 % small.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
        Outside the array is background.
    spacing_mm : (3,) tuple of float
    """
    padded = np.pad(mask, 1)
    steps = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
    vectors = np.array(steps) * np.array(spacing_mm)  # (26, 3) mm
    lengths = np.linalg.norm(vectors, axis=1)
    shares = _shares_of_sphere(vectors / lengths[:, None])
    voxel_mm3 = float(np.prod(spacing_mm))
    area = 0.0
    for step, length, share in zip(steps, lengths, shares, strict=True):
        if step < (0, 0, 0):  # the opposite direction crosses as often
            continue
        crossings = np.count_nonzero(_shifted(padded, step) != _shifted(padded, tuple(-s for s in step)))
        # a line every voxel_mm3 / length mm2, each seen under |cos|, whose mean over the sphere is a half
        area += 2 * (2 * share) * crossings * voxel_mm3 / length
    return area


def _shifted(array: NDArray[np.bool_], step: tuple[int, ...]) -> NDArray[np.bool_]:
    """Part of an array that has a neighbour by ``step``: of two opposite steps, the parts lie over each other."""
    return array[tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(step, array.shape, strict=True))]


def _shares_of_sphere(directions: FloatArray) -> FloatArray:
    """Share of the unit sphere nearest to each of the directions."""
    areas = SphericalVoronoi(directions).calculate_areas()
    return np.asarray(areas / areas.sum(), dtype=np.float64)
