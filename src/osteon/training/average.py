"""The exponential moving average of a network's weights, which is what is validated and kept."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Follower:
    """Moves the weights and batch statistics of one network towards those of another.

    The tensors are looked up once: neither network may be moved to another device afterwards.

    Parameters
    ----------
    average, current : Module
        Of one architecture, on one device.
    decay : float
        Share of the average that a step keeps.
    """

    def __init__(self, average: nn.Module, current: nn.Module, decay: float) -> None:
        self.decay = decay
        known = current.state_dict()
        pairs = [(value, known[name]) for name, value in average.state_dict().items()]
        self.averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self.counted = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Go a step; the first steps keep less, so that the random start is soon forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages, currents = zip(*self.averaged, strict=True)
        get_ema_multi_avg_fn(decay)(averages, currents, step)  # type: ignore[no-untyped-call]
        for value, current in self.counted:
            value.copy_(current)
