"""The connected parts of structures: where they lie, what they touch."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from osteon.boxes import Box
from osteon.geometry import FloatArray, transform_points
from osteon.postprocessing.components import Mask
from osteon.postprocessing.connected import filled_box, grouped, numbered_parts
from osteon.postprocessing.runs import picture_axes, runs_of

Labels = NDArray[np.integer[Any]]

SAMPLED = 20_000
"""About so many voxels of a part say where it lies."""

BIN_MM = 10.0
"""Height of the steps in which parts are compared side by side: at least one slice of a usual scan."""


@dataclass(frozen=True)
class Least:
    """Size from which a part counts: voxels, and share of the structure's largest part."""

    voxels: float
    share: float


@dataclass(frozen=True, eq=False)
class Part:
    """A connected part (26 neighbours) of one structure.

    Parameters
    ----------
    value : int
        Label value of the structure.
    box : tuple of slice
        Where it lies in the array.
    mask : (i, j, k) bool ndarray
        Of the box.
    voxels : int
    affine : (4, 4) ndarray
        Of the whole array.
    """

    value: int
    box: Box
    mask: Mask
    voxels: int
    affine: FloatArray

    @cached_property
    def points_mm(self) -> FloatArray:
        """Voxels, RAS mm, ``(n, 3)``: evenly chosen ones of a large part."""
        found = np.flatnonzero(self.mask)
        return self._world_mm(found[:: max(1, found.size // SAMPLED)])

    @cached_property
    def surface_mm(self) -> FloatArray:
        """Voxels with a neighbour outside the part, RAS mm, ``(n, 3)``."""
        framed = np.pad(self.mask, 1)
        inner = ndimage.binary_erosion(framed)[1:-1, 1:-1, 1:-1]
        return self._world_mm(np.flatnonzero(self.mask & ~inner))

    @cached_property
    def surface_tree(self) -> cKDTree:
        """`surface_mm`, to find the nearest of it."""
        return cKDTree(self.surface_mm)

    @cached_property
    def surface_mm2(self) -> float:
        """Area of its voxel faces."""
        framed = np.pad(self.mask, 1)
        return _faces_mm2(framed, ~framed, self.affine)

    @cached_property
    def height_mm(self) -> float:
        """From its lowest to its highest voxel."""
        return float(np.ptp(self.points_mm[:, 2]))

    @cached_property
    def across_mm(self) -> dict[int, float]:
        """Mean position from left to right at each height it reaches (in steps of `BIN_MM`)."""
        return across_mm(self.points_mm)

    def indices(self) -> NDArray[np.int_]:
        """Array indices of all voxels, ``(n, 3)``."""
        return np.asarray(np.argwhere(self.mask) + [s.start for s in self.box], dtype=np.int_)

    def _world_mm(self, flat: NDArray[np.int_]) -> FloatArray:
        index = np.stack(np.unravel_index(flat, self.mask.shape), axis=1)
        return transform_points(self.affine, index + [s.start for s in self.box])


class Parted:
    """A label map by its parts, which are looked for again only after something was moved.

    Parameters
    ----------
    labels : (i, j, k) integer ndarray
        Changed by `give`.
    affine : (4, 4) ndarray
    least : Least
        Smaller parts are passed over.
    """

    def __init__(self, labels: Labels, affine: FloatArray, least: Least) -> None:
        self.labels, self.affine, self.least = labels, affine, least
        self._parts: list[Part] | None = None

    def parts(self, values: Container[int]) -> list[Part]:
        """Parts of some structures, by label value; of each structure the largest first."""
        if self._parts is None:
            self._parts = parts_of(self.labels, None, self.affine, self.least)
        return [part for part in self._parts if part.value in values]

    def give(self, value: int, part: Part, index: NDArray[np.int_] | None = None) -> None:
        """Give a part's voxels another value; or only some of them, by their ``(n, 3)`` array indices."""
        if index is None:
            self.labels[part.box][part.mask] = value
        else:
            self.labels[tuple(index.T)] = value
        self._parts = None


def across_mm(points_mm: FloatArray) -> dict[int, float]:
    """Mean position from left to right of points at each height (in steps of `BIN_MM`)."""
    heights = np.floor(points_mm[:, 2] / BIN_MM).astype(np.int64)
    lowest = int(heights.min())
    counts = np.bincount(heights - lowest)
    sums = np.bincount(heights - lowest, weights=points_mm[:, 0])
    return {int(h) + lowest: float(sums[h] / counts[h]) for h in np.flatnonzero(counts)}


def parts_of(labels: Labels, values: Iterable[int] | None, affine: FloatArray, least: Least) -> list[Part]:
    """Parts of some structures that are large enough, by label value; of each structure the largest first.

    Parameters
    ----------
    labels : (i, j, k) integer ndarray
    values : iterable of int, optional
        Label values of the structures; if None, all.
    affine : (4, 4) ndarray
    least : Least
    """
    axes = picture_axes(labels)
    pictures = labels.transpose(axes)
    runs = runs_of(pictures)
    if values is not None:
        runs = runs.taken(np.isin(runs.value, list(values)))
    if not len(runs):
        return []
    number = numbered_parts(runs, pictures.shape)
    sizes = np.bincount(number, weights=runs.size)
    value_of = np.zeros(len(sizes), dtype=np.int64)
    value_of[number] = runs.value
    largest = np.zeros(int(value_of.max()) + 1)
    np.maximum.at(largest, value_of, sizes)
    (enough,) = np.nonzero(sizes >= np.maximum(least.voxels, least.share * largest[value_of]))
    enough = enough[np.lexsort((-sizes[enough], value_of[enough]))]
    found = []
    for part, of_part in zip(enough, grouped(runs, number, enough), strict=True):
        box, mask = filled_box(of_part, axes)
        found.append(Part(int(value_of[part]), box, mask, int(sizes[part]), affine))
    return found


def touching_mm2(one: Part, other: Part) -> float:
    """Area of the voxel faces at which two parts meet."""
    joint = [slice(max(a.start, b.start) - 1, min(a.stop, b.stop) + 1) for a, b in zip(one.box, other.box, strict=True)]
    if any(s.stop - s.start < 2 for s in joint):
        return 0.0
    return _faces_mm2(_within(one, joint), _within(other, joint), one.affine)


def _faces_mm2(one: Mask, other: Mask, affine: FloatArray) -> float:
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    area = 0.0
    for axis in range(3):
        a, b = np.moveaxis(one, axis, 0), np.moveaxis(other, axis, 0)
        faces = np.count_nonzero(a[1:] & b[:-1]) + np.count_nonzero(a[:-1] & b[1:])
        area += faces * float(np.prod(np.delete(edges, axis)))
    return area


def _within(part: Part, joint: list[slice]) -> Mask:
    """A part in a box that may reach beyond its own."""
    result = np.zeros([s.stop - s.start for s in joint], dtype=bool)
    inner = [slice(max(j.start, b.start), min(j.stop, b.stop)) for j, b in zip(joint, part.box, strict=True)]
    to = tuple(slice(s.start - j.start, s.stop - j.start) for s, j in zip(inner, joint, strict=True))
    result[to] = part.mask[
        tuple(slice(s.start - b.start, s.stop - b.start) for s, b in zip(inner, part.box, strict=True))
    ]
    return result
