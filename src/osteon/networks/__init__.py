"""Networks: one architecture a file, all made by `build`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from osteon.errors import ModelError
from osteon.networks.catalogue import ARCHITECTURES, architecture, with_encoder

if TYPE_CHECKING:
    from torch import nn

NAMES = tuple(ARCHITECTURES)
"""Architectures that `build` knows."""


def build(name: str, *, in_channels: int, classes: int, width: int | None = None, place: bool = False) -> nn.Module:
    """Make a network by name, with random weights.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    in_channels : int
        Slices seen at once by a 2-D network (2.5-D): 3 is a slice and its two neighbours. 1 for a 3-D network.
    classes : int
        Background included.
    width : int, optional
        Channels of the first stage; by default as published.
    place : bool
        Whether it also tells where along the body a slice lies.

    Raises
    ------
    ModelError
        If the name is unknown, or the network cannot tell the place.
    """
    known = architecture(name)
    if place and not known.encoder:
        raise ModelError(f"The network {name} cannot tell the place along the body; these can: {with_encoder()}.")
    kind = getattr(importlib.import_module(f"osteon.networks.{known.module}"), known.kind)
    further = {"place": place} if known.encoder else {}
    network: nn.Module = kind(in_channels, classes, known.width if width is None else width, **further)
    return network
