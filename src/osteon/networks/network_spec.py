"""NetworkSpec: the ``[network]`` table of a configuration and of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from osteon.errors import ModelError
from osteon.networks.catalogue import ARCHITECTURES, Patch, architecture, with_encoder

if TYPE_CHECKING:
    from torch import nn

PLANNED = {"nnunet-2d": "2d", "nnunet-3d": "3d_fullres"}
"""Networks that nnU-Net plans, trains and runs itself (extra ``nnunet``), with its names of these configurations."""


class NetworkSpec(BaseModel):
    """Which network, and how large.

    Parameters
    ----------
    name : str
        One of `osteon.networks.NAMES`, or of `PLANNED`: these have their size from nnU-Net's plan.
    width : int
        Channels of the first stage; as published unless said otherwise.
    place : bool
        Whether it also tells where along the body a slice lies (networks with an encoder).
    patch : (3,) tuple of int, optional
        Slices, rows and columns that a 3-D network sees at once; None for a network that sees slices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "resnet34-unet"
    width: int = Field(default=64, ge=8)
    place: bool = False
    patch: Patch | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, given: Any) -> Any:
        known = ARCHITECTURES.get(given.get("name", "")) if isinstance(given, dict) else None
        return given if known is None else {"width": known.width, "patch": known.patch} | given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.planned:
            return self
        try:
            known = architecture(self.name)
        except ModelError as error:
            raise ValueError(str(error)) from error
        if self.place and not known.encoder:
            raise ValueError(f"{self.name} cannot tell the place along the body; these can: {with_encoder()}")
        if (self.patch is None) != (known.patch is None):
            raise ValueError(f"{self.name} sees " + ("slices, not patches" if known.patch is None else "patches"))
        if self.patch and any(side < 1 or side % m for side, m in zip(self.patch, known.multiple, strict=True)):
            raise ValueError(f"a patch of {self.name} has sides that are multiples of {known.multiple}")
        return self

    @property
    def planned(self) -> bool:
        """Whether nnU-Net plans it, and works in its own way from the scan to the network's answer."""
        return self.name in PLANNED

    def input_shape(self, channels: int) -> tuple[int, ...]:
        """Channels and spatial size of what the network sees, -1 where any size will do.

        Parameters
        ----------
        channels : int
            Slices seen at once; a 3-D network sees its patch as one channel instead.
        """
        return (channels, -1, -1) if self.patch is None else (1, *self.patch)

    def built(self, channels: int, classes: int) -> nn.Module:
        """The network, with random weights, for so many slices seen at once and classes (background included)."""
        from osteon.networks import build

        if self.planned:
            raise ModelError(f"{self.name} is made from nnU-Net's plan, and can only be trained and run by nnU-Net.")
        seen = self.input_shape(channels)[0]
        return build(self.name, in_channels=seen, classes=classes, width=self.width, place=self.place)
