"""Optimisers, and learning rates from step to step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from osteon.training.config import OptimiserConfig

MOMENTUM = 0.99
"""Of stochastic gradient descent, with Nesterov's look ahead: that of nnU-Net (doi 10.1038/s41592-020-01008-z)."""

POWER = 0.9
"""Exponent of the polynomial schedule (Chen et al. 2018, doi 10.1109/TPAMI.2017.2699184; nnU-Net)."""

WARMUP_SHARE = 0.1
"""Of the minutes of a training: warm-up takes no more."""


def optimiser_for(parameters: Iterable[nn.Parameter], how: OptimiserConfig) -> torch.optim.Optimizer:
    """The optimiser that a configuration asks for."""
    # not ``fused``: torch's fused steps go through memory as it lies, and gradients (of several processes) and restored
    # moments do not lie as the channels-last weights do
    if how.algorithm == "adamw":
        return torch.optim.AdamW(parameters, how.learning_rate, weight_decay=how.weight_decay)
    if how.algorithm == "adam":
        return torch.optim.Adam(parameters, how.learning_rate, weight_decay=how.weight_decay)
    return torch.optim.SGD(
        parameters, how.learning_rate, momentum=MOMENTUM, nesterov=True, weight_decay=how.weight_decay
    )


def learning_rate(step: int, steps: int, epochs: int, how: OptimiserConfig, spent: float = 0.0) -> float:
    """Learning rate of a step: linear warm-up, then as ``how.schedule`` says, down to ``final_share`` at the lowest.

    Parameters
    ----------
    step : int
        Counted over all epochs, from 0.
    steps : int
        In an epoch.
    epochs : int
    how : OptimiserConfig
    spent : float
        Share of the training's minutes that is spent, where they may end before the epochs do (`Clock.spent`): warm-up
        takes a tenth of them at most, and cosine and polynomial end with them.
    """
    warmup = how.warmup_epochs * steps
    risen = max((step + 1) / warmup, spent / WARMUP_SHARE) if warmup else 1.0
    if step < warmup and risen < 1:
        return how.learning_rate * risen
    if how.schedule == "constant":
        return how.learning_rate
    if how.schedule == "linear":
        since_warmup = max(0, step // steps - how.warmup_epochs)
        return max(how.learning_rate - how.fall * since_warmup, how.learning_rate * how.final_share)
    share = min(1.0, max(spent, (step - warmup) / max(1, epochs * steps - warmup)))
    left = 0.5 * (1 + math.cos(math.pi * share)) if how.schedule == "cosine" else (1 - share) ** POWER
    return how.learning_rate * (how.final_share + (1 - how.final_share) * left)
