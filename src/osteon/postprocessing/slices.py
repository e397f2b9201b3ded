"""Denoising slice by slice: small holes filled and small parts removed, by a share of the structure's area there."""

from __future__ import annotations

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from osteon.postprocessing.components import boxes_of

Labels = NDArray[np.integer[Any]]
Picture = NDArray[np.bool_]


def denoise_slices(labels: Labels, axis: int, share: float) -> Labels:
    """Fill the small holes and remove the small parts of every structure in every slice.

    In each slice, for each structure: 4-connected parts of the background with fewer pixels than ``share`` of the
    structure's area in that slice are filled, then 4-connected parts of the structure below the same size are removed.
    Sizes are truncated to whole pixels. What is filled takes only pixels that belong to no structure, or that another
    structure has given up.

    Parameters
    ----------
    labels : (i, j, k) integer ndarray
        0 is background.
    axis : int
        Array axis that runs across the slices.
    share : float
        Of the structure's area in the slice, 0 to 1.

    Returns
    -------
    (i, j, k) integer ndarray
        Of the same type.
    """
    result = labels.copy(order="K")
    for before, after in zip(np.moveaxis(labels, axis, 0), np.moveaxis(result, axis, 0), strict=True):
        if before.any():
            _denoise(before, after, share)
    return result


def without_small_holes(mask: NDArray[np.bool_], axis: int, share: float) -> NDArray[np.bool_]:
    """A mask with its enclosed holes filled that in their slice are smaller than a share of the structure's outline.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
    axis : int
        Array axis that runs across the slices.
    share : float
        Of the area in the slice with all holes filled, which filling does not change.
    """
    result = mask.copy()
    for picture in np.moveaxis(result, axis, 0):
        if picture.any():
            # in a frame of background, so that all that reaches the outside is one part
            parts = cc3d.connected_components(~np.pad(picture, 1), connectivity=4)
            sizes = np.bincount(parts.ravel())
            hole = sizes < share * (parts.size - sizes[parts[0, 0]])
            hole[0] = False
            picture |= hole[parts[1:-1, 1:-1]]
    return result


def _denoise(before: Labels, after: Labels, share: float) -> None:
    """Denoise one slice into ``after``, which holds a copy of it."""
    changed = []
    for value, found in boxes_of(before).items():
        smallest = int(share * np.count_nonzero(before[found] == value))
        box = _surrounded(found, before.shape, smallest)
        mask = before[box] == value
        cleaned = _cleaned(mask, _inner_edges(box, before.shape), smallest)
        if cleaned is not mask:
            after[box][mask & ~cleaned] = 0
            changed.append((value, box, cleaned & ~mask))
    # only now, because a hole may hold what another structure has given up
    for value, box, filled in changed:
        after[box][filled & (after[box] == 0)] = value


def _cleaned(mask: Picture, inner: list[tuple[int, int]], smallest: int) -> Picture:
    """A mask without small holes and small parts; the same object where there are none.

    ``inner`` names a pixel on each edge of the box that lies inside the picture: the background there is not small.
    """
    if smallest < 2:
        return mask
    # both at once: parts of the structure (2) and of its background (1)
    parts, count = cc3d.connected_components(mask.view(np.uint8) + np.uint8(1), connectivity=4, return_N=True)
    small = np.bincount(parts.ravel(), minlength=count + 1) < smallest
    small[[parts[pixel] for pixel in inner]] = False
    if not small[1:].any():
        return mask
    filled = mask | small[parts]
    parts = cc3d.connected_components(filled, connectivity=4)
    return np.asarray(filled & (np.bincount(parts.ravel()) >= smallest)[parts], dtype=bool)


def _surrounded(found: tuple[slice, ...], shape: tuple[int, ...], smallest: int) -> tuple[slice, slice]:
    """Box of a structure with a margin; where it ends inside the picture, ``smallest`` pixels and more lie beyond.

    So background that goes on outside is never small, and need not be followed there.
    """
    rows = _widened(found[0], shape[0], shape[1], smallest)
    return rows, _widened(found[1], shape[1], rows.stop - rows.start, smallest)


def _widened(edge: slice, size: int, across: int, smallest: int) -> slice:
    start, stop = max(0, edge.start - 1), min(size, edge.stop + 1)
    return slice(start if start * across >= smallest else 0, stop if (size - stop) * across >= smallest else size)


def _inner_edges(box: tuple[slice, slice], shape: tuple[int, ...]) -> list[tuple[int, int]]:
    inner = [(0, 0)] if box[0].start > 0 or box[1].start > 0 else []
    inner += [(-1, 0)] if box[0].stop < shape[0] else []
    return inner + ([(0, -1)] if box[1].stop < shape[1] else [])
