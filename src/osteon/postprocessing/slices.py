"""Denoising slice by slice: small holes filled and small parts removed, by a share of the structure's area there."""

from __future__ import annotations

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from osteon.postprocessing.runs import picture_axes, runs_of, segments_of

Labels = NDArray[np.integer[Any]]


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
    before, after = (array.transpose(picture_axes(labels, axis)) for array in (labels, result))
    runs = runs_of(before)
    if not len(runs):
        return result
    shape = before.shape[1], before.shape[2]
    segments = segments_of(runs, shape)
    areas = np.bincount(segments.group, weights=segments.runs.size * segments.inside)
    smallest = (share * areas).astype(np.int64)[segments.group]
    holes = ~segments.inside & (segments.part_sizes(segments.inside, segments.beside) < smallest)
    kept = segments.inside | holes
    # what was filled joins what lies around it, also along the row
    joined = np.concatenate([segments.beside, segments.next_to]) if holes.any() else segments.beside
    kept &= segments.part_sizes(kept, joined) >= smallest
    after[segments.runs.taken(segments.inside & ~kept).pixels()] = 0
    # only now, because a hole may hold what another structure has given up
    filled = segments.runs.taken(kept & ~segments.inside)
    for value in np.unique(filled.value):
        pixels = np.stack(filled.taken(filled.value == value).pixels())
        free = pixels[:, after[tuple(pixels)] == 0]
        after[tuple(free)] = value
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
    # all slices below one another as one picture, each in a frame of background, so that what reaches the outside is
    # one part, and with a bar between them
    framed = np.pad(np.moveaxis(mask, axis, 0), ((0, 0), (1, 2), (1, 1)))
    pictures = np.ascontiguousarray(framed)  # (slice, row, column)
    pictures[:, -1] = True
    count, rows, columns = pictures.shape
    parts = cc3d.connected_components(~pictures.reshape(count * rows, columns), connectivity=4).ravel()
    sizes = np.bincount(parts)
    outside = parts[:: rows * columns]
    is_hole = np.ones(len(sizes), dtype=bool)
    is_hole[0], is_hole[outside] = False, False
    (at,) = np.nonzero(is_hole[parts])
    smallest = share * ((rows - 1) * columns - sizes[outside])  # of the outline with all holes filled, by slice
    small = at[sizes[parts[at]] < smallest[at // (rows * columns)]]
    pictures.ravel()[small] = True
    return np.moveaxis(pictures[:, 1:-2, 1:-1], 0, axis)
