"""Encoder: what a U-Net's contracting path has to offer, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Published:
    """The classifier that an encoder is taken from, as torchvision publishes it.

    Parameters
    ----------
    url : str
        Of its ImageNet weights (``IMAGENET1K_V1``); the eight hex digits are the beginning of the file's SHA-256.
    width : int
        Channels of its first stage.
    classifier : str
        What the names of the layers that are left out here begin with.
    """

    url: str
    width: int
    classifier: str


class Encoder(nn.Module, ABC):
    """Features of a picture, from fine to coarse, each map half as large as the one before.

    Parameters
    ----------
    channels : tuple of int
        Of the feature maps, finest first.
    first_stride : 1 or 2
        Of the finest map.
    published : Published
        Where ImageNet weights come from.
    """

    def __init__(self, channels: tuple[int, ...], first_stride: int, published: Published) -> None:
        super().__init__()
        self.channels = channels
        self.first_stride = first_stride
        self.published = published

    @abstractmethod
    def forward(self, x: Tensor) -> list[Tensor]:
        """``(batch, channel, row, column)`` to feature maps, finest first."""


def encoder_of(network: nn.Module) -> Encoder | None:
    """The contracting path of a network that could be frozen or pre-trained; None if it has none."""
    encoder = getattr(network, "encoder", None)
    return encoder if isinstance(encoder, Encoder) else None
