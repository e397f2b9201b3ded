"""Boxes of what is labelled: found once and quickly, so that all else looks only there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]


def held_box(labels: NDArray[np.integer[Any]]) -> Box | None:
    """Smallest box that holds all that is not 0; None where nothing is.

    Ten times as quick as asking each voxel: an axis is taken away by "or", and what is left looked at.

    Parameters
    ----------
    labels : (i, j, k) integer ndarray
    """
    order = sorted(range(3), key=lambda axis: -abs(labels.strides[axis]))
    pictures = labels.transpose(order)  # (picture, row, column), columns next to one another in memory
    seen = np.bitwise_or.reduce(pictures, axis=0) != 0  # (row, column)
    if not seen.any():
        return None
    rows, columns = _stretch(seen.any(axis=1)), _stretch(seen.any(axis=0))
    across = np.bitwise_or.reduce(pictures[:, rows, columns], axis=1).any(axis=1)
    stretches = dict(zip(order, (_stretch(across), rows, columns), strict=True))
    return stretches[0], stretches[1], stretches[2]


def boxes_of(labels: NDArray[np.integer[Any]], held: Box) -> dict[int, Box]:
    """Box of each label value that is there but 0, by value.

    Parameters
    ----------
    labels : (i, j, k) integer ndarray
        Of values above 0 and few enough to count to the largest.
    held : tuple of slice
        A box that holds all that is not 0 (`held_box`).
    """
    from scipy import ndimage

    part = labels[held]
    # scipy goes through the array with the last axis fastest, which scans from NIfTI files have first
    turned = part.strides[0] < part.strides[-1]
    found = ndimage.find_objects(part.T if turned else part)
    boxes = {value: box[::-1] if turned else box for value, box in enumerate(found, start=1) if box is not None}
    return {value: within(held, (box[0], box[1], box[2])) for value, box in boxes.items()}


def within(held: Box, box: Box) -> Box:
    """A box of a box, as a box of the whole array."""
    i, j, k = (slice(inner.start + h.start, inner.stop + h.start) for inner, h in zip(box, held, strict=True))
    return i, j, k


def _stretch(held: NDArray[np.bool_]) -> slice:
    (at,) = np.nonzero(held)
    return slice(int(at[0]), int(at[-1]) + 1)
