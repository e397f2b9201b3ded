"""Networks: one architecture a file, all made by `build`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osteon.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

NAMES = ("resnet34-unet",)
"""Architectures that `build` knows."""


def build(name: str, *, in_channels: int, classes: int, width: int = 64, place: bool = False) -> nn.Module:
    """Make a network by name, with random weights.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    in_channels : int
        Slices seen at once (2.5-D): 3 is a slice and its two neighbours.
    classes : int
        Background included.
    width : int
        Channels of the first stage.
    place : bool
        Whether it also tells where along the body a slice lies.

    Raises
    ------
    ModelError
        If the name is unknown.
    """
    if name == "resnet34-unet":
        from osteon.networks.unet import ResNet34UNet

        return ResNet34UNet(in_channels, classes, width, place)
    raise ModelError(f"There is no network named {name}. Known: {', '.join(NAMES)}.")
