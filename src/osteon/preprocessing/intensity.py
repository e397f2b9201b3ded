"""MR intensities have no unit: a scan is brought to a common range before a network sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from osteon.preprocessing.percentiles import percentiles

Normalisation = Literal["percentile", "min-max", "z-score"]
NORMALISATIONS: tuple[Normalisation, ...] = ("percentile", "min-max", "z-score")

DARK, BRIGHT = 0.5, 99.5
"""Percentiles that become 0 and 1."""

ENOUGH, FEWEST_SLICES = 20_000_000, 50
"""Voxels, and slices, from which percentiles of a larger scan are taken: a ten-thousandth of the voxels lies between
the found value and that of all (the standard error is far below)."""

BRIGHTEST = 1.5
"""Values beyond are cut, so that one bright vessel does not darken the scan."""


@dataclass(frozen=True)
class IntensityRange:
    """How a scan's intensities become a network's, found once for all voxels and used on any part of them.

    Parameters
    ----------
    low : float
        Becomes 0.
    width : float
        Becomes 1; 0 for a constant scan, all of which becomes 0.
    cut : bool
        Whether values are cut to 0 and `BRIGHTEST`.
    """

    low: float
    width: float
    cut: bool

    @classmethod
    def of(cls, array: NDArray[Any], method: Normalisation = "percentile") -> IntensityRange:
        """Range of a scan by one of the ways of `normalise`; memory does not grow with the scan.

        Parameters
        ----------
        array : (i, j, k) ndarray
            Percentiles of a very large scan are those of every n-th of its slices (`ENOUGH`).
        method : str
        """
        if method == "percentile":
            low, high = percentiles(_sample(array), (DARK, BRIGHT))
            return cls(low, high - low, True)
        if method == "min-max":
            low, high = float(array.min()), float(array.max())
            return cls(low, high - low, False)
        mean = sum(float(part.sum(dtype=np.float64)) for part in _parts(array)) / array.size
        squares = sum(float(np.square(part - np.float32(mean)).sum(dtype=np.float64)) for part in _parts(array))
        return cls(mean, float(np.sqrt(squares / array.size)), False)

    def normalised(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """The array's own voxels in that range, as a new array."""
        if self.width <= 0:
            return np.zeros(array.shape, dtype=np.float32)
        result = array.astype(np.float32)
        result -= np.float32(self.low)
        result /= np.float32(self.width)
        return np.clip(result, 0, BRIGHTEST, out=result) if self.cut else result


def normalise(array: NDArray[Any], method: Normalisation = "percentile") -> NDArray[np.float32]:
    """Bring a scan's intensities to a common range.

    Parameters
    ----------
    array : (i, j, k) ndarray
    method : str
        ``percentile``: the 0.5th percentile becomes 0, the 99.5th 1, values beyond are cut to at most 1.5 and at least
        0, so that one bright vessel does not darken the scan. ``min-max``: minimum 0, maximum 1.
        ``z-score``: mean 0, standard deviation 1.

    Returns
    -------
    (i, j, k) float32 ndarray
        All zeros if the scan is constant.
    """
    return IntensityRange.of(array, method).normalised(array)


def _sample(array: NDArray[Any]) -> NDArray[Any]:
    """Every n-th slice of a very large scan, evenly, such that `ENOUGH` voxels are left; otherwise all of it."""
    slow = int(np.argmax(np.abs(array.strides)))
    step = min(max(1, array.size // ENOUGH), max(1, array.shape[slow] // FEWEST_SLICES))
    return np.moveaxis(array, slow, 0)[step // 2 :: step]


def _parts(array: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    for part in array:
        yield part.astype(np.float32, copy=False)
