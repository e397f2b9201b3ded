"""What the processes of one training share: logits, batch statistics, scores; so that they act as one.

Averaged gradients of parts are not the gradient of the whole batch where the loss is not a mean over items (Dice is
taken over a batch), nor where batch norm sees only its part. So both are taken over all processes' items here, and
several processes learn what one with the whole batch does, within float error.
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")


class _Sum(torch.autograd.Function):
    """Sum over all processes; its gradient is the sum of theirs.

    torch's own is deprecated in some versions and private in others.
    """

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        """Sum of tensors of one shape."""
        total = part.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Every process' result depends on every part."""
        return _Sum.forward(ctx, gradients[0])


def summed(part: Tensor) -> Tensor:
    """Sum over all processes, with a gradient."""
    return _Sum.apply(part)  # type: ignore[no-any-return, no-untyped-call]


def joined(part: Tensor) -> Tensor:
    """The items of all processes, ``(processes * batch, ...)``, in the order of their ranks, with a gradient."""
    number, rank, batch = distributed.get_world_size(), distributed.get_rank(), len(part)
    whole = part.new_zeros((number * batch, *part.shape[1:]))
    whole[rank * batch : (rank + 1) * batch] = part
    return summed(whole)


def gathered(mine: list[T]) -> list[T]:
    """Things of all processes, of which each had every n-th, in their order."""
    parts: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(parts, mine)
    missing = object()
    return [thing for thing in chain.from_iterable(zip_longest(*parts, fillvalue=missing)) if thing is not missing]


def made_equal(network: nn.Module) -> None:
    """Give a network of every process the first one's weights."""
    for weights in network.state_dict().values():
        distributed.broadcast(weights, 0)


class _SharedStatistics(nn.modules.batchnorm._BatchNorm):
    """Batch norm with the statistics of all processes' items, on any device (torch's own is for GPUs only)."""

    def forward(self, input: Tensor) -> Tensor:
        """``(batch, channel, *spatial)`` to the same, normalised."""
        if not self.training or self.running_mean is None or self.running_var is None:
            return super().forward(input)
        axes = [0, *range(2, input.ndim)]
        column = (1, -1, *(1 for _ in input.shape[2:]))
        number = distributed.get_world_size() * input.numel() // input.shape[1]
        x = input.float()
        mean = summed(x.sum(dim=axes)) / number
        centred = x - mean.view(column)
        variance = summed((centred**2).sum(dim=axes)) / number
        with torch.no_grad():
            momentum = 0.0 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * number / max(1, number - 1), momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(column) + self.bias.view(column)).to(input.dtype)


class SharedBatchNorm2d(_SharedStatistics, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` over all processes."""


class SharedBatchNorm3d(_SharedStatistics, nn.BatchNorm3d):
    """`torch.nn.BatchNorm3d` over all processes."""


def share_statistics(network: nn.Module) -> None:
    """Replace every batch norm of a network by one that looks at the items of all processes."""
    kinds: dict[type[nn.Module], type[SharedBatchNorm2d | SharedBatchNorm3d]] = {
        nn.BatchNorm2d: SharedBatchNorm2d,
        nn.BatchNorm3d: SharedBatchNorm3d,
    }
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if kind := kinds.get(type(child)):
                plain: Any = child
                shared = kind(plain.num_features, eps=plain.eps, momentum=plain.momentum)
                shared.load_state_dict(plain.state_dict())
                setattr(module, name, shared)
