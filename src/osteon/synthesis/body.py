"""Body: a map of parts with exact labels, from which scans in any contrast are made."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from osteon.errors import GeometryError
from osteon.volume import LabelMap, Volume

BUILT_IN = "built-in"
"""Source of the bodies that Osteon builds from numbers."""


@dataclass(frozen=True, eq=False)
class Body:
    """Anatomy on a grid, the same whether it was built from numbers or from somebody's surfaces.

    Parameters
    ----------
    name : str
        Unique among the bodies that are used together.
    parts : Volume
        uint8 codes of `osteon.synthesis.parts.PARTS`. Axes run to the right, to the front and up (RAS), so that the
        last axis runs along the legs.
    labels : LabelMap
        Structures of the task ``leg-bones`` on the same grid, complete in every slice: what is not labelled is no bone
        of the task. Growth plates carry the label of their bone.
    source : str
        Where it comes from, such as `BUILT_IN` or ``visible-human``; bodies of one source look alike.
    age_years : float, optional
    truth : dict of str to float
        Known measurements, named as the columns of `osteon.measurement` are, with ``<structure>.`` before them.
    """

    name: str
    parts: Volume
    labels: LabelMap
    source: str
    age_years: float | None = None
    truth: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.parts.array.dtype != np.uint8 or self.parts.shape != self.labels.shape:
            raise GeometryError(f"{self.name}: parts are to be uint8, on the grid of the labels.")

    def __repr__(self) -> str:
        age = "adult" if self.age_years is None else f"{self.age_years:.0f} years"
        return f"Body({self.name}; {self.source}; {age}; {self.labels!r})"
