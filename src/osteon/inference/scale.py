"""How large a body is: the scale at which a network is surest of what it finds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.inference.engine import Engine
from osteon.networks.forward import padded
from osteon.networks.model import Model
from osteon.preprocessing import Preprocessing, TurnedScan, context_offset, resampled_in_plane

SAMPLE = 16
"""Slices, evenly spaced, by which scales are compared."""

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
        certainty = _certainty(_sampled(turned, tried), engine)
        if certainty <= best:
            break
        chosen, best = tried, certainty
    return chosen


def _sampled(turned: TurnedScan, how: Preprocessing) -> NDArray[np.float32]:
    """Some slices with their neighbours, ``(n, channel, row, column)``; only these are resampled."""
    count = turned.volume.shape[0]
    indices = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).round().astype(int))
    steps = (np.arange(how.channels) - how.channels // 2) * context_offset(turned.volume.spacing_mm[0], how.context_mm)
    wanted = np.clip(indices[:, None] + steps[None, :], 0, count - 1)  # (n, channel)
    # a stack whose slices do not follow each other: it is resampled within slices only
    stack = resampled_in_plane(turned.taken(wanted.ravel()), how)
    return padded(stack.array.reshape(*wanted.shape, *stack.shape[1:]))


def _certainty(slices: NDArray[np.float32], engine: Engine) -> float:
    both: NDArray[np.float64] | float = 0.0
    probable: NDArray[np.float64] | float = 0.0
    answered: NDArray[np.float64] | float = 0.0
    for start in range(0, len(slices), 4):
        logits = engine.logits(slices[start : start + 4])
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = logits / logits.sum(axis=1, keepdims=True)
        answer = probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1])[:, None, None]
        both = both + (probabilities * answer).sum(axis=(0, 2, 3), dtype=np.float64)
        probable = probable + probabilities.sum(axis=(0, 2, 3), dtype=np.float64)
        answered = answered + answer.sum(axis=(0, 2, 3), dtype=np.float64)
    found = np.asarray(answered)[1:] >= FEWEST_PIXELS
    overlap = (2 * np.asarray(both) / (np.asarray(probable) + np.asarray(answered)).clip(1e-6))[1:]
    return float(overlap[found].mean()) if found.any() else 0.0
