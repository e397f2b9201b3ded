"""Region of interest: the body in a scan, or the box that holds labels."""

from __future__ import annotations

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from osteon.preprocessing.coarse import block_means
from osteon.volume import LabelMap, Volume

Box = tuple[slice, slice, slice]

PART_SHARE = 0.2
"""A separate part is of the body with this share of the largest part's voxels: calves and thighs are two parts."""

FINE_MM = 2.0
"""Along axes with shorter voxel edges, noise is smoothed and opened away; a larger opening would lose feet."""

CLOSED_MM = 2.5
"""Along axes with shorter voxel edges than this, gaps in the body are closed."""

BLOCK_MM, THICK_MM = 2.5, 5.0
"""Blocks in which a body's borders are looked for are shorter than this; along the axis of the longest voxel edges,
which runs across the slices of most scans, than the second."""

AROUND_MM = 15.0
"""Slices so far away count for the borders of a slice: none is cut by its own noise or shade."""


def body_mask(scan: Volume) -> NDArray[np.bool_]:
    """Voxels of the body: brighter than a third of Otsu's threshold, closed, the large parts, holes filled.

    Surface coils leave deep tissue dark, hence a threshold well below Otsu's; noise outside the body is scattered and
    falls with the opening and the choice of parts (`PART_SHARE`). Works slice by slice in the plane of the finest
    resolution and in 3-D for the choice of parts.

    Parameters
    ----------
    scan : Volume

    Returns
    -------
    (i, j, k) bool ndarray
        All true where nothing stands out (a constant scan).
    """
    body = _parts_of_body(scan)
    reach = [max(1, round(5 / s)) if s < CLOSED_MM else 0 for s in scan.spacing_mm]
    closed = np.pad(body, [(r, r) for r in reach])
    for axis, r in enumerate(reach):
        if r:
            closed = ndimage.maximum_filter1d(closed, 2 * r + 1, axis=axis)
    for axis, r in enumerate(reach):
        if r:
            closed = ndimage.minimum_filter1d(closed, 2 * r + 1, axis=axis)
    inner = tuple(slice(r, r + n) for r, n in zip(reach, scan.shape, strict=True))
    thick = int(np.argmax(scan.spacing_mm))
    filled = np.stack([ndimage.binary_fill_holes(s) for s in np.moveaxis(closed[inner], thick, 0)])
    return np.moveaxis(filled, 0, thick)


def _parts_of_body(scan: Volume) -> NDArray[np.bool_]:
    """What is bright and large enough, with its gaps and holes: enough for its borders, which filling does not move."""
    array = scan.array.astype(np.float32, copy=False)
    smooth = ndimage.uniform_filter(array, size=[3 if s < FINE_MM else 1 for s in scan.spacing_mm])
    lowest = smooth.min()
    if lowest == smooth.max():
        return np.ones(scan.shape, dtype=bool)
    foreground = smooth > lowest + (threshold_otsu(smooth) - lowest) / 3
    if min(scan.spacing_mm) < FINE_MM:
        foreground = _open(foreground, [int(s < FINE_MM) for s in scan.spacing_mm])
    parts = cc3d.connected_components(foreground, connectivity=6)
    sizes = np.bincount(parts.ravel(order="K"))
    sizes[0] = 0
    if sizes.sum() == 0:
        return np.ones(scan.shape, dtype=bool)
    return np.asarray((sizes >= PART_SHARE * sizes.max())[parts], dtype=bool)


def _open(mask: NDArray[np.bool_], reach: list[int]) -> NDArray[np.bool_]:
    size = [2 * r + 1 for r in reach]
    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(mask, size), size), dtype=bool)


def body_box(scan: Volume, margin_mm: float = 5.0) -> Box:
    """Smallest box of voxels that holds the body, with a margin.

    The body is looked for in blocks of voxels (`BLOCK_MM`, `THICK_MM`): a box needs no more, and a scan of
    500 x 512 x 512 has a twentieth of the voxels then.
    """
    return body_region(scan, margin_mm)[0]


def body_region(scan: Volume, margin_mm: float = 5.0) -> tuple[Box, NDArray[np.int_]]:
    """`body_box`, and the borders of the body in each of its slices across the first axis.

    Returns
    -------
    box : (3,) tuple of slice
    borders : (slice, 2, 2) int ndarray
        For each slice of the box, along the second and third axis: the first voxel of the box that holds body, and the
        one behind the last; no margin. Those of slices up to `AROUND_MM` away count, too; all of the box where nothing
        is seen.
    """
    most = [BLOCK_MM if edge < max(scan.spacing_mm) else THICK_MM for edge in scan.spacing_mm]
    i, j, k = (
        max(1, min(int(np.ceil(mm / s)) - 1, n)) for mm, s, n in zip(most, scan.spacing_mm, scan.shape, strict=True)
    )
    coarse = block_means(scan, (i, j, k))
    body = _parts_of_body(coarse)
    found = _box(body, coarse, margin_mm)
    # what was left over at an end goes with the last block
    box = [
        slice(b.start * size, n if b.stop == m else b.stop * size)
        for b, size, n, m in zip(found, (i, j, k), scan.shape, coarse.shape, strict=True)
    ]
    around = 2 * round(AROUND_MM / coarse.spacing_mm[0]) + 1
    block = np.minimum(np.arange(box[0].start, box[0].stop) // i, coarse.shape[0] - 1)
    borders = [
        _borders(np.asarray(body.any(axis=other)), around)[block] * size - whole.start
        for other, size, whole in ((2, j, box[1]), (1, k, box[2]))
    ]
    inside = [np.clip(b, 0, whole.stop - whole.start) for b, whole in zip(borders, box[1:], strict=True)]
    for at, whole in zip(inside, box[1:], strict=True):
        at[at[:, 0] >= at[:, 1]] = 0, whole.stop - whole.start
    return (box[0], box[1], box[2]), np.stack(inside, axis=1)


def everywhere(scan: Volume) -> tuple[Box, NDArray[np.int_]]:
    """All of a scan, as `body_region` would say it."""
    across, rows, columns = scan.shape
    borders = np.tile(np.array([[0, rows], [0, columns]]), (across, 1, 1))
    return (slice(0, across), slice(0, rows), slice(0, columns)), borders


def _borders(held: NDArray[np.bool_], around: int) -> NDArray[np.int_]:
    """First and behind last of each line of a mask and the lines around it, ``(line, 2)``; of an empty one 0 and 0."""
    count = held.shape[1]
    some = held.any(axis=1)
    first = np.where(some, held.argmax(axis=1), count)
    behind = np.where(some, count - held[:, ::-1].argmax(axis=1), 0)
    first = ndimage.minimum_filter1d(first, around, mode="nearest")
    behind = ndimage.maximum_filter1d(behind, around, mode="nearest")
    return np.stack([np.where(behind > 0, first, 0), behind], axis=1)


def label_box(labels: LabelMap, margin_mm: float) -> Box:
    """Smallest box of voxels that holds all labels, with a margin; the whole grid if there are none."""
    return _box(labels.array > 0, labels, margin_mm)


def _box(mask: NDArray[np.bool_], volume: Volume, margin_mm: float) -> Box:
    def along(axis: int) -> slice:
        others: Any = tuple(a for a in range(3) if a != axis)
        held = np.flatnonzero(mask.any(axis=others))
        if held.size == 0:
            return slice(0, volume.shape[axis])
        margin = round(margin_mm / volume.spacing_mm[axis])
        return slice(max(0, int(held[0]) - margin), min(volume.shape[axis], int(held[-1]) + 1 + margin))

    return along(0), along(1), along(2)
