"""MobileNetV2 encoder (Sandler et al. 2018, doi 10.1109/CVPR.2018.00474) with torchvision's parameter names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.networks.encoder import Encoder, Published

MOBILENET_V2 = Published("https://download.pytorch.org/models/mobilenet_v2-b0353104.pth", 32, "classifier.")
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and stride of each stage (the paper's table 2)."""
TAPS = (1, 3, 6, 13, 18)
"""Layers after which the features at strides 2, 4, 8, 16 and 32 are taken: the last of each size."""


class StridedConv2d(nn.Conv2d):
    """A 3 x 3 convolution that halves a picture of even size, padded on all sides (torch) or only after it (Keras)."""

    pads_after = False

    def forward(self, input: Tensor) -> Tensor:
        """``(batch, channel, row, column)`` to half the size."""
        if not self.pads_after:
            return super().forward(input)
        padded = functional.pad(input, (0, 1, 0, 1))
        return functional.conv2d(padded, self.weight, None, self.stride, groups=self.groups)


class InvertedResidual(nn.Module):
    """Wider by 1 x 1, one channel at a time by 3 x 3, narrower by 1 x 1; a shortcut where the size stays."""

    def __init__(self, in_channels: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [_layer(in_channels, hidden, 1)]
        layers.append(_layer(hidden, hidden, 3, stride, groups=hidden))
        layers += [nn.Conv2d(hidden, channels, 1, bias=False), nn.BatchNorm2d(channels)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channel, row, column)`` features to features, ``stride`` times smaller."""
        y = self.conv(x)
        return x + y if self.shortcut else y  # type: ignore[no-any-return]


class MobileNetV2Encoder(Encoder):
    """Features of a MobileNetV2 at strides 2, 4, 8, 16 and 32.

    Rows and columns must be multiples of 32. Where its weights come from Keras (`osteon.networks.keras`), halving pads
    as Keras does; this is a part of its state, so that it is written and read with the weights.

    Parameters
    ----------
    in_channels : int
    width : int
        Channels of the first layer; 32 is torchvision's.
    """

    def __init__(self, in_channels: int = 3, width: int = 32) -> None:
        share = width / MOBILENET_V2.width
        layers: list[nn.Module] = [_layer(in_channels, width, 3, 2)]
        sizes = [width]
        for expansion, full, blocks, stride in STAGES:
            channels = _divisible(full * share)
            for block in range(blocks):
                layers.append(InvertedResidual(sizes[-1], channels, stride if block == 0 else 1, expansion))
                sizes.append(channels)
        sizes.append(_divisible(1280 * share))
        layers.append(_layer(sizes[-2], sizes[-1], 1))
        super().__init__(tuple(sizes[tap] for tap in TAPS), 2, MOBILENET_V2)
        self.features = nn.Sequential(*layers)

    @property
    def pads_after(self) -> bool:
        """Whether halving pads as Keras does."""
        return any(m.pads_after for m in self.modules() if isinstance(m, StridedConv2d))

    @pads_after.setter
    def pads_after(self, value: bool) -> None:
        for module in self.modules():
            if isinstance(module, StridedConv2d):
                module.pads_after = value

    def get_extra_state(self) -> Tensor:
        """What belongs to the weights but is none: how halving pads."""
        return torch.tensor(self.pads_after, dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Take it from a stored network."""
        self.pads_after = bool(state)

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(batch, channel, row, column)`` to five feature maps, finest first."""
        features = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in TAPS:
                features.append(x)
        return features


def _layer(in_channels: int, channels: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    kind = StridedConv2d if stride == 2 else nn.Conv2d
    convolution = kind(in_channels, channels, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU6(inplace=True))


def _divisible(channels: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth smaller, as the published code rounds."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
