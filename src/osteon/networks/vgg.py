"""VGG19 encoder (Simonyan and Zisserman 2015, arXiv 1409.1556) with torchvision's parameter names."""

from __future__ import annotations

from torch import Tensor, nn

from osteon.networks.encoder import Encoder, Published

VGG19 = Published("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", 64, "classifier.")
CONVOLUTIONS = (2, 2, 4, 4, 4)
"""Convolutions before each halving."""


class VGGEncoder(Encoder):
    """Features of VGG19, without batch norm as published, at strides 1, 2, 4, 8 and 16.

    Parameters
    ----------
    in_channels : int
    width : int
        Channels of the first stage; 64 is torchvision's.
    """

    def __init__(self, in_channels: int = 3, width: int = 64) -> None:
        stages = (width, 2 * width, 4 * width, 8 * width, 8 * width)
        super().__init__(stages, 1, VGG19)
        layers: list[nn.Module] = []
        for channels, number in zip(stages, CONVOLUTIONS, strict=True):
            if layers:
                layers.append(nn.MaxPool2d(2))
            for _ in range(number):
                layers += [nn.Conv2d(in_channels, channels, 3, padding=1), nn.ReLU(inplace=True)]
                in_channels = channels
        self.features = nn.Sequential(*layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                # without batch norm, torch's own start lets the signal fade on its way through 16 layers
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(batch, channel, row, column)`` to five feature maps, finest first."""
        features = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                features.append(x)
            x = layer(x)
        return [*features, x]
