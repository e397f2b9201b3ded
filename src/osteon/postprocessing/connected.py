"""Connected parts of a volume from its runs: the time goes with the structures' surface, not with the volume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from osteon.boxes import Box
from osteon.postprocessing.components import Mask
from osteon.postprocessing.runs import IntArray, Runs, picture_axes, runs_of

_AHEAD = ((0, 1), (1, -1), (1, 0), (1, 1))
"""Half of the lines beside a line, as steps over pictures and rows: the others see it themselves."""


def numbered_parts(runs: Runs, shape: tuple[int, ...]) -> IntArray:
    """Number of the 26-connected part that each run belongs to, from 0; parts have one value.

    Parameters
    ----------
    runs : Runs
        Of a volume whose pictures lie behind one another.
    shape : (3,) tuple of int
        Pictures, rows and columns.
    """
    pictures, rows, columns = shape
    # a picture, a row and a column more, so that the ends of the volume do not touch
    line = (runs.value * (pictures + 1) + runs.picture) * (rows + 1) + runs.row
    order = np.argsort(line, kind="stable")
    wide = columns + 2
    first, behind = (line * wide + at for at in (runs.start, runs.stop))
    first, behind = first[order], behind[order]
    pairs = []
    for picture, row in _AHEAD:
        step = (picture * (rows + 1) + row) * wide
        # all runs there that reach the column before this run's first, or begin before the one behind its last
        low = np.searchsorted(behind, first + step, side="left")
        count = np.maximum(np.searchsorted(first, behind + step, side="right") - low, 0)
        this = np.repeat(np.arange(len(order)), count)
        other = np.repeat(low, count) + np.arange(len(this)) - np.repeat(np.cumsum(count) - count, count)
        pairs.append(np.stack([this, other]))
    this, other = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(this), dtype=np.uint8), (this, other)), shape=(len(order), len(order)))
    number = np.empty(len(order), dtype=np.int64)
    number[order] = connected_components(graph, directed=False)[1]
    return number


def largest_parts(labels: NDArray[np.integer[Any]]) -> dict[int, int]:
    """Voxels of the largest 26-connected part of each value that is there but 0.

    Parameters
    ----------
    labels : (i, j, k) integer ndarray
    """
    pictures = labels.transpose(picture_axes(labels))
    runs = runs_of(pictures)
    if not len(runs):
        return {}
    number = numbered_parts(runs, pictures.shape)
    sizes = np.bincount(number, weights=runs.size)[number]
    largest = np.zeros(int(runs.value.max()) + 1, dtype=np.int64)
    np.maximum.at(largest, runs.value, sizes.astype(np.int64))
    return {int(value): int(largest[value]) for value in np.flatnonzero(largest)}


def grouped(runs: Runs, number: IntArray, wanted: IntArray) -> Iterator[Runs]:
    """The runs of each of some parts."""
    order = np.argsort(number, kind="stable")
    starts, stops = (np.searchsorted(number[order], wanted, side=side) for side in ("left", "right"))
    for start, stop in zip(starts, stops, strict=True):
        yield runs.taken(order[start:stop])


def filled_box(runs: Runs, axes: tuple[int, int, int]) -> tuple[Box, Mask]:
    """Box of some runs of one value, and their mask in it, with the array's own axes.

    Parameters
    ----------
    runs : Runs
    axes : (3,) tuple of int
        Array axes that run across the pictures, down the rows and along the columns.
    """
    first = np.array([runs.picture.min(), runs.row.min(), runs.start.min()])
    behind = np.array([runs.picture.max() + 1, runs.row.max() + 1, runs.stop.max()])
    # +1 where a run begins and -1 behind its end: the sum along a row is the mask
    steps = np.zeros(behind - first + (0, 0, 1), dtype=np.int8)
    picture, row = runs.picture - first[0], runs.row - first[1]
    steps[picture, row, runs.start - first[2]] = 1
    steps[picture, row, runs.stop - first[2]] = -1
    np.cumsum(steps, axis=2, dtype=np.int8, out=steps)
    back = np.argsort(axes)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first[back], behind[back], strict=True))
    return (i, j, k), steps[:, :, :-1].view(np.bool_).transpose(back)
