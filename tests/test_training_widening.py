"""A network widened answers as the narrow one did, and its copies do not stay copies."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from osteon.errors import TrainingError
from osteon.networks.network_spec import NetworkSpec
from osteon.training.widening import widened

PATCH = (16, 32, 32)


def built(name: str, width: int, patch: tuple[int, int, int] | None) -> nn.Module:
    torch.manual_seed(width)
    network = NetworkSpec(name=name, width=width, patch=patch).built(3, 4).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):  # as after some training
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return network


@pytest.mark.parametrize(
    ("name", "widths", "patch"),
    [
        ("resnet34-unet", (8, 16), None),
        ("resnet34-unet", (8, 24), None),
        ("resnet50-unet", (8, 16), None),
        ("vgg19-unet", (8, 16), None),
        ("unet2d", (8, 16), None),  # transposed convolutions have their inputs first
        ("unet3d", (8, 16), PATCH),
        ("residual-unet3d", (8, 16), PATCH),
    ],
)
def test_a_widened_network_gives_the_same_answers(
    name: str, widths: tuple[int, int], patch: tuple[int, int, int] | None
) -> None:
    narrow, wide = (built(name, width, patch) for width in widths)
    seen = torch.randn(1, 3, 64, 64) if patch is None else torch.randn(1, 1, *patch)
    with torch.no_grad():
        expected = narrow(seen)
        assert not torch.allclose(wide(seen), expected, atol=1e-3)
        wide.load_state_dict(widened(narrow, wide, seed=0))
        torch.testing.assert_close(wide(seen), expected, rtol=1e-4, atol=1e-4)


def test_copies_learn_different_things() -> None:
    narrow, wide = built("unet2d", 8, None), built("unet2d", 16, None)
    wide.load_state_dict(widened(narrow, wide, seed=0))
    wide(torch.randn(1, 3, 32, 32)).square().mean().backward()
    gradients = next(weight.grad for weight in wide.parameters() if weight.ndim == 4)
    assert gradients is not None
    one, other = gradients[0::2], gradients[1::2]
    assert not torch.allclose(one, other, rtol=0.05, atol=0)


def test_the_same_seed_widens_alike() -> None:
    narrow, wide = built("unet2d", 8, None), built("unet2d", 16, None)
    first, again, other = (widened(narrow, wide, seed) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("widths", [(8, 20), (16, 8)])
def test_widths_that_are_no_whole_multiples_are_refused(widths: tuple[int, int]) -> None:
    narrow, wide = (built("resnet34-unet", width, None) for width in widths)
    with pytest.raises(TrainingError, match="cannot be widened"):
        widened(narrow, wide, seed=0)


def test_other_layers_are_refused() -> None:
    with pytest.raises(TrainingError, match="other layers"):
        widened(built("resnet34-unet", 8, None), built("unet2d", 16, None), seed=0)
