"""H-DenseUNet (Li et al. 2018, doi 10.1109/TMI.2018.2845918): 2-D dense features, with 3-D context beside them.

A 2-D DenseUNet sees each slice of a patch with its two neighbours. A smaller 3-D one sees the patch together with what
the 2-D one said of it. Their last features are added and fused by a 3-D convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

BLOCKS_2D = (6, 12, 36, 24)
"""Layers in each dense block of the 2-D part: those of DenseNet161, which the paper calls DenseUNet-167."""
BLOCKS_3D = (3, 4, 12, 8)
"""Layers in each dense block of the 3-D part, DenseUNet-65."""


class DenseUNet(nn.Module):
    """A DenseNet with a decoder that adds the dense blocks' outputs.

    Parameters
    ----------
    dimensions : 2 or 3
        In 3-D, the dense blocks are as coarse along slices as each other: only their rows and columns halve.
    in_channels : int
    width : int
        Channels of the first convolution; 96 is as published.
    growth : int
        Channels that each dense layer adds.
    blocks : sequence of int
        Dense layers in each of the four blocks.
    """

    def __init__(self, dimensions: int, in_channels: int, width: int, growth: int, blocks: Sequence[int]) -> None:
        super().__init__()
        from monai.networks.nets import DenseNet  # MONAI takes seconds to import

        self.encoder = DenseNet(dimensions, in_channels, 1, width, growth, blocks).features
        if dimensions == 3:
            for number in (1, 2, 3):
                self.encoder.get_submodule(f"transition{number}").pool = nn.AvgPool3d((1, 2, 2))
        flat = dimensions == 2
        skips, channels = [width], width
        for layers in blocks:
            skips.append(channels + layers * growth)
            channels = skips[-1] // 2
        deepest = skips.pop()
        self.features = 2 * width // 3  # 64 as published
        # the coarsest skip is brought to the deepest features' channels; below, the decoder meets each skip's channels
        self.line = (nn.Conv2d if flat else nn.Conv3d)(skips[-1], deepest, 1)
        widths = [deepest, *skips[-2::-1], width, self.features]
        self.decoder = nn.ModuleList(_convolution(flat, i, c) for i, c in pairwise(widths))
        inner, outer = ((2, 2), (2, 2)) if flat else ((1, 2, 2), (2, 2, 2))
        self.enlarge = nn.ModuleList(nn.Upsample(scale_factor=s) for s in (inner, inner, inner, outer, outer))

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channel, *spatial)`` intensities to ``(batch, feature, *spatial)`` features."""
        skips = []
        for name, layer in self.encoder.named_children():
            x = layer(x)
            if name == "relu0" or (name.startswith("denseblock") and name != "denseblock4"):
                skips.append(x)
        skips[-1] = self.line(skips[-1])
        x = torch.relu(x)
        for enlarge, convolution in zip(self.enlarge, self.decoder, strict=True):
            x = enlarge(x)
            x = convolution(x + skips.pop() if skips else x)
        return x


class HDenseUNet(nn.Module):
    """Hybrid densely connected U-Net; patches are multiples of 4 slices, 32 rows and 32 columns.

    Parameters
    ----------
    in_channels : int
        1: the intensities.
    classes : int
        Background included.
    width : int
        Channels of the first convolutions; 96 is as published.
    """

    def __init__(self, in_channels: int = 1, classes: int = 2, width: int = 96) -> None:
        super().__init__()
        self.flat = DenseUNet(2, 3 * in_channels, width, width // 2, BLOCKS_2D)
        self.flat_head = nn.Conv2d(self.flat.features, classes, 1)
        self.deep = DenseUNet(3, in_channels + classes, width, width // 3, BLOCKS_3D)
        self.fusion = _convolution(False, self.flat.features, self.flat.features)
        self.head = nn.Conv3d(self.flat.features, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, 1, slice, row, column)`` intensities to ``(batch, class, slice, row, column)`` logits."""
        batch, _, slices, rows, columns = x.shape
        before = torch.cat([x[:, :, :1], x[:, :, :-1]], dim=2)
        after = torch.cat([x[:, :, 1:], x[:, :, -1:]], dim=2)
        triplets = torch.cat([before, x, after], dim=1)  # (batch, 3, slice, row, column)
        triplets = triplets.transpose(1, 2).flatten(0, 1)  # (batch * slice, 3, row, column)
        flat = self.flat(triplets)
        shape = (batch, slices, -1, rows, columns)
        said = self.flat_head(flat).reshape(shape).transpose(1, 2).softmax(dim=1)  # (batch, class, slice, row, column)
        flat = flat.reshape(shape).transpose(1, 2)  # (batch, feature, slice, row, column)
        deep = self.deep(torch.cat([x, said], dim=1))
        return self.head(self.fusion(flat + deep))  # type: ignore[no-any-return]


def _convolution(flat: bool, in_channels: int, channels: int) -> nn.Sequential:
    if flat:
        return nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
    return nn.Sequential(
        nn.Conv3d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm3d(channels), nn.ReLU(inplace=True)
    )
