"""MR intensities have no unit: a scan is brought to a common range before a network sees it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Normalisation = Literal["percentile", "min-max", "z-score"]
NORMALISATIONS: tuple[Normalisation, ...] = ("percentile", "min-max", "z-score")


def normalise(array: NDArray[Any], method: Normalisation = "percentile") -> NDArray[np.float32]:
    """Bring a scan's intensities to a common range.

    Parameters
    ----------
    array : (i, j, k) ndarray
        All voxels are used, so that the result does not depend on a crop made later.
    method : str
        ``percentile``: the 0.5th percentile becomes 0, the 99.5th 1, values beyond are cut to at most 1.5 and at least
        0, so that one bright vessel does not darken the scan. ``min-max``: minimum 0, maximum 1.
        ``z-score``: mean 0, standard deviation 1.

    Returns
    -------
    (i, j, k) float32 ndarray
        All zeros if the scan is constant.
    """
    values = array.astype(np.float32, copy=False)
    if method == "z-score":
        low, scale = float(values.mean()), float(values.std())
    elif method == "min-max":
        low, high = float(values.min()), float(values.max())
        scale = high - low
    else:
        low, high = (float(p) for p in np.percentile(values, (0.5, 99.5)))
        scale = high - low
    if scale <= 0:
        return np.zeros(values.shape, dtype=np.float32)
    result = (values - np.float32(low)) / np.float32(scale)
    return np.clip(result, 0, 1.5, out=result) if method == "percentile" else result
