"""How large a body is: the scale at which a network is surest of what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from osteon.inference.engine import Engine
from osteon.inference.in_plane import largest
from osteon.inference.running import Bytes
from osteon.inference.slabs import Seen
from osteon.networks.forward import Batch
from osteon.networks.model import Model
from osteon.preprocessing import Preprocessing, TurnedScan, working_grid

SAMPLE = 16
"""Slices, evenly spaced, by which scales are compared."""

TOGETHER = 4
"""Of these, looked at with one box around the body."""

FEWEST_PIXELS = 20
"""Of a class in all of these slices, to be counted as found."""


def surest_scale(turned: TurnedScan, model: Model, engine: Engine) -> Preprocessing:
    """Preprocessing at the one of its scales where the network is surest.

    A network that has learned bones of adults finds those of a young child with fewer pixels than it is used to; seen
    in finer pixels, a child looks like an adult. How sure the network is: the overlap of its probabilities with its
    answer, ``2 sum p a / (sum p + sum a)``, which is the Dice to be expected if the probabilities are true, averaged
    over the classes found. Scales are tried in their order for as long as they make it surer.

    Parameters
    ----------
    turned : TurnedScan
        As `osteon.preprocessing.turned_scan` leaves a scan.
    model : Model
    engine : Engine
    """
    how = model.spec.preprocessing
    # a 3-D network sees more than slices; its scale is the first
    scales = how.scales if model.spec.network.patch is None else how.scales[:1]
    chosen, best = how.scaled(scales[0]), -1.0
    if len(scales) == 1:
        return chosen
    for scale in scales:
        tried = how.scaled(scale)
        certainty = _certainty(engine.answered(_sampled(turned, tried)))
        if certainty <= best:
            break
        chosen, best = tried, certainty
    return chosen


def _sampled(turned: TurnedScan, how: Preprocessing) -> Iterator[Batch]:
    """Some slices with their neighbours, ``(n, channel, row, column)``; only these are resampled."""
    count = turned.volume.shape[0]
    indices = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).round().astype(int))
    batches = [indices[start : start + TOGETHER] for start in range(0, len(indices), TOGETHER)]
    return Seen(turned, how, working_grid(turned, how), batches).batches()


def _certainty(answers: Iterable[Bytes]) -> float:
    parts = []  # of each batch: (both, probable and answered, class)
    for likely in answers:
        count = likely.shape[1]
        found = largest(likely.swapaxes(0, 1)).ravel()
        both = np.bincount(found, likely.max(axis=1).ravel(), count) / 255
        probable = likely.sum(axis=(0, 2, 3), dtype=np.float64) / 255
        parts.append([both, probable, np.bincount(found, minlength=count)])
    both, probable, answered = np.sum(parts, axis=0)[:, 1:]
    held = answered >= FEWEST_PIXELS
    return float((2 * both / (probable + answered).clip(1e-6))[held].mean()) if held.any() else 0.0
