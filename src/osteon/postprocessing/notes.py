"""What post-processing changed, in words and cm3."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

WORTH_A_LOOK_MM3 = 5000.0
"""From here on what was given to another structure is worth a warning."""


@dataclass
class Notes:
    """Counts changes, and keeps reasons to look at the result.

    Parameters
    ----------
    voxel_mm3 : float
        Volume of a voxel.
    warnings : list of str
    """

    voxel_mm3: float
    warnings: list[str] = field(default_factory=list)
    _moved: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _changed: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def warn(self, message: str) -> None:
        """Keep a reason to look, once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def moved(self, source: str, target: str, voxels: int) -> None:
        """Count voxels that one structure lost to another."""
        self._moved[source, target] += voxels

    def changed(self, structure: str, what: str, voxels: int) -> None:
        """Count voxels of a structure that were ``removed`` or ``filled``."""
        if voxels:
            self._changed[structure, what] += voxels

    def add(self, other: Notes) -> None:
        """Take over what another has counted."""
        for message in other.warnings:
            self.warn(message)
        for (source, target), voxels in other._moved.items():
            self.moved(source, target, voxels)
        for (structure, what), voxels in other._changed.items():
            self.changed(structure, what, voxels)

    def sentences(self) -> list[str]:
        """Every change, with its volume."""
        moved = [f"{self._cm3(n)} cm3 of {a} were given to {b}." for (a, b), n in self._moved.items()]
        return moved + [f"{self._cm3(n)} cm3 of {a} were {what}." for (a, what), n in self._changed.items()]

    def reasons_to_look(self) -> list[str]:
        """Warnings, and the moves that are large."""
        large = [
            f"{self._cm3(n)} cm3 of {a} were given to {b}, by where they lie. Check {b}."
            for (a, b), n in self._moved.items()
            if n * self.voxel_mm3 >= WORTH_A_LOOK_MM3
        ]
        return self.warnings + large

    def _cm3(self, voxels: int) -> str:
        return f"{voxels * self.voxel_mm3 / 1000:.2g}"
