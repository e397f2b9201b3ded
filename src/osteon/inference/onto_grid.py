"""From probabilities on the working grid to the class of each voxel of a scan, only where a class can win."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import FloatArray, Grid, inverse, resample_linear, transform_points

Box = tuple[slice, slice, slice]

SLAB_VOXELS = 8_000_000
"""Of the scan, looked at together: a few tens of MB for each array."""


def largest_class(
    probabilities: NDArray[np.uint8], working: Grid, grid: Grid, like: NDArray[np.generic]
) -> NDArray[np.uint8]:
    """Class of the largest probability at every voxel of a grid; ties go to the smaller class.

    Probabilities are interpolated linearly. Where no class is above the background at any of the voxels that an
    interpolation reads, none can win, so only boxes around the others are interpolated: slab by slab, and in them class
    by class, so that memory grows neither with the classes nor with the slices.

    Parameters
    ----------
    probabilities : (class, *working.shape) uint8 ndarray
        Background first.
    working : Grid
        Theirs.
    grid : Grid
        The scan's.
    like : ndarray of the grid's shape
        The result lies in memory as this does.

    Returns
    -------
    uint8 ndarray of the grid's shape
    """
    result = np.zeros_like(like, dtype=np.uint8, subok=False)
    to_working = inverse(working.affine) @ grid.affine
    # as far as linear interpolation and the smoothing before it read (`resample_linear`: four standard deviations)
    reach = 2 + int(np.ceil(2 * np.abs(to_working[:3, :3]).max()))
    for slab in _slabs(grid.shape, int(np.argmax(np.abs(like.strides)))):
        block = _covered(to_working, slab, working.shape, reach)
        if block is None:
            continue
        part = probabilities[(slice(None), *block)]
        boxes = {}
        for number in range(1, len(part)):
            held = _held(part[number] > part[0], block)
            box = held and _covered(inverse(to_working), held, grid.shape, 1, reach)
            box = box and _common(box, slab)
            if box:
                boxes[number] = box
        _decide(result, probabilities, working, grid, boxes, reach)
    return result


def _decide(
    result: NDArray[np.uint8],
    probabilities: NDArray[np.uint8],
    working: Grid,
    grid: Grid,
    boxes: dict[int, Box],
    reach: int,
) -> None:
    """Write into ``result`` where each class wins, within its box."""
    if not boxes:
        return
    to_working = inverse(working.affine) @ grid.affine

    def values(number: int, box: Box, outside: float) -> NDArray[np.float32]:
        block = _covered(to_working, box, working.shape, reach)
        if block is None:
            return np.full([s.stop - s.start for s in box], outside, dtype=np.float32)
        return resample_linear(
            probabilities[number][block], working.cropped(block).affine, grid.cropped(box), outside=outside
        )

    whole = _around(list(boxes.values()))
    best = values(0, whole, 255.0)
    for number, box in boxes.items():
        probable = values(number, box, 0.0)
        i, j, k = (slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, whole, strict=True))
        wins = probable > best[i, j, k]
        result[box][wins] = number
        best[i, j, k][wins] = probable[wins]


def _slabs(shape: tuple[int, int, int], axis: int) -> Iterator[Box]:
    thick = max(1, SLAB_VOXELS * shape[axis] // int(np.prod(shape)))
    for start in range(0, shape[axis], thick):
        box = [slice(0, n) for n in shape]
        box[axis] = slice(start, min(start + thick, shape[axis]))
        yield box[0], box[1], box[2]


def _covered(change: FloatArray, box: Box, shape: tuple[int, int, int], margin: int, around: int = 0) -> Box | None:
    """Box of another grid that holds all voxels of a box, with a margin in its own voxels; None where it has none.

    Parameters
    ----------
    change : (4, 4) ndarray
        From indices of the box's grid to those of the other.
    box : tuple of slice
    shape : (3,) tuple of int
        Of the other grid.
    margin : int
        In the other grid's voxels.
    around : int
        Margin in the box's own voxels, before.
    """
    ends = [(s.start - around, s.stop - 1 + around) for s in box]
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    found = transform_points(change, corners)
    low = np.maximum(np.floor(found.min(axis=0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(found.max(axis=0)).astype(int) + margin + 1, shape)
    if (low >= high).any():
        return None
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k


def _held(mask: NDArray[np.bool_], block: Box) -> Box | None:
    """Box around a mask that lies in a block; None if it is empty."""
    sides = []
    for axis, whole in enumerate(block):
        (held,) = np.nonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if held.size == 0:
            return None
        sides.append(slice(whole.start + int(held[0]), whole.start + int(held[-1]) + 1))
    return sides[0], sides[1], sides[2]


def _common(one: Box, other: Box) -> Box | None:
    i, j, k = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return (i, j, k) if all(s.start < s.stop for s in (i, j, k)) else None


def _around(boxes: list[Box]) -> Box:
    i, j, k = (slice(min(b[a].start for b in boxes), max(b[a].stop for b in boxes)) for a in range(3))
    return i, j, k
