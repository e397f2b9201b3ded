"""Which slices hold structures: to cut a whole-body scan to the legs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np

from osteon.errors import GeometryError, TaskError, UsageError
from osteon.geometry import FloatArray, axis_of, transform_points
from osteon.volume import LabelMap, Volume

Direction = Literal["head-feet", "front-back", "left-right"]

WORLD_AXIS = {"left-right": 0, "front-back": 1, "head-feet": 2}


@dataclass(frozen=True)
class SliceRange:
    """Neighbouring slices of a scan.

    Parameters
    ----------
    axis : int
        Array axis that runs across the slices: 0, 1 or 2.
    first, last : int
        Numbers of the slices at both ends, counted from 0, both within the range.
    of : int
        How many slices the scan has.
    mm : (2,) tuple of float
        World coordinates (RAS mm, along the direction asked for) of the middles of these two slices.
    """

    axis: int
    first: int
    last: int
    of: int
    mm: tuple[float, float]

    def cut(self, volume: Volume) -> Volume:
        """The slices of a volume on the grid that the range was made for; world positions stay.

        Raises
        ------
        GeometryError
            If the volume has another number of slices.
        """
        if volume.shape[self.axis] != self.of:
            raise GeometryError(
                f"The range is one of {self.of} slices and this volume has {volume.shape[self.axis]}. "
                "Make the range for this very scan."
            )
        box = [slice(0, n) for n in volume.shape]
        box[self.axis] = slice(self.first, self.last + 1)
        return volume.cropped((box[0], box[1], box[2]))


def region(
    labels: Volume,
    *,
    structures: Sequence[str] | None = None,
    margin_mm: float = 0.0,
    direction: Direction = "head-feet",
    scan: Volume | None = None,
) -> SliceRange:
    """Range of slices that holds structures, with a margin.

    Parameters
    ----------
    labels : Volume or LabelMap
        A label map or a mask; any value but zero counts.
    structures : sequence of str, optional
        Only these, by name or pattern (``femur-*``); needs a `LabelMap`.
    margin_mm : float
        Added at both ends, as far as the scan goes.
    direction : "head-feet", "front-back" or "left-right"
        The array axis that runs closest to it is cut.
    scan : Volume, optional
        Whose slices are meant, where it has another grid than the labels; both lie in one world.

    Returns
    -------
    SliceRange

    Raises
    ------
    UsageError
        If the margin is negative, or the direction unknown.
    TaskError
        If nothing is labelled, or structures are named that the task does not know.
    GeometryError
        If the structures lie outside the scan.
    """
    if direction not in get_args(Direction):
        raise UsageError(f"There is no direction {direction}. Known: {', '.join(get_args(Direction))}.")
    if not margin_mm >= 0:
        raise UsageError(f"The margin is {margin_mm} mm; it must be zero or more.")
    held = _corners_mm(labels, structures)
    target = scan if scan is not None else labels
    axis = axis_of(target.affine, WORLD_AXIS[direction])
    index = target.index(held)[:, axis]
    # the corners are voxel faces, half a voxel outside the centres
    low = int(np.ceil(index.min() - margin_mm / target.spacing_mm[axis] - 1e-3))
    high = int(np.floor(index.max() + margin_mm / target.spacing_mm[axis] + 1e-3))
    n = target.shape[axis]
    if high < 0 or low >= n:
        away = (max(-index.max(), index.min() - n + 1)) * target.spacing_mm[axis]
        raise GeometryError(
            f"The labelled structures lie {away:.0f} mm beyond the scan's last slice. "
            "Check that both come from the same examination, and RAS against LPS."
        )
    first, last = max(0, low), min(n - 1, high)
    return SliceRange(axis, first, last, n, _middles_mm(target, axis, (first, last), WORLD_AXIS[direction]))


def _corners_mm(labels: Volume, structures: Sequence[str] | None) -> FloatArray:
    """Corners of the smallest box of voxels that holds the structures, ``(8, 3)``, RAS mm."""
    if structures is None:
        inside = labels.array != 0
    elif isinstance(labels, LabelMap):
        values = [labels.task.by_name(name).value for name in labels.task.matching(structures)]
        inside = np.isin(labels.array, values)
    else:
        raise UsageError("Structures can be chosen by name only in a label map with a task. Name the task.")
    if not inside.any():
        what = "no voxel is labelled" if structures is None else f"none of {', '.join(structures)} is in it"
        raise TaskError(f"The label map holds nothing to go by: {what}. Give one that holds the structures.")
    ends = [np.flatnonzero(inside.any(axis=tuple(b for b in range(3) if b != a)))[[0, -1]] for a in range(3)]
    corners = np.array(list(product(*((low - 0.5, high + 0.5) for low, high in ends))))
    return transform_points(labels.affine, corners)


def _middles_mm(volume: Volume, axis: int, slices: tuple[int, int], world_axis: int) -> tuple[float, float]:
    middle = np.array([(np.array(volume.shape) - 1) / 2] * 2)
    middle[:, axis] = slices
    first, last = volume.world_mm(middle)[:, world_axis]
    return float(first), float(last)
