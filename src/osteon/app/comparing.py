"""Two results of one case: their agreement, where they differ, and where they differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import edt
import numpy as np
from numpy.typing import NDArray

from osteon.app.workspace import Workspace
from osteon.errors import UsageError
from osteon.io import read_labels
from osteon.metrics import agreement
from osteon.volume import LabelMap, Volume

if TYPE_CHECKING:
    import pandas as pd

ONLY_FIRST, ONLY_SECOND, OTHER = 1, 2, 3
"""Values of a map of differences: labelled only here, only there, and as different structures."""


@dataclass(frozen=True, eq=False)
class Difference:
    """Where two label maps differ.

    Parameters
    ----------
    map : Volume
        0 where they agree, otherwise one of the values above.
    worst_mm : (3,) tuple of float, optional
        Middle of the thickest difference, RAS mm; None where they agree everywhere.
    depth_mm : float
        How far that place is from the nearest voxel of agreement.
    """

    map: Volume
    worst_mm: tuple[float, float, float] | None
    depth_mm: float


def pair(workspace: Workspace, case: str, first: str, second: str) -> tuple[LabelMap, LabelMap]:
    """Read two results of one case; `UsageError` if they are of different tasks."""
    tasks, labels = [], []
    for name in (first, second):
        paths = workspace.result(case, name)
        tasks.append(workspace.task(paths))
        labels.append(read_labels(paths.segmentation, tasks[-1]))
    if tasks[0].name != tasks[1].name:
        raise UsageError(
            f"{first} labels {tasks[0].name} and {second} {tasks[1].name}; only results of one task can be compared."
        )
    labels[0].grid.require_match(labels[1].grid, first, second)
    return labels[0], labels[1]


def difference(first: LabelMap, second: LabelMap) -> Difference:
    """Map of differences; the thickest one by the Euclidean distance transform."""
    a, b = first.array, second.array
    found = np.zeros(a.shape, dtype=np.uint8)
    differs = a != b
    found[differs] = OTHER
    found[differs & (b == 0)] = ONLY_FIRST
    found[differs & (a == 0)] = ONLY_SECOND
    if not differs.any():
        return Difference(Volume(found, first.affine), None, 0.0)
    box = _box_around(differs)
    depth = edt.edt(np.ascontiguousarray(differs[box]), anisotropy=first.spacing_mm, black_border=False)
    inside = np.unravel_index(int(np.argmax(depth)), depth.shape)
    place = np.array(inside) + [side.start for side in box]
    x, y, z = (float(v) for v in first.world_mm(place[None])[0])
    return Difference(Volume(found, first.affine), (x, y, z), float(depth[inside]))


def _box_around(marked: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Smallest box that holds all that is marked, with a voxel around it where there is one."""
    sides = []
    for axis, count in enumerate(marked.shape):
        held = np.flatnonzero(marked.any(axis=tuple(a for a in range(3) if a != axis)))
        sides.append(slice(max(0, int(held[0]) - 1), min(count, int(held[-1]) + 2)))
    return sides[0], sides[1], sides[2]


def table(first: LabelMap, second: LabelMap) -> pd.DataFrame:
    """Agreement of every structure that is in one of them."""
    return agreement(first, second)
