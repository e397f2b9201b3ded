"""ResNet encoders (He et al. 2016, doi 10.1109/CVPR.2016.90) with torchvision's parameter names.

The names are kept so that torchvision's ImageNet weight files load as they are (`osteon.networks.imagenet`).
"""

from __future__ import annotations

from torch import Tensor, nn

from osteon.networks.encoder import Encoder, Published

RESNET34 = Published("https://download.pytorch.org/models/resnet34-b627a593.pth", 64, "fc.")
RESNET50 = Published("https://download.pytorch.org/models/resnet50-0676ba61.pth", 64, "fc.")


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channel, row, column)`` features to features, ``stride`` times smaller."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return self.relu(x + shortcut)  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """A 3 x 3 convolution, which has the stride as in torchvision, between two of 1 x 1, around a shortcut."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, 4 * channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channel, row, column)`` features to features, ``stride`` times smaller."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        return self.relu(x + shortcut)  # type: ignore[no-any-return]


class ResNetEncoder(Encoder):
    """Features of a ResNet at strides 2, 4, 8, 16 and 32.

    Parameters
    ----------
    in_channels : int
    blocks : tuple of int
        Blocks a stage; (3, 4, 6, 3) is ResNet34 and, of bottlenecks, ResNet50.
    width : int
        Channels of the first stage; 64 is torchvision's, smaller networks are for small machines.
    block : type
        `BasicBlock` (ResNet34) or `Bottleneck` (ResNet50).
    """

    def __init__(
        self,
        in_channels: int = 3,
        blocks: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: int = 64,
        block: type[BasicBlock] | type[Bottleneck] = BasicBlock,
    ) -> None:
        stages = tuple(block.expansion * width * 2**stage for stage in range(4))
        super().__init__((width, *stages), 2, RESNET34 if block is BasicBlock else RESNET50)
        self.conv1 = nn.Conv2d(in_channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(block, width, width, blocks[0], 1)
        self.layer2 = _stage(block, stages[0], 2 * width, blocks[1], 2)
        self.layer3 = _stage(block, stages[1], 4 * width, blocks[2], 2)
        self.layer4 = _stage(block, stages[2], 8 * width, blocks[3], 2)

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(batch, channel, row, column)`` to five feature maps, finest first."""
        first = self.relu(self.bn1(self.conv1(x)))  # (b, w, r/2, c/2)
        features = [first]
        x = self.maxpool(first)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """What brings a block's input to the size of its output; None where it has that size."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


def _stage(
    block: type[BasicBlock] | type[Bottleneck], in_channels: int, channels: int, blocks: int, stride: int
) -> nn.Sequential:
    first = block(in_channels, channels, stride)
    return nn.Sequential(first, *(block(block.expansion * channels, channels, 1) for _ in range(blocks - 1)))
