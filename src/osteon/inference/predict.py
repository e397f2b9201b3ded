"""From a scan to the class of each of its voxels, on its own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import Grid, resample_linear
from osteon.inference.engine import Engine
from osteon.inference.scale import surest_scale
from osteon.networks.forward import volume_logits
from osteon.networks.model import Model
from osteon.preprocessing import Preprocessing, resampled_in_plane, turned_volume
from osteon.volume import Volume

BATCH = 4
"""Slices a call: enough to keep a CPU busy, few enough to stay in its cache."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """A model's answer, with what it is worth.

    Parameters
    ----------
    classes : Volume
        uint8 class of every voxel, 0 background, on the scan's own grid.
    probabilities : (class, slice, row, column) uint8 ndarray
        Background first, 0 to 255, on the working grid.
    working : Grid
        Grid of the probabilities.
    """

    classes: Volume
    probabilities: NDArray[np.uint8]
    working: Grid


def predict(scan: Volume, model: Model, engine: Engine) -> Prediction:
    """Class of every voxel on the scan's own grid, and the probabilities behind it.

    The network's probabilities stay on the working grid, as bytes; they are brought to the scan's grid class by class,
    and only the largest so far and its class are kept, so memory does not grow with the number of classes there.

    Parameters
    ----------
    scan : Volume
    model : Model
    engine : Engine
    """
    turned = turned_volume(scan, model.spec.preprocessing)
    how = surest_scale(turned, model, engine)
    working = resampled_in_plane(turned, how)
    probabilities = _probabilities(working, how, model, engine)
    classes = scan.with_array(_largest(probabilities, working.grid, scan.grid))
    return Prediction(classes, probabilities, working.grid)


def predict_classes(scan: Volume, model: Model, engine: Engine) -> Volume:
    """Class of every voxel, 0 background, on the scan's own grid, as uint8: `predict` without the probabilities."""
    return predict(scan, model, engine).classes


def _probabilities(working: Volume, how: Preprocessing, model: Model, engine: Engine) -> NDArray[np.uint8]:
    """``(class, slice, row, column)`` probabilities, background first, 0 to 255."""
    spec = model.spec
    result = np.zeros((len(spec.classes) + 1, *working.shape), dtype=np.uint8)
    for indices, logits in volume_logits(working, how, spec.network.patch, engine.logits, BATCH):
        # logits (n, class, row, column)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits *= 255 / logits.sum(axis=1, keepdims=True)
        result[:, indices] = np.rint(logits).astype(np.uint8).swapaxes(0, 1)
    return result


def _largest(probabilities: NDArray[np.uint8], working: Grid, grid: Grid) -> NDArray[np.uint8]:
    """Class of the largest probability on another grid, one class in memory at a time."""
    result = np.zeros(grid.shape, dtype=np.uint8)
    best = resample_linear(probabilities[0], working.affine, grid, outside=255.0)
    for number, probability in enumerate(probabilities[1:], start=1):
        values = resample_linear(probability, working.affine, grid)
        wins = values > best
        result[wins] = number
        best[wins] = values[wins]
    return result
