"""Plain U-Nets, 2-D (Ronneberger et al. 2015) and 3-D (Cicek et al. 2016, doi 10.1007/978-3-319-46723-8_49)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PlainUNet(nn.Module):
    """Two 3 x 3 convolutions a stage, halved by max pooling, doubled by transposed convolutions, skips concatenated.

    The 3-D one normalises each patch by itself, because few patches fit into a batch; the 2-D one each batch.

    Parameters
    ----------
    dimensions : 2 or 3
    in_channels, classes : int
        Background included.
    channels : tuple of int
        Of each stage; the last is the bottleneck.
    dropout : float
        Share of the bottleneck's features that is dropped in training.
    """

    def __init__(
        self, dimensions: int, in_channels: int, classes: int, channels: tuple[int, ...], dropout: float
    ) -> None:
        super().__init__()
        flat = dimensions == 2
        self.down = nn.ModuleList(
            _stage(flat, i, c) for i, c in zip((in_channels, *channels[:-1]), channels, strict=True)
        )
        self.pool: nn.Module = nn.MaxPool2d(2) if flat else nn.MaxPool3d(2)
        self.dropout = nn.Dropout(dropout)
        finer = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
        transposed = nn.ConvTranspose2d if flat else nn.ConvTranspose3d
        self.enlarge = nn.ModuleList(transposed(coarse, fine, 2, 2) for coarse, fine in finer)
        self.up = nn.ModuleList(_stage(flat, 2 * fine, fine) for _, fine in finer)
        self.head = (nn.Conv2d if flat else nn.Conv3d)(channels[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channel, *spatial)`` intensities to ``(batch, class, *spatial)`` logits."""
        skips = []
        for stage in self.down[:-1]:
            skips.append(stage(x))
            x = self.pool(skips[-1])
        x = self.dropout(self.down[-1](x))
        for enlarge, stage in zip(self.enlarge, self.up, strict=True):
            x = stage(torch.cat([skips.pop(), enlarge(x)], dim=1))
        return self.head(x)  # type: ignore[no-any-return]


class UNet2d(PlainUNet):
    """The study's baseline: 4 stages of 32 to 256 channels, batch norm, half of the bottleneck dropped."""

    def __init__(self, in_channels: int = 3, classes: int = 2, width: int = 32) -> None:
        super().__init__(2, in_channels, classes, tuple(width * 2**stage for stage in range(4)), 0.5)


class UNet3d(PlainUNet):
    """The SPIDER project's size: 5 stages of 32 to 512 channels; sides of a patch are multiples of 16."""

    def __init__(self, in_channels: int = 1, classes: int = 2, width: int = 32) -> None:
        super().__init__(3, in_channels, classes, tuple(width * 2**stage for stage in range(5)), 0.0)


def _stage(flat: bool, in_channels: int, channels: int) -> nn.Sequential:
    convolution = nn.Conv2d if flat else nn.Conv3d
    layers: list[nn.Module] = []
    for _ in range(2):
        norm = nn.BatchNorm2d(channels) if flat else nn.InstanceNorm3d(channels, affine=True)
        layers += [convolution(in_channels, channels, 3, padding=1, bias=False), norm, nn.ReLU(inplace=True)]
        in_channels = channels
    return nn.Sequential(*layers)
