"""Structures laid over one another on one grid: who owns a voxel that several claim, and how many those are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.errors import UsageError
from osteon.geometry import Grid

OverlapRule = Literal["background", "priority", "nearest"]

IntArray = NDArray[np.int64]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Overlap:
    """Voxels that two structures both claim.

    Parameters
    ----------
    first, second : str
        Names of the structures, in the order in which they were given.
    voxels : int
    volume_mm3 : float
    """

    first: str
    second: str
    voxels: int
    volume_mm3: float


def check_rule(rule: str) -> None:
    """Refuse a rule that does not exist.

    Raises
    ------
    UsageError
    """
    if rule not in get_args(OverlapRule):
        raise UsageError(f"There is no overlap rule {rule}. Known: {', '.join(get_args(OverlapRule))}.")


class Overlay:
    """Structures on one grid, one after the other; one map of owners is in memory, and the contested voxels.

    Parameters
    ----------
    grid : Grid
    most : int
        How many structures may come, at most 65,535.

    Attributes
    ----------
    names : list of str
        Structures that came, in the order in which they came first: the earlier has priority over the later.
    """

    def __init__(self, grid: Grid, most: int) -> None:
        self.names: list[str] = []
        self._grid = grid
        self._owner = np.zeros(grid.shape, dtype=np.uint8 if most < 256 else np.uint16)
        self._claims: list[tuple[int, IntArray]] = []
        self._low, self._high = np.array(grid.shape), np.zeros(3, dtype=int)

    @property
    def box(self) -> Box:
        """Smallest box that holds all that was laid down."""
        i, j, k = (slice(int(a), max(int(a), int(b))) for a, b in zip(self._low, self._high, strict=True))
        return i, j, k

    def add(self, name: str, mask: NDArray[np.bool_], box: Box | None = None) -> None:
        """Lay a structure's voxels down; of the same structure twice, both count.

        Parameters
        ----------
        name : str
        mask : bool ndarray
            Of the grid's shape, or of the box's.
        box : tuple of slice, optional
            Where on the grid the mask lies; slices have explicit starts.
        """
        if name not in self.names:
            self.names.append(name)
        number = self.names.index(name) + 1
        a, b, c = mask.shape
        place = box or (slice(0, a), slice(0, b), slice(0, c))
        owner, start = self._owner[place], np.array([s.start for s in place])
        if mask.size:
            self._low, self._high = np.minimum(self._low, start), np.maximum(self._high, start + mask.shape)
        if self.names == [name]:  # nobody else is there
            np.copyto(owner, number, where=mask, casting="same_kind")
            return
        contested = np.argwhere(mask & (owner != 0) & (owner != number)) + start
        self._claims.append((number, np.ravel_multi_index(tuple(contested.T), self._grid.shape).astype(np.int64)))
        np.copyto(owner, number, where=mask & (owner == 0), casting="same_kind")

    def settled(self, rule: OverlapRule) -> tuple[NDArray[np.unsignedinteger[Any]], list[Overlap]]:
        """Owners after the rule was applied, as numbers from 1 in the order of `names`, and all overlaps.

        ``background``: a contested voxel belongs to nobody. ``priority``: to the structure that came first.
        ``nearest``: to the structure whose own, uncontested voxels are nearer (mm); equally near, to the first; where
        none of them has voxels of its own, to nobody.
        """
        voxels = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(flat for _, flat in self._claims)]))
        flat_owner = self._owner.reshape(-1)
        claimed = np.zeros((len(voxels), len(self.names) + 1), dtype=np.bool_)
        claimed[np.arange(len(voxels)), flat_owner[voxels]] = True
        for number, flat in self._claims:
            claimed[np.searchsorted(voxels, flat), number] = True
        if len(voxels):
            flat_owner[voxels] = 0
            if rule == "priority":
                flat_owner[voxels] = claimed.argmax(axis=1)
            elif rule == "nearest":
                flat_owner[voxels] = self._nearest(voxels, claimed)
        self._claims = []
        return self._owner, self._overlaps(claimed)

    def _overlaps(self, claimed: NDArray[np.bool_]) -> list[Overlap]:
        taking_part = [int(number) for number in np.flatnonzero(claimed.any(axis=0))]
        found = []
        for first, second in combinations(taking_part, 2):
            count = int(np.count_nonzero(claimed[:, first] & claimed[:, second]))
            if count:
                names = self.names[first - 1], self.names[second - 1]
                found.append(Overlap(*names, count, count * self._grid.voxel_volume_mm3))
        return found

    def _nearest(self, voxels: IntArray, claimed: NDArray[np.bool_]) -> IntArray:
        """Structure whose own voxels are nearest, for each contested voxel; the contested have no owner now."""
        distance = np.full(claimed.shape, np.inf, dtype=np.float32)
        place = np.stack(np.unravel_index(voxels, self._grid.shape), axis=1)  # (n, 3)
        own = ndimage.find_objects(self._owner)
        for number in np.flatnonzero(claimed.any(axis=0)):
            box = own[number - 1] if number <= len(own) else None
            if box is None:
                continue
            rows = np.flatnonzero(claimed[:, number])
            low = np.minimum([s.start for s in box], place[rows].min(axis=0))
            high = np.maximum([s.stop for s in box], place[rows].max(axis=0) + 1)
            around = self._owner[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
            away = edt.edt(around != number, anisotropy=self._grid.spacing_mm, black_border=False)
            distance[rows, number] = away[tuple((place[rows] - low).T)]
        return np.where(np.isfinite(distance).any(axis=1), distance.argmin(axis=1), 0)
