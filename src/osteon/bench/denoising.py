"""The study's denoising, slice by slice, against scipy.ndimage used directly."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.bench.inputs import leg_labels
from osteon.bench.measured import Asked, Comparison, Way, alternately
from osteon.postprocessing import denoise_slices

SHAPE = (512, 512, 50)
SHARE = 0.01
"""Of a structure's area in a slice, as in the study."""

AXIS = 2

SPECKS = 20
"""In every slice, and as many holes, of 1 to 4 pixels each way."""

Labels = NDArray[np.integer[Any]]


def clean(asked: Asked, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Comparison:
    """Of a map without noise: eight bones."""
    return _compared("a clean map", leg_labels(shape, asked.seed).array, asked)


def noisy(asked: Asked, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Comparison:
    """Of the same map with specks and holes in every slice."""
    labels = leg_labels(shape, asked.seed).array
    rng = np.random.default_rng(asked.seed)
    values = np.unique(labels)[1:]
    for k in range(shape[2]):
        for number in range(2 * SPECKS):
            i, j = (int(rng.integers(0, n - 4)) for n in shape[:2])
            high, wide = (int(n) for n in rng.integers(1, 5, 2))
            labels[i : i + high, j : j + wide, k] = rng.choice(values) if number < SPECKS else 0
    return _compared("specks and holes in every slice", labels, asked)


def by_scipy(labels: Labels, axis: int, share: float) -> Labels:
    """The same, one structure in one slice after the other, on pixels."""
    result = labels.copy(order="K")
    for before, after in zip(np.moveaxis(labels, axis, 0), np.moveaxis(result, axis, 0), strict=True):
        added = []
        for value in np.unique(before[before != 0]):
            mask = before == value
            smallest = int(share * np.count_nonzero(mask))
            filled = mask | _small_parts(~mask, smallest)
            kept = filled & ~_small_parts(filled, smallest)
            after[mask & ~kept] = 0
            added.append((value, kept & ~mask))
        for value, more in added:
            after[more & (after == 0)] = value
    return result


def _compared(what: str, labels: Labels, asked: Asked) -> Comparison:
    ways = [
        Way("osteon", partial(denoise_slices, labels, AXIS, SHARE)),
        Way("scipy.ndimage directly", partial(by_scipy, labels, AXIS, SHARE)),
    ]
    size = " x ".join(str(n) for n in labels.shape)
    title = f"denoising slice by slice, {size} voxels, {len(np.unique(labels)) - 1} bones, {what}"
    return alternately(title, ways, asked.repeats, lambda ours, theirs: bool(np.array_equal(ours, theirs)))  # type: ignore[arg-type]


def _small_parts(mask: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    parts = ndimage.label(mask)[0]
    small = np.bincount(parts.ravel()) < smallest
    small[0] = False
    return np.asarray(small[parts], dtype=bool)
