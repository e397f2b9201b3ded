"""From a scan to the class of each of its voxels, on its own grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import Grid
from osteon.inference.engine import Engine, as_bytes
from osteon.inference.in_plane import FinerPixels
from osteon.inference.onto_grid import largest_class
from osteon.inference.scale import surest_scale
from osteon.inference.slabs import Seen, Slab, in_turn
from osteon.memory import require_memory, zeros_as_written
from osteon.networks.forward import volume_logits
from osteon.networks.model import Model
from osteon.preprocessing import Preprocessing, TurnedScan, resampled_in_plane, turned_scan, working_grid
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


@dataclass(frozen=True, eq=False)
class _Shown:
    """A scan as a network is to be shown it: turned, prepared how, on which working grid."""

    turned: TurnedScan
    how: Preprocessing
    grid: Grid


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
    grid = working_grid(turned, how)
    shown = _Shown(turned, how, grid)
    _require_memory(scan, int(np.prod(grid.shape)), model, engine)
    classes = _background(scan.array)
    probabilities = zeros_as_written((len(model.spec.classes) + 1, *grid.shape))
    votes = None
    if model.spec.network.patch is None and not engine.networks and FinerPixels.fits(grid, turned.volume.grid):
        finer, of_turned = FinerPixels(grid, turned.volume.grid), turned.view_of(scan.with_array(classes)).array
        for slab in _in_slabs(shown, engine, probabilities):
            part = slice(int(slab.indices[0]), int(slab.indices[-1]) + 1)
            finer.decide(probabilities[:, part], slab.rows, slab.columns, of_turned[part])
    else:
        votes = _filled(shown, model, engine, probabilities)
        classes = largest_class(probabilities, grid, scan.grid, scan.array)
    return Prediction(scan.with_array(classes), probabilities, grid, votes)


def predict_classes(scan: Volume, model: Model, engine: Engine) -> Volume:
    """Class of every voxel, 0 background, on the scan's own grid, as uint8: `predict` without the probabilities."""
    return predict(scan, model, engine).classes


def _background(like: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Zeros that lie in memory as an array does, taken where something is written later."""
    order = sorted(range(like.ndim), key=lambda axis: -abs(like.strides[axis]))
    return zeros_as_written([like.shape[axis] for axis in order]).transpose(np.argsort(order))


def _require_memory(scan: Volume, working_voxels: int, model: Model, engine: Engine) -> None:
    """Refuse a scan that would not fit, now rather than after minutes of work."""
    # a float and a byte for each class at each voxel of the working grid, and more for each network of an ensemble
    classes = len(model.spec.classes) + 1
    seen = 4 + classes * (4 if engine.networks else 1) + len(engine.networks)
    needed = working_voxels * seen + scan.array.size * AT_EACH_VOXEL
    require_memory(needed / 2**20 + SLABS_MB, f"A scan of {' x '.join(str(n) for n in scan.shape)} voxels")


def _in_slabs(shown: _Shown, engine: Engine, probabilities: NDArray[np.uint8]) -> Iterator[Slab]:
    """Fill in the probabilities of a network that sees slices, some slices after the others."""
    seen = Seen(shown.turned, shown.how, shown.grid, in_turn(shown.grid.shape[0], BATCH))
    probabilities[0] = 255
    for slab, answer in zip(seen.slabs, engine.answered(seen.batches()), strict=True):
        rows, columns = (side.stop - side.start for side in (slab.rows, slab.columns))
        for number, likely in zip(slab.indices, answer[:, :, :rows, :columns], strict=True):
            _keep(likely, probabilities[:, number, slab.rows, slab.columns])
        yield slab


def _keep(likely: NDArray[np.uint8], probabilities: NDArray[np.uint8]) -> None:
    """Write ``(class, row, column)`` probabilities where there are any: most rows hold none of most classes."""
    probabilities[0] = likely[0]
    held: NDArray[np.bool_] = np.asarray(likely.any(axis=2))  # (class, row)
    for of_class, rows, result in zip(likely[1:], held[1:], probabilities[1:], strict=True):
        if rows.any():
            result[rows] = of_class[rows]


def _filled(shown: _Shown, model: Model, engine: Engine, probabilities: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Fill in the probabilities of any network, or the mean of several; the votes of an ensemble."""
    if not engine.networks:
        _of_network(shown, model, engine, probabilities)
        return None
    # one network after the other, each as bytes, so that memory does not grow with their number
    total = np.zeros(probabilities.shape, dtype=np.uint16)
    votes = np.zeros((len(engine.networks), *shown.grid.shape), dtype=np.uint8)
    for number, one in enumerate(engine.networks):
        probabilities[:] = 0  # of the network before
        _of_network(shown, model, one, probabilities)
        votes[number] = probabilities.argmax(axis=0)
        total += probabilities
    total += len(engine.networks) // 2  # to the nearest
    total //= len(engine.networks)
    probabilities[:] = total
    return votes


def _of_network(shown: _Shown, model: Model, engine: Engine, probabilities: NDArray[np.uint8]) -> None:
    patch = model.spec.network.patch
    if patch is None:
        for _ in _in_slabs(shown, engine, probabilities):
            pass
        return
    working = resampled_in_plane(shown.turned, shown.how)
    for indices, logits in volume_logits(working, shown.how, patch, engine.logits, BATCH):
        probabilities[:, indices] = as_bytes(logits).swapaxes(0, 1)
