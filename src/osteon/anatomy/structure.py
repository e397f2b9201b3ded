"""Structure: one thing to segment."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Structure(BaseModel):
    """One thing to segment.

    Parameters
    ----------
    name : str
        Also names its mesh file.
    value : int
        Label value in files, at least 1.
    side : "right", "left" or "midline"
        The patient's.
    mirror : str, optional
        The structure on the other side, whose label a flip swaps with this one.
    colour : str
        ``#rrggbb``.
    snomed : str, optional
        SNOMED CT concept of the anatomical structure (side is coded apart, as in DICOM).
    parent : str, optional
        Group it belongs to, such as ``vertebra`` for every level.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    value: int = Field(ge=1, le=65535)
    side: Literal["right", "left", "midline"]
    mirror: str | None = None
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")
    snomed: str | None = Field(default=None, pattern=r"^[0-9]{6,18}$")
    parent: str | None = None

    @property
    def rgb(self) -> tuple[float, float, float]:
        """Colour as three numbers from 0 to 1."""
        red, green, blue = (int(self.colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return red, green, blue
