"""Weights of a network for the same network with more channels, which then answers the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from osteon.errors import TrainingError

EVEN = 0.2
"""Added to what is drawn from 0 to 1 for each copy, so that none goes empty; unequal shares let copies learn apart."""


def widened(narrow: nn.Module, wide: nn.Module, seed: int) -> dict[str, Tensor]:
    """Weights of a narrow network as those of a wide one that gives the same answers.

    Every channel of the narrow network is copied as often as there is room, and what reads its copies splits its
    weights among them, in random shares (Net2WiderNet: Chen et al. 2016, arXiv:1511.05641).

    Parameters
    ----------
    narrow : module
    wide : module
        The same architecture, for its names and shapes alone. Each number of channels is a whole multiple of the narrow
        one's.
    seed : int

    Raises
    ------
    TrainingError
        If the weights have other names, or shapes that are no whole multiples.
    """
    theirs, ours = narrow.state_dict(), wide.state_dict()
    if theirs.keys() != ours.keys():
        raise TrainingError("start: the networks have other layers, not only other widths.")
    # these alone have their inputs first
    turned = {f"{name}.weight" for name, layer in narrow.named_modules() if isinstance(layer, _ConvTransposeNd)}
    random = torch.Generator().manual_seed(seed)
    found = {}
    for name, weight in theirs.items():
        if not _fits(weight.shape, ours[name].shape):
            raise TrainingError(
                f"start: the model's {name} has the shape {tuple(weight.shape)}, which cannot be widened to "
                f"{tuple(ours[name].shape)}: every number of channels must grow to a whole multiple, as it mostly does "
                "where network.width is twice the model's."
            )
        if name in turned:
            found[name] = _widened(weight.transpose(0, 1), ours[name].transpose(0, 1).shape, random).transpose(0, 1)
        else:
            found[name] = _widened(weight, ours[name].shape, random)
    return found


def _fits(old: torch.Size, new: torch.Size) -> bool:
    multiples = len(old) == len(new) and all(b % a == 0 for a, b in zip(old, new, strict=True))
    return multiples and old[2:] == new[2:]


def _widened(weight: Tensor, shape: torch.Size, random: torch.Generator) -> Tensor:
    """One weight, outputs by inputs by kernel: outputs copied, inputs copied and split."""
    if weight.ndim and shape[0] > weight.shape[0]:
        weight = weight.repeat_interleave(shape[0] // weight.shape[0], dim=0)
    if weight.ndim > 1 and shape[1] > weight.shape[1]:
        copies = shape[1] // weight.shape[1]
        share = EVEN + torch.rand(shape[0], weight.shape[1], copies, generator=random)
        share = (share / share.sum(dim=2, keepdim=True)).flatten(1)  # (output, input): neighbours are copies
        weight = weight.repeat_interleave(copies, dim=1) * share[(...,) + (None,) * (weight.ndim - 2)].to(weight.dtype)
    return weight
