"""From a scan to the class of each of its voxels, on its own grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import Grid
from osteon.inference.engine import Engine
from osteon.inference.onto_grid import largest_class
from osteon.inference.scale import surest_scale
from osteon.memory import require_memory
from osteon.networks.forward import Batch, volume_logits
from osteon.networks.model import Model
from osteon.preprocessing import Preprocessing, resampled_in_plane, turned_scan, working_grid
from osteon.volume import Volume

BATCH = 4
"""Slices a call: enough to keep a CPU busy, few enough to stay in its cache."""

AT_EACH_VOXEL = 4
"""Bytes of the scan's grid beside the scan: classes, labels before and after they are cleaned, a mask."""

SLABS_MB = 150
"""What is in work at once, whatever the size of the scan."""


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
    votes : (network, slice, row, column) uint8 ndarray, optional
        Class that each network of an ensemble would have chosen there; None for a single network.
    """

    classes: Volume
    probabilities: NDArray[np.uint8]
    working: Grid
    votes: NDArray[np.uint8] | None = None


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
    if engine.whole is not None:
        probabilities, grid = engine.whole(scan)
        return Prediction(
            scan.with_array(largest_class(probabilities, grid, scan.grid, scan.array)), probabilities, grid
        )
    turned = turned_scan(scan, model.spec.preprocessing)
    how = surest_scale(turned, model, engine)
    _require_memory(scan, int(np.prod(working_grid(turned, how).shape)), model, engine)
    working = resampled_in_plane(turned, how)
    probabilities, votes = _probabilities(working, how, model, engine)
    classes = scan.with_array(largest_class(probabilities, working.grid, scan.grid, scan.array))
    return Prediction(classes, probabilities, working.grid, votes)


def predict_classes(scan: Volume, model: Model, engine: Engine) -> Volume:
    """Class of every voxel, 0 background, on the scan's own grid, as uint8: `predict` without the probabilities."""
    return predict(scan, model, engine).classes


def _require_memory(scan: Volume, working_voxels: int, model: Model, engine: Engine) -> None:
    """Refuse a scan that would not fit, now rather than after minutes of work."""
    # a float and a byte for each class at each voxel of the working grid, and more for each network of an ensemble
    classes = len(model.spec.classes) + 1
    seen = 4 + classes * (4 if engine.networks else 1) + len(engine.networks)
    needed = working_voxels * seen + scan.array.size * AT_EACH_VOXEL
    require_memory(needed / 2**20 + SLABS_MB, f"A scan of {' x '.join(str(n) for n in scan.shape)} voxels")


def _probabilities(
    working: Volume, how: Preprocessing, model: Model, engine: Engine
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """``(class, slice, row, column)`` probabilities, background first, 0 to 255; and an ensemble's votes."""
    if not engine.networks:
        return _of_network(working, how, model, engine.logits), None
    # one network after the other, each as bytes, so that memory does not grow with their number
    total = np.zeros((len(model.spec.classes) + 1, *working.shape), dtype=np.uint16)
    votes = np.zeros((len(engine.networks), *working.shape), dtype=np.uint8)
    for number, logits in enumerate(engine.networks):
        one = _of_network(working, how, model, logits)
        votes[number] = one.argmax(axis=0)
        total += one
    total += len(engine.networks) // 2  # to the nearest
    return (total // len(engine.networks)).astype(np.uint8), votes


def _of_network(
    working: Volume, how: Preprocessing, model: Model, logits_of: Callable[[Batch], Batch]
) -> NDArray[np.uint8]:
    """Probabilities of one network."""
    spec = model.spec
    result = np.zeros((len(spec.classes) + 1, *working.shape), dtype=np.uint8)
    for indices, logits in volume_logits(working, how, spec.network.patch, logits_of, BATCH):
        # logits (n, class, row, column)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits *= 255 / logits.sum(axis=1, keepdims=True)
        result[:, indices] = np.rint(logits).astype(np.uint8).swapaxes(0, 1)
    return result
