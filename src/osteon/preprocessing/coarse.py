"""A scan in larger voxels: means of blocks, for what needs no detail."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from osteon.volume import Volume

SLAB_VOXELS = 8_000_000
"""Of the scan, added up together: a few tens of MB, whatever the size of the scan."""

BlockSize = tuple[int, int, int]


def block_means(scan: Volume, size: BlockSize) -> Volume:
    """Means of blocks of voxels: quicker than resampling, and as good for an outline.

    Parameters
    ----------
    scan : Volume
    size : (3,) tuple of int
        Voxels of a block along each axis, at most the scan's; what is left over at the ends belongs to no block.

    Returns
    -------
    Volume
        float32.
    """
    counts = [n // s for n, s in zip(scan.shape, size, strict=True)]
    whole = scan.array[tuple(slice(0, n * s) for n, s in zip(counts, size, strict=True))]
    # slab by slab across the axis with the longest steps in memory, and along it first
    order = sorted(range(3), key=lambda axis: -abs(scan.array.strides[axis]))
    slow = order[0]
    thick = max(1, SLAB_VOXELS * counts[slow] // max(1, whole.size))
    result = np.empty(counts, dtype=np.float32)
    for first, behind in pairwise([*range(0, counts[slow], thick), counts[slow]]):
        block = [slice(None)] * 3
        block[slow] = slice(first * size[slow], behind * size[slow])
        part: NDArray[np.float32] = whole[tuple(block)].astype(np.float32)
        for axis in order:
            part = _summed(part, axis, size[axis])
        block[slow] = slice(first, behind)
        result[tuple(block)] = part
    result /= np.float32(np.prod(size))
    affine = scan.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ ((np.array(size) - 1) / 2)
    affine[:3, :3] *= size
    return Volume(result, affine)


def _summed(array: NDArray[np.float32], axis: int, count: int) -> NDArray[np.float32]:
    """Sums of so many neighbours along an axis."""
    if count == 1:
        return array
    turned = np.moveaxis(array, axis, 0)
    total = turned[::count].copy()
    for step in range(1, count):
        total += turned[step::count]
    return np.moveaxis(total, 0, axis)
