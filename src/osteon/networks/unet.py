"""U-Net (Ronneberger et al. 2015, doi 10.1007/978-3-319-24574-4_28) on encoders that could be pre-trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.errors import ModelError
from osteon.networks.encoder import Encoder
from osteon.networks.mobilenet import MobileNetV2Encoder
from osteon.networks.resnet import Bottleneck, ResNetEncoder
from osteon.networks.vgg import VGGEncoder


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


class EncoderUNet(nn.Module):
    """U-Net whose contracting path is an encoder that could be pre-trained.

    Parameters
    ----------
    encoder : Encoder
    decoder_width : int
        A quarter of the channels of the decoder's first stage.
    classes : int
        Output channels, background included.
    place : bool
        Whether the network also tells where along the body a slice lies (`PlaceHead`).
    """

    def __init__(self, encoder: Encoder, decoder_width: int, classes: int, place: bool) -> None:
        super().__init__()
        self.encoder = encoder
        *skips, deepest = encoder.channels
        skips = [*([0] if encoder.first_stride == 2 else []), *skips]
        # the two finest stages keep enough channels to tell many classes apart, however narrow the network is
        widest = [4 * decoder_width, 2 * decoder_width, decoder_width]
        channels = [*widest, max(16, decoder_width // 2), max(8, decoder_width // 4)][: len(skips)]
        inputs = [deepest, *channels[:-1]]
        self.decoder = nn.ModuleList(
            DecoderBlock(i, s, c) for i, s, c in zip(inputs, reversed(skips), channels, strict=True)
        )
        self.head = nn.Conv2d(channels[-1], classes, 3, padding=1)
        self.place = PlaceHead(deepest) if place else None

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


class ResNet34UNet(EncoderUNet):
    """U-Net on ResNet34; ``width`` 64 is as published, and the only one with ImageNet weights."""

    def __init__(self, in_channels: int = 3, classes: int = 2, width: int = 64, place: bool = False) -> None:
        super().__init__(ResNetEncoder(in_channels, (3, 4, 6, 3), width), width, classes, place)


class ResNet50UNet(EncoderUNet):
    """U-Net on ResNet50; ``width`` 64 is as published, and the only one with ImageNet weights."""

    def __init__(self, in_channels: int = 3, classes: int = 2, width: int = 64, place: bool = False) -> None:
        super().__init__(ResNetEncoder(in_channels, (3, 4, 6, 3), width, Bottleneck), width, classes, place)


class VGG19UNet(EncoderUNet):
    """U-Net on VGG19; ``width`` 64 is as published, and the only one with ImageNet weights."""

    def __init__(self, in_channels: int = 3, classes: int = 2, width: int = 64, place: bool = False) -> None:
        super().__init__(VGGEncoder(in_channels, width), width, classes, place)


class MobileNetV2UNet(EncoderUNet):
    """U-Net on MobileNetV2; ``width`` 32 is as published, and the only one with ImageNet weights."""

    def __init__(self, in_channels: int = 3, classes: int = 2, width: int = 32, place: bool = False) -> None:
        # twice the width gives, as published, the same decoder as that of the other encoders
        super().__init__(MobileNetV2Encoder(in_channels, width), 2 * width, classes, place)


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
