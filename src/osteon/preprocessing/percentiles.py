"""Percentiles of large arrays without a copy of them: values are counted, not sorted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PART = 4_000_000
"""Values looked at together."""

BITS = 16
"""Counted at once: half of a float32."""


def percentiles(array: NDArray[Any], shares: Sequence[float]) -> tuple[float, ...]:
    """Percentiles of all values, linearly between neighbours as `numpy.percentile`, in memory that does not grow.

    Integers of up to 16 bits are counted. Of others, taken as float32, the upper half of the bits is counted first,
    then the lower half of those that matter: a radix selection (Knuth, The Art of Computer Programming 3, 5.2.5).

    Parameters
    ----------
    array : ndarray
        Not empty, finite.
    shares : sequence of float
        0 to 100.
    """
    places = [share / 100 * (array.size - 1) for share in shares]
    ranks = sorted({int(np.floor(p)) for p in places} | {int(np.ceil(p)) for p in places})
    small = array.dtype.kind in "iu" and array.dtype.itemsize <= 2
    value = dict(zip(ranks, (_counted if small else _selected)(array, ranks), strict=True))
    return tuple(
        value[int(np.floor(p))] + (p - np.floor(p)) * (value[int(np.ceil(p))] - value[int(np.floor(p))]) for p in places
    )


def _counted(array: NDArray[Any], ranks: list[int]) -> list[float]:
    """Values at ranks of an array of small integers."""
    lowest = int(np.iinfo(array.dtype).min)
    counts = np.zeros(2 ** (8 * array.dtype.itemsize), dtype=np.int64)
    for part in _parts(array):
        counts += np.bincount(part if lowest == 0 else part.astype(np.int64) - lowest, minlength=len(counts))
    return [float(found + lowest) for found in np.searchsorted(np.cumsum(counts), ranks, side="right")]


def _selected(array: NDArray[Any], ranks: list[int]) -> list[float]:
    """Values at ranks of an array of anything, as float32."""
    upper = np.zeros(2**BITS, dtype=np.int64)
    for part in _parts(array):
        upper += np.bincount(_ordered(part) >> BITS, minlength=len(upper))
    behind = np.cumsum(upper)
    halves = np.searchsorted(behind, ranks, side="right")
    lower = {int(half): np.zeros(2**BITS, dtype=np.int64) for half in halves}
    for part in _parts(array):
        ordered = _ordered(part)
        for half, counts in lower.items():
            counts += np.bincount(ordered[ordered >> BITS == half] & (2**BITS - 1), minlength=len(counts))
    found = []
    for rank, half in zip(ranks, halves, strict=True):
        within = rank - (int(behind[half]) - int(upper[half]))
        low = int(np.searchsorted(np.cumsum(lower[int(half)]), within, side="right"))
        found.append(_value(int(half) << BITS | low))
    return found


def _ordered(values: NDArray[Any]) -> NDArray[np.uint32]:
    """Bits of float32 numbers, turned so that they order as the numbers do (IEEE 754: sign and magnitude)."""
    bits = values.astype(np.float32).view(np.uint32)
    negative = bits >> 31 == 1
    np.bitwise_xor(bits, np.where(negative, np.uint32(0xFFFFFFFF), np.uint32(0x80000000)), out=bits)
    return bits


def _value(ordered: int) -> float:
    bits = ordered ^ (0x80000000 if ordered >> 31 else 0xFFFFFFFF)
    return float(np.array([bits], dtype=np.uint32).view(np.float32)[0])


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """All values, some at a time, in the order of memory as far as that is simple."""
    slow_first = array.transpose(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))
    if slow_first.ndim == 0:
        yield slow_first.reshape(1)
        return
    thick = max(1, PART * len(slow_first) // max(1, slow_first.size))
    for start in range(0, len(slow_first), thick):
        yield slow_first[start : start + thick].ravel()
