"""bf16 on a CPU learns from the right gradients, also where a patch is but two slices deep inside the network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from osteon.training.precision import spare_shallow
from osteon.training.session import Session
from test_training_ways import patches


def gradient(layer: nn.Conv3d, x: torch.Tensor, mixed: bool) -> torch.Tensor:
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        (layer(x).float() ** 2).sum().backward()
    assert layer.weight.grad is not None
    return layer.weight.grad.clone()


@pytest.mark.parametrize("slices", [1, 2, 4])
def test_gradients_in_bf16_are_those_in_single_precision(slices: int) -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv3d(32, 32, 3, padding=1), torch.randn(1, 32, slices, 16, 16)
    right = gradient(layer, x, False)
    weights = dict(layer.state_dict())
    spare_shallow(layer)
    assert all(torch.equal(weights[name], value) for name, value in layer.state_dict().items())
    for _ in range(4):
        torch.testing.assert_close(gradient(layer, x, True), right, rtol=0, atol=0.02 * float(right.abs().max()))


def test_a_mixed_precision_session_spares_shallow_layers() -> None:
    names = {p: {type(m).__name__ for m in Session(patches(precision=p), "cpu").network.modules()} for p in
             ("32-true", "bf16-mixed")}  # fmt: skip
    assert "_ShallowInFull" in names["bf16-mixed"]
    assert "_ShallowInFull" not in names["32-true"]
