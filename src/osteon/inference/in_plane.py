"""From probabilities to classes on finer pixels of the same slices, only where neighbouring pixels disagree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.boxes import held_box, within
from osteon.geometry import Grid

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float64]


class FinerPixels:
    """The class of the largest interpolated probability at each pixel of a scan's slices; ties go to the smaller one.

    Within a cell of four pixels of the same class, that class has the largest share of every mean of the four, so only
    the other cells, along borders, are interpolated. The answer is that of `osteon.inference.onto_grid.largest_class`.

    Parameters
    ----------
    working : Grid
        Of the probabilities.
    grid : Grid
        The scan's, of the same axes and slices, with pixels at most as large (`fits`).
    """

    def __init__(self, working: Grid, grid: Grid) -> None:
        self._rows, self._columns = (_Line(working, grid, axis) for axis in (1, 2))

    @staticmethod
    def fits(working: Grid, grid: Grid) -> bool:
        """Whether two grids have the same slices, and no pixel of the scan spans more than one of the working grid."""
        finer = all(s <= 1.01 * w for s, w in zip(grid.spacing_mm[1:], working.spacing_mm[1:], strict=True))
        return working.shape[0] == grid.shape[0] and min(working.shape[1:]) > 1 and finer

    def decide(self, probabilities: Bytes, rows: slice, columns: slice, result: Bytes) -> None:
        """Write the classes of some slices, of which only a part was looked at; elsewhere they stay as they are.

        Parameters
        ----------
        probabilities : (class, slice, row, column) uint8 ndarray
            Of all of the working grid, background first.
        rows, columns : slice
            Outside is background.
        result : (slice, row, column) uint8 ndarray
            On the scan's grid.
        """
        # where the background has all of 255 no class has as much as one
        doubted = held_box((probabilities[0, :, rows, columns] < 255).view(np.uint8))
        if doubted is None:
            return
        _, rows, columns = within((slice(0, 0), rows, columns), doubted)
        found = largest(probabilities[:, :, rows, columns])
        plane = np.zeros(probabilities.shape[2:], dtype=np.uint8)
        for number, part in enumerate(found):
            plane[rows, columns] = part
            box = _around(plane)
            if box is not None:
                self._decide(probabilities[:, number], plane, box, result[number])

    def _decide(self, likely: Bytes, plane: Bytes, box: tuple[slice, slice], result: Bytes) -> None:
        """One slice, within a box of working pixels that holds all that is no background, and its neighbours."""
        down, low_row, row_share = self._rows.within(box[0])
        across, low_column, column_share = self._columns.within(box[1])
        classes = plane[box]
        at = (low_row - box[0].start)[:, None], low_column - box[1].start
        part = classes[at]
        i, j = np.nonzero(~_agreed(classes)[at])
        if i.size:
            part[i, j] = _interpolated(likely, (low_row[i], low_column[j]), (row_share[i], column_share[j]))
        result[down, across] = part


class _Line:
    """Where the pixels of a scan lie between those of the working grid, along an axis."""

    def __init__(self, working: Grid, grid: Grid, axis: int) -> None:
        count, step = working.shape[axis], grid.spacing_mm[axis] / working.spacing_mm[axis]
        place = np.clip((np.arange(grid.shape[axis]) + 0.5) * step - 0.5, 0, count - 1)  # the same outer corner
        self._low = np.minimum(place.astype(int), count - 2)
        self._share = place - self._low

    def within(self, side: slice) -> tuple[slice, NDArray[np.int_], FloatArray]:
        """The scan's pixels that lie between some of the working grid's: which, after which, and how far."""
        here = slice(*(int(n) for n in np.searchsorted(self._low, (side.start, side.stop - 1))))
        return here, self._low[here], self._share[here]


def largest(probabilities: Bytes) -> Bytes:
    """Class of the largest of ``(class, ...)`` bytes, the smaller at ties: many times as fast as numpy's argmax."""
    best = probabilities.max(axis=0)
    found = np.zeros(best.shape, dtype=np.uint8)
    last = len(probabilities) - 1
    for number, likely in enumerate(probabilities[:-1]):
        np.maximum(found, (likely == best).view(np.uint8) * np.uint8(last - number), out=found)
    return np.uint8(last) - found


def _around(classes: Bytes) -> tuple[slice, slice] | None:
    """Box of what is not background, and its neighbours."""
    held = [np.flatnonzero(classes.any(axis=axis)) for axis in (1, 0)]
    if held[0].size == 0:
        return None
    down, across = (
        slice(max(0, int(h[0]) - 1), min(count, int(h[-1]) + 2)) for h, count in zip(held, classes.shape, strict=True)
    )
    return down, across


def _agreed(classes: Bytes) -> NDArray[np.bool_]:
    """Whether a pixel, the next in its row, the next in its column and the one between have one class."""
    one = classes[:-1, :-1]
    agreed = (one == classes[1:, :-1]) & (one == classes[:-1, 1:]) & (one == classes[1:, 1:])
    return np.asarray(agreed, dtype=np.bool_)


def _interpolated(
    likely: Bytes, pixels: tuple[NDArray[np.int_], NDArray[np.int_]], shares: tuple[FloatArray, FloatArray]
) -> Bytes:
    """Class of the largest of bilinear means at points, each after a pixel (row, column) and by a share of one."""
    width = likely.shape[2]
    first = pixels[0] * width + pixels[1]
    corners = [first, first + 1, first + width, first + width + 1]
    down, across = shares
    weights = [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across]
    best = np.full(first.size, -1, dtype=np.float32)
    result = np.zeros(first.size, dtype=np.uint8)
    for number, values in enumerate(likely.reshape(len(likely), -1)):
        total = np.zeros(first.size)
        for corner, weight in zip(corners, weights, strict=True):
            total += values[corner] * weight
        mean = total.astype(np.float32)
        wins = mean > best
        result[wins] = number
        best[wins] = mean[wins]
    return result
