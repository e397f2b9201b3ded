"""What the network is asked for at each voxel: a class, or nothing where nobody annotated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import FloatArray
from osteon.volume import LabelMap

IGNORE = 255
"""Target value of voxels that teach nothing."""

UNKNOWN_RADIUS_MM = 40.0
"""Around the spine's axis above the highest annotated level, so far a body may stand that nobody annotated."""


def targets(labels: LabelMap, classes: Sequence[str]) -> NDArray[np.uint8]:
    """Class index of every voxel (0 background), `IGNORE` where a level may stand that nobody annotated.

    Studies often annotate L1 to L5 while T12 is in view. To call it background would teach the network that the same
    bone is a vertebra in one cohort and nothing in the next.

    Parameters
    ----------
    labels : LabelMap
    classes : sequence of str
        Structures or groups of the task, without background.

    Returns
    -------
    (i, j, k) uint8 ndarray
    """
    lookup = np.zeros(int(labels.array.max()) + 1, dtype=np.uint8)
    for value, number in labels.task.class_of_value(classes).items():
        if value < lookup.size:
            lookup[value] = number
    result: NDArray[np.uint8] = lookup[labels.array]
    result[(result == 0) & above_highest_level(labels)] = IGNORE
    return result


def above_highest_level(labels: LabelMap) -> NDArray[np.bool_]:
    """A tube around the spine's axis, from the top of the highest annotated level upwards.

    The axis runs through the centroids of the two highest vertebrae, or of the two highest discs if these reach higher.
    Empty if fewer than two are annotated or the task has no levels.
    """
    columns = labels.task.levels.columns if labels.task.levels is not None else ()
    ends = [end for column in columns if (end := _end_of(labels, column)) is not None]
    if not ends:
        return np.zeros(labels.shape, dtype=bool)
    centre, axis, top = max(ends, key=lambda end: end[0][2] + end[2] * end[1][2])
    # distance along the axis and from it, for every voxel, without an (n, 3) array of the whole volume
    i, j, k = np.ogrid[tuple(slice(n) for n in labels.shape)]
    A = labels.affine
    world = [A[r, 0] * i + A[r, 1] * j + A[r, 2] * k + (A[r, 3] - centre[r]) for r in range(3)]
    along = world[0] * axis[0] + world[1] * axis[1] + world[2] * axis[2]
    squared = world[0] ** 2 + world[1] ** 2 + world[2] ** 2 - along**2
    return np.asarray((along > top) & (squared < UNKNOWN_RADIUS_MM**2))


def _end_of(labels: LabelMap, column: Sequence[str]) -> tuple[FloatArray, FloatArray, float] | None:
    """Centre (RAS mm) of the highest annotated structure of a series, the axis up to it, and how far its top lies."""
    values = [labels.task.by_name(name).value for name in column]
    here = set(labels.values())
    present = [v for v in values if v in here]
    if len(present) < 2:
        return None
    voxels = [labels.world_mm(np.argwhere(labels.array == v)) for v in present[-2:]]
    centre = voxels[1].mean(axis=0)
    axis = centre - voxels[0].mean(axis=0)
    axis /= np.linalg.norm(axis)
    return centre, axis, float(((voxels[1] - centre) @ axis).max())
