"""Size, middle and spread of a mask, from its shadows along the array axes: no list of its voxels is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import FloatArray, transform_points


@dataclass(frozen=True, eq=False)
class Moments:
    """What the positions of a mask's voxels come to.

    Parameters
    ----------
    voxels : int
    centre_mm : (3,) ndarray
        Mean, in the world.
    covariance_mm2 : (3, 3) ndarray
        As of `numpy.cov`; of a single voxel 0.
    """

    voxels: int
    centre_mm: FloatArray
    covariance_mm2: FloatArray


def moments_of(mask: NDArray[np.bool_], affine: FloatArray) -> Moments:
    """Moments of the voxels of a mask that is not empty.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
    affine : (4, 4) ndarray
    """
    shadows = {axis: mask.sum(axis=axis, dtype=np.int64).astype(np.float64) for axis in range(3)}
    along = [shadows[2].sum(axis=1), shadows[2].sum(axis=0), shadows[0].sum(axis=0)]
    count = int(along[0].sum())
    middle = np.array([float(np.arange(len(held)) @ held) / count for held in along])
    places = [np.arange(len(held)) - centre for held, centre in zip(along, middle, strict=True)]
    spread = np.diag([float(held @ place**2) for held, place in zip(along, places, strict=True)])
    for first, second, shadow in ((0, 1, shadows[2]), (0, 2, shadows[1]), (1, 2, shadows[0])):
        spread[first, second] = spread[second, first] = float(places[first] @ shadow @ places[second])
    turn = affine[:3, :3]
    covariance = turn @ (spread / max(count - 1, 1)) @ turn.T
    return Moments(count, transform_points(affine, middle[None])[0], np.asarray(covariance, dtype=np.float64))


def extent_mm(mask: NDArray[np.bool_], affine: FloatArray) -> FloatArray:
    """Edges of the box along the world's axes around the voxels of a mask that is not empty, ``(3,)``.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
    affine : (4, 4) ndarray
    """
    # no voxel between the first and the last of its column reaches further than both, in any direction
    j, k = np.nonzero(mask.any(axis=0))
    columns = mask[:, j, k]
    first, last = columns.argmax(axis=0), len(columns) - 1 - columns[::-1].argmax(axis=0)
    ends = np.concatenate([np.stack([first, j, k], axis=1), np.stack([last, j, k], axis=1)])
    points = transform_points(affine, ends)
    return np.asarray(np.ptp(points, axis=0) + np.abs(affine[:3, :3]).sum(axis=1), dtype=np.float64)
