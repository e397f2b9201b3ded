"""Slices of a scan as a radiologist looks at them: which ones to show, cut out, windowed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from osteon.boxes import Box, boxes_of, held_box
from osteon.geometry import reorient
from osteon.preprocessing.percentiles import percentiles
from osteon.volume import LabelMap, Volume

PlaneName = Literal["sagittal", "coronal", "axial"]
PLANES: tuple[PlaneName, ...] = ("sagittal", "coronal", "axial")

CODES: dict[PlaneName, str] = {"sagittal": "PIL", "coronal": "LIP", "axial": "LPI"}
"""Where a picture's columns, its rows and the slices run to: the patient's right on the left, the front on the left."""

SAMPLED = 2_000_000
"""About so many voxels say how bright a scan is."""

OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}


@dataclass(frozen=True, eq=False)
class Stack:
    """A scan and its labels turned so that ``[:, :, k]`` is the k-th picture of a plane (columns first).

    Parameters
    ----------
    plane : "sagittal", "coronal" or "axial"
    scan : (columns, rows, slices) ndarray
        Cut to what is shown.
    labels : (columns, rows, slices) ndarray
    spacing_mm : (3,) tuple of float
        Column width, row height, distance between slices.
    boxes : dict of int to tuple of slice, optional
        Of each label value; found if not given.
    """

    plane: PlaneName
    scan: NDArray[Any]
    labels: NDArray[np.integer[Any]]
    spacing_mm: tuple[float, float, float]
    boxes: dict[int, Box] | None = None

    @classmethod
    def of(cls, scan: Volume, labels: LabelMap, plane: PlaneName, margin_mm: float) -> Stack:
        """Turn both to a plane and cut each picture to the labelled box with a margin; no slice is left out."""
        turned = scan.reoriented(CODES[plane])
        turned_labels: NDArray[Any] = reorient(labels.array, labels.affine, CODES[plane])[0]
        boxes = {value: _turned(box, labels, CODES[plane]) for value, box in labels.boxes.items()}
        cut = [slice(0, n) for n in turned.shape]
        for axis in (0, 1) if boxes else ():
            first = min(box[axis].start for box in boxes.values())
            behind = max(box[axis].stop for box in boxes.values())
            margin = round(margin_mm / turned.spacing_mm[axis])
            cut[axis] = slice(max(0, first - margin), min(turned.shape[axis], behind + margin))
        i, j, k = cut
        inside = {
            value: (_less(box[0], i.start), _less(box[1], j.start), _less(box[2], k.start))
            for value, box in boxes.items()
        }
        return cls(plane, turned.array[i, j, k], turned_labels[i, j, k], turned.spacing_mm, inside)

    @cached_property
    def areas(self) -> dict[int, NDArray[np.int64]]:
        """Pixels of each structure in every slice, by label value."""
        boxes = self.boxes
        if boxes is None:
            held = held_box(self.labels)
            boxes = {} if held is None else boxes_of(self.labels, held)
        areas = {}
        for value, box in sorted(boxes.items()):
            areas[value] = np.zeros(self.count, dtype=np.int64)
            areas[value][box[2]] = np.count_nonzero(self.labels[box] == value, axis=(0, 1))
        return areas

    def values(self, k: int) -> list[int]:
        """Label values in slice ``k``, in order."""
        return [value for value, areas in self.areas.items() if areas[k]]

    @property
    def count(self) -> int:
        """Number of slices."""
        return int(self.labels.shape[2])

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of a picture in mm."""
        return self.labels.shape[0] * self.spacing_mm[0], self.labels.shape[1] * self.spacing_mm[1]

    def labelled(self) -> list[int]:
        """Slices that hold a structure."""
        return [int(k) for k in np.flatnonzero(self._area())]

    def middle(self) -> int:
        """A telling slice: much labelled area, then many structures, then near the middle of all that is labelled."""
        area = self._area()
        held = np.flatnonzero(area)
        if not len(held):
            return self.count // 2
        centre = (area @ np.arange(self.count)) / area.sum()
        large = held[area[held] >= 0.7 * area.max()]
        structures = np.array([len(self.values(int(k))) for k in large])
        best = large[structures == structures.max()]
        return int(best[np.argmin(np.abs(best - centre))])

    def _area(self) -> NDArray[np.int64]:
        return np.asarray(np.sum([np.zeros(self.count, dtype=np.int64), *self.areas.values()], axis=0))


def _turned(box: Box, labels: LabelMap, codes: str) -> Box:
    """A box of a label map as a box of the same turned to ``codes``."""
    letters = labels.orientation
    sides = []
    for code in codes:
        if code in letters:
            sides.append(box[letters.index(code)])
        else:
            axis = letters.index(OPPOSITE[code])
            n = labels.shape[axis]
            sides.append(slice(n - box[axis].stop, n - box[axis].start))
    return sides[0], sides[1], sides[2]


def _less(side: slice, start: int) -> slice:
    return slice(side.start - start, side.stop - start)


def window(scan: Volume, labels: LabelMap) -> tuple[float, float]:
    """Intensities that become black and white.

    From percentiles of the whole scan, so that single bright voxels do not darken the rest; where the labelled
    structures are much darker than the brightest tissue (fat beside a surface coil), white comes down to two
    and a half times their 90th percentile.
    """
    # both as the scan lies in memory: percentiles know no order, and this one is many times as fast
    turn = sorted(range(3), key=lambda axis: -abs(scan.array.strides[axis]))
    array, labelled = scan.array.transpose(turn), labels.array.transpose(turn)
    values = _finite(array.ravel()[:: max(1, array.size // SAMPLED)])
    if not values.size:
        return 0.0, 1.0
    low, high = percentiles(values, (1.0, 99.5))
    step = max(1, array.size // (8 * SAMPLED))  # labels are a small share of a scan
    inside = _finite(array.ravel()[::step][labelled.ravel()[::step] != 0])
    if inside.size:
        high = min(high, low + 2.5 * (percentiles(inside, (90.0,))[0] - low))
    return (low, high) if high > low else (low, low + 1.0)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.kind in "iu" else values[np.isfinite(values)]


def windowed(picture: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Picture of intensities as 8-bit grey; not-a-number becomes black."""
    grey = (np.nan_to_num(picture.astype(np.float32), nan=limits[0]) - limits[0]) / (limits[1] - limits[0])
    return np.asarray(np.clip(grey, 0, 1) * 255, dtype=np.uint8)
