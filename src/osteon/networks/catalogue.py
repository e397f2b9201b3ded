"""The architectures that `osteon.networks.build` knows; reading this file imports none of them."""

from __future__ import annotations

from dataclasses import dataclass

from osteon.errors import ModelError

Patch = tuple[int, int, int]

STRIDE = 32
"""Rows and columns of the input of every 2-D network must be multiples of this."""


@dataclass(frozen=True)
class Architecture:
    """What is known of an architecture without making it.

    Parameters
    ----------
    module, kind : str
        Where its class is, below `osteon.networks`, and the class.
    width : int
        Channels of the first stage as published.
    encoder : bool
        Whether it has an encoder that can be pre-trained, frozen, and asked for the place along the body.
    patch : (3,) tuple of int, optional
        Slices, rows and columns that a 3-D network sees at once, unless said otherwise; None: it sees slices.
    multiple : (3,) tuple of int
        What a patch is a multiple of.
    """

    module: str
    kind: str
    width: int
    encoder: bool = False
    patch: Patch | None = None
    multiple: Patch = (1, 32, 32)


ARCHITECTURES = {
    "resnet34-unet": Architecture("unet", "ResNet34UNet", 64, encoder=True),
    "resnet50-unet": Architecture("unet", "ResNet50UNet", 64, encoder=True),
    "vgg19-unet": Architecture("unet", "VGG19UNet", 64, encoder=True),
    "mobilenetv2-unet": Architecture("unet", "MobileNetV2UNet", 32, encoder=True),
    "unet2d": Architecture("plain", "UNet2d", 32),
    "unet3d": Architecture("plain", "UNet3d", 32, patch=(16, 160, 160), multiple=(16, 16, 16)),
    "residual-unet3d": Architecture("residual", "ResidualUNet3d", 32, patch=(16, 160, 160), multiple=(8, 8, 8)),
    "hdenseunet": Architecture("hdenseunet", "HDenseUNet", 96, patch=(12, 224, 224), multiple=(4, 32, 32)),
}


def architecture(name: str) -> Architecture:
    """What is known of an architecture.

    Raises
    ------
    ModelError
        If there is none of this name.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"There is no network named {name}. Known: {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def has_encoder(name: str) -> bool:
    """Whether a network has an encoder that could be pre-trained or frozen."""
    return name in ARCHITECTURES and ARCHITECTURES[name].encoder


def with_encoder() -> str:
    """Names of the architectures with an encoder, for messages."""
    return ", ".join(name for name, known in ARCHITECTURES.items() if known.encoder)
