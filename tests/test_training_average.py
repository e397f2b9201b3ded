"""The averaged network follows the trained one by the formula, batch statistics and counters included."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from osteon.training.average import Follower


def network(value: float) -> nn.Module:
    made = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    with torch.no_grad():
        for tensor in made.state_dict().values():
            tensor.fill_(value)
    return made


@pytest.mark.parametrize(("step", "kept"), [(0, 0.1), (10, 11 / 20), (1000, 0.9)])
def test_a_step_keeps_the_decay_and_less_at_first(step: int, kept: float) -> None:
    average, current = network(1.0), network(2.0)
    Follower(average, current, decay=0.9).follow(step)
    for name, tensor in average.state_dict().items():
        expected = 2.0 if name.endswith("num_batches_tracked") else kept * 1.0 + (1 - kept) * 2.0
        assert torch.allclose(tensor.float(), torch.tensor(expected)), name


def test_it_sees_what_a_step_of_training_changes_afterwards() -> None:
    average, current = network(0.5), network(0.5)
    follower = Follower(average, current, decay=0.5)
    optimiser = torch.optim.SGD(current.parameters(), 0.1)
    current.train()
    current(torch.randn(4, 1, 8, 8)).square().sum().backward()
    optimiser.step()
    expected = {name: (0.5 + tensor) / 2 for name, tensor in current.state_dict().items()}
    follower.follow(100)
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, expected[name]), name
    assert average.state_dict()["1.num_batches_tracked"] == current.state_dict()["1.num_batches_tracked"]
    restored = network(3.0)
    current.load_state_dict(restored.state_dict())
    follower.follow(10**6)
    assert float(average.state_dict()["0.bias"][0]) > 1, "weights that were loaded later are followed, too"
