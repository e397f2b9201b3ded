"""What mixed precision must leave alone on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SHALLOW = 2
"""Slices at which bf16 gradients of 3-D convolutions are wrong (below)."""


class _ShallowInFull(nn.Conv3d):
    """A 3-D convolution that computes two slices in single precision.

    Seen with torch 2.13 on CPUs with AMX: in bf16, the gradient of a 3 x 3 x 3 kernel over an input of two slices holds
    what lay in memory before (NaN, or worse, numbers). Other depths are right.
    """

    def forward(self, input: Tensor) -> Tensor:
        """``(batch, channel, slice, row, column)`` features to features."""
        if input.shape[2] != SHALLOW:
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


def spare_shallow(network: nn.Module) -> None:
    """Let the 3-D convolutions of a network compute in single precision where bf16 goes wrong."""
    for module in network.modules():
        if type(module) is nn.Conv3d:
            module.__class__ = _ShallowInFull  # the same weights under the same names
