"""Networks are those that were published: numbers of parameters, names of their weights."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from osteon.networks.encoder import encoder_of
from osteon.networks.model import NetworkSpec
from osteon.networks.unet import DecoderBlock, EncoderUNet

ENCODERS = ("resnet34-unet", "resnet50-unet", "vgg19-unet", "mobilenetv2-unet")


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def published(name: str, classes: int = 2) -> nn.Module:
    """A network as large as published, without memory for its weights."""
    with torch.device("meta"):
        return NetworkSpec(name=name).built(3, classes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # torchvision's counts, without their classifiers
        ("resnet34-unet", 21_797_672 - 1000 * 513),
        ("resnet50-unet", 25_557_032 - 1000 * 2049),
        ("vgg19-unet", 143_667_240 - (25_088 + 1) * 4096 - 4097 * 4096 - 4097 * 1000),
        ("mobilenetv2-unet", 3_504_872 - 1000 * 1281),
    ],
)
def test_an_encoder_has_as_many_parameters_as_published(name: str, expected: int) -> None:
    encoder = encoder_of(published(name))
    assert encoder is not None
    assert parameters(encoder) == expected


def test_the_resnet34_unet_has_as_many_parameters_as_that_of_segmentation_models() -> None:
    # segmentation-models-pytorch's Unet("resnet34", classes=1) has 24,436,369
    assert parameters(published("resnet34-unet", classes=1)) == 24_436_369


def test_the_dense_encoder_has_as_many_parameters_as_densenet161() -> None:
    network = published("hdenseunet")
    # torchvision's DenseNet161 has 28,681,000, of which the classifier has 1000 x 2209
    assert parameters(network.get_submodule("flat.encoder")) == 28_681_000 - 1000 * 2209


@pytest.mark.parametrize(
    ("name", "taps", "channels", "entered"),
    [("unet2d", 9, (32, 64, 128, 256), 3), ("unet3d", 27, (32, 64, 128, 256, 512), 1)],
)
def test_a_plain_unet_has_as_many_parameters_as_its_layers_add_up_to(
    name: str, taps: int, channels: tuple[int, ...], entered: int
) -> None:
    corners = 4 if taps == 9 else 8

    def stage(before: int, after: int) -> int:
        return taps * after * (before + after) + 4 * after  # two convolutions and their norms

    expected = stage(entered, channels[0]) + 2 * (channels[0] + 1)  # and the head
    for fine, coarse in pairwise(channels):
        expected += stage(fine, coarse) + corners * coarse * fine + fine + stage(2 * fine, fine)
    assert parameters(published(name)) == expected


def norm(name: str) -> set[str]:
    return {f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}


def resnet_names(convolutions: int) -> set[str]:
    """Names of torchvision's resnet34 (two convolutions a block) or resnet50 (three), without the classifier."""
    names = {"conv1.weight"} | norm("bn1")
    for stage, number in enumerate((3, 4, 6, 3), start=1):
        for block in range(number):
            prefix = f"layer{stage}.{block}"
            for part in range(1, convolutions + 1):
                names |= {f"{prefix}.conv{part}.weight"} | norm(f"{prefix}.bn{part}")
            if block == 0 and (stage > 1 or convolutions == 3):
                names |= {f"{prefix}.downsample.0.weight"} | norm(f"{prefix}.downsample.1")
    return names


def vgg_names() -> set[str]:
    """Names of torchvision's vgg19, whose layers are counted with their activations and poolings."""
    numbers = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    return {f"features.{number}.{part}" for number in numbers for part in ("weight", "bias")}


def mobilenet_names() -> set[str]:
    """Names of torchvision's mobilenet_v2: the first block does not widen."""
    names: set[str] = set()
    for layer in ("features.0", "features.18", "features.1.conv.0"):
        names |= {f"{layer}.0.weight"} | norm(f"{layer}.1")
    names |= {"features.1.conv.1.weight"} | norm("features.1.conv.2")
    for block in range(2, 18):
        for part in (0, 1):
            names |= {f"features.{block}.conv.{part}.0.weight"} | norm(f"features.{block}.conv.{part}.1")
        names |= {f"features.{block}.conv.2.weight"} | norm(f"features.{block}.conv.3")
    return names | {"_extra_state"}  # how halving pads, which torchvision does not know


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet34-unet", resnet_names(2)),
        ("resnet50-unet", resnet_names(3)),
        ("vgg19-unet", vgg_names()),
        ("mobilenetv2-unet", mobilenet_names()),
    ],
    ids=ENCODERS,
)
def test_encoders_have_torchvisions_names(name: str, expected: set[str]) -> None:
    encoder = encoder_of(published(name))
    assert encoder is not None
    assert set(encoder.state_dict()) == expected


def test_a_decoder_meets_every_feature_of_its_encoder() -> None:
    for name in ENCODERS:
        network = published(name)
        assert isinstance(network, EncoderUNet)
        blocks = [block for block in network.decoder if isinstance(block, DecoderBlock)]
        fed = sum(block.conv1.in_channels for block in blocks)
        made = sum(block.conv2.out_channels for block in blocks[:-1])
        assert fed - made == sum(network.encoder.channels)
