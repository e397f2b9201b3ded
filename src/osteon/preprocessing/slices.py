"""2.5-D: a network sees a slice and its neighbours as channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def context_offset(spacing_mm: float, context_mm: float) -> int:
    """How many slices away a neighbour is taken, so that it lies about ``context_mm`` away; at least 1."""
    return max(1, round(context_mm / spacing_mm))


def slices_with_context(
    array: NDArray[np.float32], indices: NDArray[np.int_], channels: int, offset: int
) -> NDArray[np.float32]:
    """Stack slices with their neighbours; beyond the ends the end slice is repeated.

    Parameters
    ----------
    array : (slice, row, column) ndarray
        A working volume: its first axis runs across slices.
    indices : (n,) ndarray of int
    channels : int
        Odd; 3 is a slice and one neighbour on each side.
    offset : int
        Distance between neighbours in slices (`context_offset`).

    Returns
    -------
    (n, channels, row, column) float32 ndarray
        The middle channel is the slice itself.
    """
    steps = (np.arange(channels) - channels // 2) * offset
    wanted = np.clip(indices[:, None] + steps[None, :], 0, array.shape[0] - 1)  # (n, channels)
    return np.asarray(array[wanted], dtype=np.float32)
