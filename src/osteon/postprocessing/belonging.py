"""Which separate parts belong to one structure: growth plates and dark slices part a bone, noise lies beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from operator import add

import numpy as np

from osteon.geometry import FloatArray
from osteon.postprocessing.parts import Part, touching_mm2

CLOSE_MM = 3.0
"""A gap that the cartilage of an apophysis leaves (the greater trochanter's), wherever it lies."""

ALIGNED_SHARE = 0.1
"""A part beyond a wide gap (a stretch of the shaft that was not found) needs this share of the largest part."""

ALIGNED_MM = 10.0
"""It may lie so much further from the bone's axis than the bone itself reaches: shafts are bowed."""

ELONGATED = 2.0
"""A part shows the axis of its bone if it is so many times longer than wide."""

ENDS = (2.0, 98.0)
"""Percentiles of a part along the axis that count as its ends: the largest part's flare overlaps an epiphysis."""


class Bond(Enum):
    """How a part belongs to a structure."""

    CLOSE = "nearly touching"
    NEXT = "beyond its end, near"
    ALIGNED = "beyond its end, far, along the axis"


@dataclass(frozen=True)
class _Running:
    """A number for each part over a bone's parts, kept, so that only those that joined since are looked at again."""

    of_two: Callable[[Part, Part], float]
    together: Callable[[float, float], float]
    start: float
    _known: dict[Part, tuple[int, float]] = field(default_factory=dict)

    def over(self, parts: Sequence[Part], part: Part) -> float:
        """The number of a part, over parts of which only the end is new."""
        seen, before = self._known.get(part, (0, self.start))
        found = reduce(self.together, (self.of_two(part, other) for other in parts[seen:]), before)
        self._known[part] = len(parts), found
        return found


@dataclass
class Bone:
    """The parts of one structure that are known to belong together, the largest first.

    Parameters
    ----------
    main : Part
        The first.
    long : bool
        Whether it is a long bone, whose parts follow one another along its axis.
    near_mm : float
        Widest gap between parts.
    """

    main: Part
    long: bool
    near_mm: float
    parts: list[Part] = field(init=False)

    def __post_init__(self) -> None:
        self.parts = []
        self._ends: list[tuple[float, float]] = []
        self._gap_mm = _Running(gap_mm, min, np.inf)
        self._touching_mm2 = _Running(touching_mm2, add, 0.0)
        self._centre = self.main.points_mm.mean(axis=0)
        _, reach, axes = np.linalg.svd(self.main.points_mm - self._centre, full_matrices=False)
        # an epiphysis is no guide to the axis of its bone, a voxel has none; a limb hangs from the trunk
        elongated = len(reach) > 1 and reach[0] >= ELONGATED * reach[1]
        self._axis = axes[0] if elongated else np.array([0.0, 0.0, 1.0])
        self.add(self.main)

    @classmethod
    def around(cls, parts: Sequence[Part], long: bool, near_mm: float) -> Bone:
        """A bone known by its largest part; a long bone's is the tallest: a piece of another can be thicker."""
        return cls(max(parts, key=lambda part: part.height_mm if long else float(part.voxels)), long, near_mm)

    def add(self, part: Part) -> None:
        """Let a part belong to it."""
        self.parts.append(part)
        low, high = np.percentile(self._along(part), ENDS)
        self._ends.append((float(low), float(high)))

    def touching_mm2(self, part: Part) -> float:
        """Area at which a part touches its parts."""
        return self._touching_mm2.over(self.parts, part)

    def bond(self, part: Part) -> Bond | None:
        """How a part belongs to this structure; None if it does not."""
        gap = self._gap_mm.over(self.parts, part)
        if gap <= CLOSE_MM:
            return Bond.CLOSE
        if self.long and not self._is_beyond_the_ends(part):
            return None
        if gap <= self.near_mm:
            return Bond.NEXT
        large = part.voxels >= ALIGNED_SHARE * self.main.voxels
        return Bond.ALIGNED if self.long and large and self._is_along_the_axis(part) else None

    def _is_beyond_the_ends(self, part: Part) -> bool:
        """Whether a part's middle lies where no other part is, along the axis."""
        middle = float(np.median(self._along(part)))
        return not any(low <= middle <= high for low, high in self._ends)

    def _is_along_the_axis(self, part: Part) -> bool:
        reach = float(self._from_axis_mm(self.main.points_mm).max())
        return float(self._from_axis_mm(part.points_mm.mean(axis=0)[None])[0]) <= reach + ALIGNED_MM

    def _along(self, part: Part) -> FloatArray:
        return np.asarray((part.points_mm - self._centre) @ self._axis)

    def _from_axis_mm(self, points_mm: FloatArray) -> FloatArray:
        offsets = points_mm - self._centre
        return np.asarray(np.linalg.norm(offsets - np.outer(offsets @ self._axis, self._axis), axis=1))


def belonging(parts: Sequence[Part], *, long: bool, near_mm: float) -> list[Part]:
    """The parts of one structure that belong to it: the largest, and those with a bond (`Bond`) to it or to such.

    Parameters
    ----------
    parts : sequence of Part
        Of one structure, the largest first.
    long : bool
        Whether it is a long bone.
    near_mm : float
        Widest gap between parts.
    """
    if not parts:
        return []
    bone = Bone.around(parts, long, near_mm)
    waiting = [part for part in parts if part is not bone.main]
    while (joined := next((part for part in waiting if bone.bond(part) is not None), None)) is not None:
        # one at a time, the largest first: it may bring others near
        bone.add(joined)
        waiting.remove(joined)
    return bone.parts


def gap_mm(one: Part, other: Part) -> float:
    """Width of the gap between two parts: between the nearest voxels, less the longest voxel edge; at least 0."""
    few, many = sorted((one, other), key=lambda part: len(part.surface_mm))
    distance = float(many.surface_tree.query(few.surface_mm)[0].min())
    return max(0.0, distance - float(np.linalg.norm(one.affine[:3, :3], axis=0).max()))
