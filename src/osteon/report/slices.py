"""Slices of a scan as a radiologist looks at them: which ones to show, cut out, windowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
    """

    plane: PlaneName
    scan: NDArray[Any]
    labels: NDArray[np.integer[Any]]
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, scan: Volume, labels: LabelMap, plane: PlaneName, margin_mm: float) -> Stack:
        """Turn both to a plane and cut each picture to the labelled box with a margin; no slice is left out."""
        turned, turned_labels = scan.reoriented(CODES[plane]), labels.reoriented(CODES[plane])
        box = [slice(0, n) for n in turned.shape]
        picture = held_in(turned_labels.array, 2)
        for axis in (0, 1):
            held = np.flatnonzero(picture.any(axis=1 - axis))
            if len(held):
                margin = round(margin_mm / turned.spacing_mm[axis])
                box[axis] = slice(max(0, held[0] - margin), min(turned.shape[axis], held[-1] + 1 + margin))
        cut = (box[0], box[1], box[2])
        return cls(plane, turned.array[cut], turned_labels.array[cut], turned.spacing_mm)

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
        return [int(k) for k in np.flatnonzero(held_in(self.labels, 0).any(axis=0))]

    def middle(self) -> int:
        """A telling slice: much labelled area, then many structures, then near the middle of all that is labelled."""
        held = np.array(self.labelled())
        if not len(held):
            return self.count // 2
        area = np.array([np.count_nonzero(self.labels[:, :, k]) for k in held])
        centre = (area * held).sum() / area.sum()
        large = held[area >= 0.7 * area.max()]
        structures = np.array([len(np.unique(self.labels[:, :, k])) for k in large])
        best = large[structures == structures.max()]
        return int(best[np.argmin(np.abs(best - centre))])


def held_in(labels: NDArray[np.integer[Any]], axis: int) -> NDArray[np.bool_]:
    """What is labelled somewhere along an axis: ten times as quick as asking each voxel whether it is not 0."""
    return np.asarray(np.bitwise_or.reduce(labels, axis=axis) != 0)


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
    low, high = (float(p) for p in np.percentile(values, (1.0, 99.5)))
    step = max(1, array.size // (8 * SAMPLED))  # labels are a small share of a scan
    inside = _finite(array.ravel()[::step][labelled.ravel()[::step] != 0])
    if inside.size:
        high = min(high, low + 2.5 * (float(np.percentile(inside, 90)) - low))
    return (low, high) if high > low else (low, low + 1.0)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.kind in "iu" else values[np.isfinite(values)]


def windowed(picture: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Picture of intensities as 8-bit grey; not-a-number becomes black."""
    grey = (np.nan_to_num(picture.astype(np.float32), nan=limits[0]) - limits[0]) / (limits[1] - limits[0])
    return np.asarray(np.clip(grey, 0, 1) * 255, dtype=np.uint8)
