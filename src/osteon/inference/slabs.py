"""What a network that sees slices is shown of a scan: some slices at a time, each time only where the body is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import Grid
from osteon.networks.catalogue import STRIDE
from osteon.networks.forward import Batch, padded
from osteon.preprocessing import Preprocessing, TurnedScan, context_offset, resampled_in_plane

BORDER_MM = 32.0
"""Beyond the body, on either side, at least; usually more, as sides are multiples of `STRIDE`. Networks were shown
bodies with air around them: of 16, 24, 32 and 48 mm, 32 is the least at which no bone of a made scan lost 0.005."""

WORTH = 0.75
"""Slabs of their own size have to save a quarter of the pixels: otherwise all see the same, as in training."""

NEW_SIZE = 400_000
"""Pixels that an engine could work on while it prepares itself for a size that it has not seen (OpenVINO)."""

STEP = 8
"""Pixels: boxes begin at multiples, so that neighbours often have the same."""


@dataclass(frozen=True)
class Slab:
    """Some slices, and the rows and columns of the working grid that are looked at.

    Parameters
    ----------
    indices : (n,) ndarray of int
    rows, columns : slice
    """

    indices: NDArray[np.int_]
    rows: slice
    columns: slice


class Seen:
    """A scan as slabs of slices with their neighbours, prepared as they are asked for.

    Parameters
    ----------
    turned : TurnedScan
    how : Preprocessing
    grid : Grid
        The working grid.
    batches : sequence of (n,) ndarray of int
        Slices of each slab.
    """

    def __init__(self, turned: TurnedScan, how: Preprocessing, grid: Grid, batches: list[NDArray[np.int_]]) -> None:
        self._how, self._count = how, grid.shape[0]
        self._offset = context_offset(turned.volume.spacing_mm[0], how.context_mm)
        own = grid.shape[0] != turned.volume.shape[0]  # slices are resampled, too: all of it at once
        self.slabs = _slabs(turned, grid, batches, how.region == "body" and not own)
        self._whole = resampled_in_plane(turned, how).array if own else None
        self._pictures = turned.in_plane(grid)
        self._sides = self._needed(grid.shape[1:])
        self._ready: dict[int, NDArray[np.float32]] = {}

    def batches(self) -> Iterator[Batch]:
        """``(n, channel, row, column)`` of each slab, sides padded by their edge to multiples of `STRIDE`."""
        for slab in self.slabs:
            wanted = self._wanted(slab)
            rows, columns = slab.rows, slab.columns
            stacked = np.empty((*wanted.shape, rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
            for place, number in np.ndenumerate(wanted):
                stacked[place] = self._part(int(number), rows, columns)
            # slabs follow one another, so that what lies before this one is not asked for again
            self._ready = {number: picture for number, picture in self._ready.items() if number >= wanted.min()}
            yield stacked if not any(side % STRIDE for side in stacked.shape[2:]) else padded(stacked)

    def _wanted(self, slab: Slab) -> NDArray[np.int_]:
        """Slices of a slab and their neighbours, ``(n, channel)``; beyond the ends the end slice."""
        steps = (np.arange(self._how.channels) - self._how.channels // 2) * self._offset
        return np.asarray(np.clip(slab.indices[:, None] + steps, 0, self._count - 1))

    def _part(self, number: int, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Some rows and columns of a slice, of which all that any slab looks at is prepared at once."""
        if self._whole is not None:
            return self._whole[number, rows, columns]
        top, bottom, left, right = (int(side) for side in self._sides[number])
        if number not in self._ready:
            picture = self._pictures.picture(number, slice(top, bottom), slice(left, right))
            self._ready[number] = np.ascontiguousarray(picture)
        return self._ready[number][rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]

    def _needed(self, sides: tuple[int, ...]) -> NDArray[np.int_]:
        """Of each slice, first and behind last row and column that any slab looks at."""
        parts = np.tile([sides[0], 0, sides[1], 0], (self._count, 1))
        for slab in self.slabs:
            wanted = self._wanted(slab)
            for place, side in ((0, slab.rows), (2, slab.columns)):
                parts[wanted, place] = np.minimum(parts[wanted, place], side.start)
                parts[wanted, place + 1] = np.maximum(parts[wanted, place + 1], side.stop)
        return parts


def in_turn(count: int, batch: int) -> list[NDArray[np.int_]]:
    """All of so many slices, a few at a time."""
    return [np.arange(start, min(start + batch, count)) for start in range(0, count, batch)]


def _slabs(turned: TurnedScan, grid: Grid, batches: list[NDArray[np.int_]], boxed: bool) -> list[Slab]:
    sides = grid.shape[1:]
    whole = [Slab(indices, slice(0, sides[0]), slice(0, sides[1])) for indices in batches]
    if not boxed:
        return whole
    pixels = np.array([old / new for old, new in zip(turned.volume.spacing_mm[1:], grid.spacing_mm[1:], strict=True)])
    boxes = np.zeros((len(batches), 2, 2))  # (slab, axis, first or behind)
    for number, indices in enumerate(batches):
        borders = turned.borders[indices] * pixels[:, None]  # (n, axis, first or behind)
        boxes[number, :, 0], boxes[number, :, 1] = borders[:, :, 0].min(axis=0), borders[:, :, 1].max(axis=0)
    reach = 2 * BORDER_MM / np.array(grid.spacing_mm[1:])
    sizes = STRIDE * np.ceil((boxes[:, :, 1] - boxes[:, :, 0] + reach) / STRIDE).astype(int)
    own = []
    for indices, box, size in zip(batches, boxes, _fewer(sizes, [len(i) for i in batches]), strict=True):
        rows, columns = (_side(float(box[a].mean()), int(size[a]), side) for a, side in enumerate(sides))
        own.append(Slab(indices, rows, columns))
    return own if _pixels(own) < WORTH * _pixels(whole) else whole


def _fewer(sizes: NDArray[np.int_], counts: list[int]) -> NDArray[np.int_]:
    """Sizes made alike, the cheapest first, as long as a size of its own costs an engine more than it saves.

    Parameters
    ----------
    sizes : (slab, 2) int ndarray
    counts : list of int
        Slices of each slab.
    """
    result = sizes.copy()
    while True:
        kinds, of = np.unique(result, axis=0, return_inverse=True)
        seen = np.bincount(of.ravel(), counts, len(kinds))
        area = kinds.prod(axis=1)
        both = np.maximum(kinds[:, None], kinds[None]).prod(axis=2)
        more = (both - area[:, None]) * seen[:, None] + (both - area[None]) * seen[None]
        np.fill_diagonal(more, NEW_SIZE)
        one, other = np.unravel_index(int(more.argmin()), more.shape)
        if more[one, other] >= NEW_SIZE:
            return result
        result[(of.ravel() == one) | (of.ravel() == other)] = np.maximum(kinds[one], kinds[other])


def _side(middle: float, size: int, count: int) -> slice:
    """So many rows or columns around the middle of the body; all if that is not more."""
    if size >= count:
        return slice(0, count)
    start = min(max(0, int(middle - size / 2) // STEP * STEP), count - size)
    return slice(start, start + size)


def _pixels(slabs: list[Slab]) -> int:
    """What a network sees in all."""
    sides = [[-(-(side.stop - side.start) // STRIDE) * STRIDE for side in (s.rows, s.columns)] for s in slabs]
    return sum(len(slab.indices) * rows * columns for slab, (rows, columns) in zip(slabs, sides, strict=True))
