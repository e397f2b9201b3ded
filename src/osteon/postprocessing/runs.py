"""Pictures as runs: rows cut where a structure begins and ends, so that parts are found without touching pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Runs:
    """Stretches of pixels in a row.

    Parameters
    ----------
    picture, row, start, stop : (n,) ndarray
        ``stop`` is the column behind the last pixel.
    value : (n,) ndarray
        Of the structure.
    rows : (n,) ndarray
        How many rows are alike, from ``row`` on.
    """

    picture: IntArray
    row: IntArray
    start: IntArray
    stop: IntArray
    value: IntArray
    rows: IntArray

    @property
    def size(self) -> IntArray:
        """Pixels of each."""
        return (self.stop - self.start) * self.rows

    def __len__(self) -> int:
        return len(self.start)

    def taken(self, which: IntArray | BoolArray) -> Runs:
        """Some of them."""
        return Runs(*(part[which] for part in self._parts()))

    def pixels(self) -> tuple[IntArray, IntArray, IntArray]:
        """Picture, row and column of every pixel."""
        one_row = self.taken(np.repeat(np.arange(len(self)), self.rows))
        width = one_row.stop - one_row.start
        row, column = one_row.row + _counted(self.rows), np.repeat(one_row.start, width) + _counted(width)
        return np.repeat(one_row.picture, width), np.repeat(row, width), column

    def _parts(self) -> tuple[IntArray, ...]:
        return self.picture, self.row, self.start, self.stop, self.value, self.rows


@dataclass(frozen=True, eq=False)
class Segments:
    """All rows of each structure's own picture, cut into what is inside the structure and what is outside.

    Neighbouring rows in which a structure does not appear are one segment.

    Parameters
    ----------
    runs : Runs
        Stretches inside and outside; ``value`` is the structure's for both.
    group : (n,) ndarray
        Which structure in which picture.
    inside : (n,) bool ndarray
    beside : (m, 2) ndarray
        Pairs of segments of one group that share pixel edges with the row above or below.
    next_to : (k, 2) ndarray
        Pairs of segments of one group that follow one another in a row.
    """

    runs: Runs
    group: IntArray
    inside: BoolArray
    beside: NDArray[np.int64]
    next_to: NDArray[np.int64]

    def part_sizes(self, inside: BoolArray, joined: NDArray[np.int64]) -> IntArray:
        """Size in pixels of the 4-connected part that each segment belongs to.

        Parameters
        ----------
        inside : (n,) bool ndarray
            Segments that are alike in this are connected.
        joined : (m, 2) ndarray
            Pairs of segments that touch.
        """
        alike = joined[inside[joined[:, 0]] == inside[joined[:, 1]]]
        ones = np.ones(len(alike), dtype=np.uint8)
        graph = coo_array((ones, (alike[:, 0], alike[:, 1])), shape=(len(inside), len(inside)))
        _, part = connected_components(graph, directed=False)
        return np.asarray(np.bincount(part, weights=self.runs.size)[part], dtype=np.int64)


def picture_axes(array: NDArray[Any], across: int | None = None) -> tuple[int, int, int]:
    """Axes across pictures, down rows and along columns, so that columns lie next to one another in memory.

    Parameters
    ----------
    array : (i, j, k) ndarray
    across : int, optional
        The first of them; if None, the axis with the longest steps in memory.
    """
    axes = sorted(range(3), key=lambda axis: (axis != across, -abs(array.strides[axis])))
    return axes[0], axes[1], axes[2]


def runs_of(pictures: Iterable[NDArray[np.integer[Any]]]) -> Runs:
    """Runs of all values but 0 of pictures of equal shape, sorted by picture, row and column."""
    found: list[tuple[IntArray, ...]] = []
    framed: NDArray[np.integer[Any]] | None = None
    for number, picture in enumerate(pictures):
        rows, columns = picture.shape
        if framed is None:  # a column of background ends every row, one pixel of it precedes all
            framed = np.zeros(rows * (columns + 1) + 1, dtype=picture.dtype)
        framed[1:].reshape(rows, columns + 1)[:, :columns] = picture
        edges = np.flatnonzero(framed[1:] != framed[:-1])
        value = framed[1:][edges]
        (held,) = np.nonzero(value)
        if len(held):
            row, start = np.divmod(edges[held], columns + 1)
            length = edges[held + 1] - edges[held]
            alike = np.full(len(held), number), np.ones(len(held), dtype=np.int64)
            found.append((alike[0], row, start, start + length, value[held].astype(np.int64), alike[1]))
    if not found:
        return Runs(*(np.zeros(0, dtype=np.int64) for _ in range(6)))
    return Runs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def segments_of(runs: Runs, shape: tuple[int, int]) -> Segments:
    """Segments of every structure in every picture.

    Parameters
    ----------
    runs : Runs
        As `runs_of` gives them, not empty.
    shape : (2,) tuple of int
        Rows and columns of a picture.
    """
    rows, columns = shape
    runs = runs.taken(np.argsort(runs.picture * (int(runs.value.max()) + 1) + runs.value, kind="stable"))
    new_group = _differs(runs.picture) | _differs(runs.value)
    new_row = new_group | _differs(runs.row)
    last_in_row, last_in_group = np.append(new_row[1:], True), np.append(new_group[1:], True)
    # rows without the structure before each of its rows, and behind its last: lines of their own
    skipped = np.where(new_row, runs.row - np.where(new_group, 0, _before(runs.row) + 1), 0)
    left = np.where(last_in_group, rows - 1 - runs.row, 0)
    # a line number between two groups stays free, so that they never touch
    line = np.cumsum(np.stack([new_row, skipped > 0, new_group, _before(left) > 0]).sum(axis=0))
    ahead = np.where(new_row, 0, _before(runs.stop))  # where the stretch before a run begins
    none, one, whole = (np.full(len(runs), n, dtype=np.int64) for n in (0, 1, columns))
    pieces = (  # line, row, from, to, rows
        (line, runs.row, runs.start, runs.stop, one),
        (line, runs.row, ahead, runs.start, one),
        (line, runs.row, runs.stop, np.where(last_in_row, whole, runs.stop), one),
        (line - 1, runs.row - skipped, none, whole, skipped),
        (line + 1, runs.row + 1, none, whole, left),
    )
    line, row, start, stop, height = (np.concatenate(part) for part in zip(*pieces, strict=True))
    (held,) = np.nonzero((stop > start) & (height > 0))
    key = line[held] * columns + start[held]
    order = np.argsort(key, kind="stable")
    held, key = held[order], key[order]
    line, of = line[held], held % len(runs)
    cut = Runs(runs.picture[of], row[held], start[held], stop[held], runs.value[of], height[held])
    beside = np.concatenate([_touching(key, line, columns, step) for step in (-1, 1)])
    (following,) = np.nonzero(line[1:] == line[:-1])
    next_to = np.stack([following, following + 1], axis=1)
    return Segments(cut, (np.cumsum(new_group) - 1)[of], held < len(runs), beside, next_to)


def _touching(key: IntArray, line: IntArray, columns: int, step: int) -> NDArray[np.int64]:
    """Each segment with the one on the next line (by ``step``) that lies over its first pixel.

    Of two segments that touch, one begins over the other: taken both ways this finds all.
    """
    other = np.searchsorted(key, key + step * columns, side="right") - 1
    (found,) = np.nonzero((other >= 0) & (line[other] == line + step))
    return np.stack([found, other[found]], axis=1)


def _differs(values: IntArray) -> BoolArray:
    """Whether each value differs from the one before; the first does."""
    return np.append(True, values[1:] != values[:-1])


def _before(values: IntArray) -> IntArray:
    """The value before each; 0 before the first."""
    return np.append(0, values[:-1])


def _counted(counts: IntArray) -> IntArray:
    """0, 1, ... up to each of the counts, one after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
