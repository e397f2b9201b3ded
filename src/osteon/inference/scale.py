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

AHEAD = 0.0015
"""By so much surer a network has to be in the next scale. Less is noise: networks in eight and in 32 bits differ by up
to 0.0011 in what one scale is ahead of another. Chosen on the eight scans that choose the epochs of leg-bones: finer
pixels were better where ahead by 0.0019, worse where by 0.0012 and 0.0008, and better again where by 0.0003."""

FEWEST_PIXELS = 20
"""Of a class in all of these slices, to be counted as found."""


def surest_scale(turned: TurnedScan, model: Model, engine: Engine) -> Preprocessing:
    """Preprocessing at the one of its scales where the network is surest.

    A network that has learned bones of adults finds those of a young child with fewer pixels than it is used to; seen
    in finer pixels, a child looks like an adult. How sure the network is: the overlap of its probabilities with its
    answer, ``2 sum p a / (sum p + sum a)``, which is the Dice to be expected if the probabilities are true, averaged
    over the classes found. Scales are tried in their order for as long as they make it surer by `AHEAD`.

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
    chosen, best = how.scaled(scales[0]), -AHEAD
    if len(scales) == 1:
        return chosen
    for scale in scales:
        tried = how.scaled(scale)
        certainty = _certainty(engine.answered(_sampled(turned, tried)))
        if certainty < best + AHEAD:
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
        # where the background has all of 255 no class has as much as one, and most of a picture is background
        doubted = np.flatnonzero(likely[:, 0] < 255)
        some = likely.swapaxes(0, 1).reshape(count, -1).take(doubted, axis=1)  # (class, pixel)
        found = largest(some)
        both = np.bincount(found, some.max(axis=0), count) / 255
        parts.append([both, some.sum(axis=1, dtype=np.float64) / 255, np.bincount(found, minlength=count)])
    both, probable, answered = np.sum(parts, axis=0)[:, 1:]
    held = answered >= FEWEST_PIXELS
    return float((2 * both / (probable + answered).clip(1e-6))[held].mean()) if held.any() else 0.0
