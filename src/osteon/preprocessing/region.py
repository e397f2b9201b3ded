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
    array = scan.array.astype(np.float32, copy=False)
    smooth = ndimage.uniform_filter(array, size=[3 if s < FINE_MM else 1 for s in scan.spacing_mm])
    if smooth.min() == smooth.max():
        return np.ones(scan.shape, dtype=bool)
    foreground = smooth > smooth.min() + (threshold_otsu(smooth) - smooth.min()) / 3
    reach = [max(1, round(5 / s)) if s < CLOSED_MM else 0 for s in scan.spacing_mm]
    foreground = _open(foreground, [int(s < FINE_MM) for s in scan.spacing_mm])
    parts = cc3d.connected_components(foreground, connectivity=6)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    if sizes.sum() == 0:
        return np.ones(scan.shape, dtype=bool)
    body = (sizes >= PART_SHARE * sizes.max())[parts]
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


def _open(mask: NDArray[np.bool_], reach: list[int]) -> NDArray[np.bool_]:
    size = [2 * r + 1 for r in reach]
    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(mask, size), size), dtype=bool)


def body_box(scan: Volume, margin_mm: float = 5.0) -> Box:
    """Smallest box of voxels that holds the body, with a margin.

    The body is looked for in the largest blocks of voxels in which `body_mask` still closes gaps: a box needs no more,
    and a scan of 500 x 512 x 512 has a tenth of the voxels then.
    """
    sizes = [int(np.ceil(CLOSED_MM / s)) - 1 for s in scan.spacing_mm]
    i, j, k = (max(1, min(size, n)) for size, n in zip(sizes, scan.shape, strict=True))
    coarse = block_means(scan, (i, j, k))
    found = _box(body_mask(coarse), coarse, margin_mm)
    # what was left over at an end goes with the last block
    box = [
        slice(b.start * size, n if b.stop == m else b.stop * size)
        for b, size, n, m in zip(found, (i, j, k), scan.shape, coarse.shape, strict=True)
    ]
    return box[0], box[1], box[2]


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
