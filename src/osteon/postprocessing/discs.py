"""Name discs by the vertebrae that they lie between."""

from __future__ import annotations

from collections.abc import Sequence

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from osteon.anatomy import Task
from osteon.geometry import FloatArray, spacing_mm, transform_points
from osteon.postprocessing.column import bodies_of, in_column
from osteon.postprocessing.components import Mask, bounding_box, without_holes
from osteon.postprocessing.instances import split_instances

DISC_SHARE = 0.3
"""A disc has about a third of a vertebral body's volume: so much of the smallest body's is the smallest disc's."""

REACH = 0.6
"""A part is a disc's if its middle is no further from the midpoint of two bodies than this share of their distance."""


def name_discs(
    mask: Mask, labels: NDArray[np.uint16], affine: FloatArray, task: Task, smallest_mm3: float
) -> tuple[NDArray[np.uint16], list[str]]:
    """Label values of the discs.

    Each voxel goes to the nearest midpoint between two neighbouring bodies: the borders of this division run across the
    middle of the bodies, where no disc is. Beyond the lowest and the highest body one more of each is taken to follow
    at the same distance. Where there are no two bodies, discs are counted from the lowest up.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
        Voxels of discs.
    labels : (i, j, k) uint16 ndarray
        The vertebrae's label values (`name_levels`).
    affine : (4, 4) ndarray
    task : Task
        With ``levels.below``.
    smallest_mm3 : float
        Of a vertebral body.

    Returns
    -------
    labels : (i, j, k) uint16 ndarray
        The discs' label values.
    warnings : list of str
        Reasons to look at them.
    """
    levels = task.levels
    result = np.zeros(mask.shape, dtype=np.uint16)
    if levels is None or not mask.any():
        return result, []
    values = [task.by_name(name).value for name in levels.below]
    smallest_mm3 = DISC_SHARE * smallest_mm3
    box = bounding_box(mask, margin=1)
    near = affine.copy()
    near[:3, 3] = transform_points(affine, np.array([[s.start for s in box]], dtype=np.float64))[0]
    centres = _centres([task.by_name(name).value for name in levels.order], labels, affine)
    if len(centres) < 2:
        result[box] = _counted(mask[box], near, values, smallest_mm3)
        return result, [
            f"No two vertebrae tell the levels: discs are counted from the lowest found, as {levels.below[0]}, "
            "and may all be shifted. Check them."
        ]
    result[box] = _between(mask[box], near, centres, values, smallest_mm3)
    found = set(np.unique(result[box]).tolist())
    gaps = [levels.below[p] for p in range(min(centres) + 1, max(centres) + 1) if values[p] not in found]
    return result, [f"Nothing was found where {', '.join(gaps)} should be. Look there."] if gaps else []


def _centres(values: Sequence[int], labels: NDArray[np.uint16], affine: FloatArray) -> dict[int, FloatArray]:
    """Centroid (RAS mm) of each vertebra that is there, by its place in the order of levels."""
    present = set(np.unique(labels).tolist())
    return {
        place: transform_points(affine, np.argwhere(labels == value).mean(axis=0)[None])[0]
        for place, value in enumerate(values)
        if value in present
    }


def _between(
    mask: Mask, affine: FloatArray, centres: dict[int, FloatArray], values: Sequence[int], smallest_mm3: float
) -> NDArray[np.uint16]:
    lowest, highest = min(centres), max(centres)
    places = np.arange(lowest, highest + 1)
    known = np.array([centres[p] for p in sorted(centres)])
    # vertebrae that were not found lie evenly between those that were
    line = np.stack([np.interp(places, sorted(centres), known[:, axis]) for axis in range(3)], axis=1)
    line = np.vstack([2 * line[0] - line[1], line, 2 * line[-1] - line[-2]])
    middles = (line[1:] + line[:-1]) / 2
    reach_mm = REACH * np.linalg.norm(np.diff(line, axis=0), axis=1)
    voxels = np.argwhere(mask)
    nearest = cKDTree(middles).query(transform_points(affine, voxels.astype(np.float64)))[1]
    smallest = smallest_mm3 / abs(np.linalg.det(affine[:3, :3]))
    result = np.zeros(mask.shape, dtype=np.uint16)
    for number, middle in enumerate(middles):
        if lowest + number >= len(values) or not (nearest == number).any():
            continue
        own = np.zeros(mask.shape, dtype=bool)
        own[tuple(voxels[nearest == number].T)] = True
        parts = cc3d.connected_components(own, connectivity=26)
        for part in np.flatnonzero(np.bincount(parts.ravel())[1:] >= smallest) + 1:
            where = np.argwhere(parts == part)
            centre = transform_points(affine, where.mean(axis=0)[None])[0]
            if np.linalg.norm(centre - middle) <= reach_mm[number]:
                result[tuple(where.T)] = values[lowest + number]
    return result


def _counted(mask: Mask, affine: FloatArray, values: Sequence[int], smallest_mm3: float) -> NDArray[np.uint16]:
    """Discs by their order from the lowest up."""
    result = np.zeros(mask.shape, dtype=np.uint16)
    i, j, k = spacing_mm(affine)
    instances = split_instances(mask, (float(i), float(j), float(k)), smallest_mm3)
    if not instances.any():
        return result
    discs, _ = in_column(bodies_of(instances, None, affine))
    for value, disc in zip(values, discs, strict=False):
        result[without_holes(np.isin(instances, disc.numbers))] = value
    return result
