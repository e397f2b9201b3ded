"""3-D U-Net with a residual encoder (Myronenko 2019, doi 10.1007/978-3-030-11726-9_28), MONAI's SegResNet."""

from __future__ import annotations

import math

from torch import Tensor, nn


class ResidualUNet3d(nn.Module):
    """Four residual stages of 1, 2, 2 and 4 blocks, a light decoder; sides of a patch are multiples of 8.

    Parameters
    ----------
    in_channels, classes : int
        Background included.
    width : int
        Channels of the first stage; 32 is as published.
    """

    def __init__(self, in_channels: int = 1, classes: int = 2, width: int = 32) -> None:
        super().__init__()
        from monai.networks.nets import SegResNet  # MONAI takes seconds to import

        norm = ("GROUP", {"num_groups": math.gcd(8, width)})  # 8 as published, where the width allows it
        self.network = SegResNet(3, width, in_channels, classes, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channel, slice, row, column)`` intensities to ``(batch, class, slice, row, column)`` logits."""
        return self.network(x)  # type: ignore[no-any-return]
