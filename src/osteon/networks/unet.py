"""U-Net (Ronneberger et al. 2015, doi 10.1007/978-3-319-24574-4_28) on a ResNet34 encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.errors import ModelError
from osteon.networks.resnet import ResNetEncoder

STRIDE = 32
"""Rows and columns of the input must be multiples of this."""


class DecoderBlock(nn.Module):
    """Twice the size, the encoder's features beside it, two convolutions."""

    def __init__(self, in_channels: int, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels + skip_channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """``(batch, channel, row, column)`` features and the encoder's, which are twice as fine."""
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        if skip is not None:
            x = torch.cat([x, skip], dim=1)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))  # type: ignore[no-any-return]


class ResNet34UNet(nn.Module):
    """U-Net whose contracting path is a ResNet34.

    Parameters
    ----------
    in_channels : int
        A slice and its neighbours: 3 by default.
    classes : int
        Output channels, background included.
    width : int
        Channels of the encoder's first stage; 64 is ResNet34 as published, and the only width with ImageNet weights.
    place : bool
        Whether the network also tells where along the body a slice lies (`PlaceHead`).
    """

    def __init__(self, in_channels: int = 3, classes: int = 2, width: int = 64, place: bool = False) -> None:
        super().__init__()
        self.encoder = ResNetEncoder(in_channels, (3, 4, 6, 3), width)
        skips = (*reversed(self.encoder.channels[:-1]), 0)
        # the two finest stages keep enough channels to tell many classes apart, however narrow the network is
        channels = [4 * width, 2 * width, width, max(16, width // 2), max(8, width // 4)]
        inputs = [self.encoder.channels[-1], *channels[:-1]]
        self.decoder = nn.ModuleList(DecoderBlock(i, s, c) for i, s, c in zip(inputs, skips, channels, strict=True))
        self.head = nn.Conv2d(channels[-1], classes, 3, padding=1)
        self.place = PlaceHead(self.encoder.channels[-1]) if place else None

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channel, row, column)`` intensities to ``(batch, class, row, column)`` logits."""
        return self._decoded(self.encoder(x))

    def logits_and_place(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits as `forward`, and the place of each slice along the body, ``(batch,)``."""
        if self.place is None:
            raise ModelError("This network was built without a head for the place along the body.")
        features = self.encoder(x)
        return self._decoded(features), self.place(features[-1])

    def _decoded(self, features: list[Tensor]) -> Tensor:
        *skips, x = features
        for block in self.decoder:
            x = block(x, skips.pop() if skips else None)
        return self.head(x)  # type: ignore[no-any-return]


class PlaceHead(nn.Module):
    """Where along the body a slice lies, from the deepest features.

    Learning it makes these features know hip from ankle, which a slice of a shaft alone does not show.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, 32)
        self.out = nn.Linear(32, 1)

    def forward(self, features: Tensor) -> Tensor:
        """``(batch, channel, row, column)`` features to ``(batch,)`` places."""
        pooled = features.mean(dim=(2, 3))  # (b, channel)
        return self.out(functional.relu(self.hidden(pooled)))[:, 0]  # type: ignore[no-any-return]
