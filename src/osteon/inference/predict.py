"""From a scan to the class of each of its voxels, on its own grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import Grid, resample_linear
from osteon.inference.engine import Engine
from osteon.networks.forward import slice_batches
from osteon.networks.model import Model
from osteon.preprocessing import working_volume
from osteon.volume import Volume

BATCH = 4
"""Slices a call: enough to keep a CPU busy, few enough to stay in its cache."""


def predict_classes(scan: Volume, model: Model, engine: Engine) -> Volume:
    """Class of every voxel, 0 background, on the scan's own grid.

    The network's probabilities stay on the working grid, as bytes; they are brought to the scan's grid class by class,
    and only the largest so far and its class are kept, so memory does not grow with the number of classes there.

    Parameters
    ----------
    scan : Volume
    model : Model
    engine : Engine

    Returns
    -------
    Volume
        uint8.
    """
    working = working_volume(scan, model.spec.preprocessing)
    probabilities = _probabilities(working, model, engine)
    return scan.with_array(_largest(probabilities, working, scan.grid))


def _probabilities(working: Volume, model: Model, engine: Engine) -> NDArray[np.uint8]:
    """``(class, slice, row, column)`` probabilities, background first, 0 to 255."""
    rows, columns = working.shape[1:]
    result = np.zeros((len(model.spec.classes) + 1, *working.shape), dtype=np.uint8)
    for indices, slices in slice_batches(working, model.spec.preprocessing, BATCH):
        logits = engine.logits(slices)[:, :, :rows, :columns]  # (n, class, row, column)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits *= 255 / logits.sum(axis=1, keepdims=True)
        result[:, indices] = np.rint(logits).astype(np.uint8).swapaxes(0, 1)
    return result


def _largest(probabilities: NDArray[np.uint8], working: Volume, grid: Grid) -> NDArray[np.uint8]:
    """Class of the largest probability on another grid, one class in memory at a time."""
    result = np.zeros(grid.shape, dtype=np.uint8)
    best = resample_linear(probabilities[0], working.affine, grid, outside=255.0)
    for number, probability in enumerate(probabilities[1:], start=1):
        values = resample_linear(probability, working.affine, grid)
        wins = values > best
        result[wins] = number
        best[wins] = values[wins]
    return result
