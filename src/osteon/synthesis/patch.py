"""Patch: the voxels of a grid in which a shape lies, with their places in the shape's own frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from osteon.geometry import FloatArray, Grid, inverse, transform_points
from osteon.synthesis.shapes import Array

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Patch:
    """A box of a grid with the local coordinates of its voxels in mm, which broadcast to the box's shape."""

    box: Box
    x: Array
    y: Array
    z: Array


def patch_of(
    grid: Grid, to_local: FloatArray, low_mm: Sequence[float] | FloatArray, high_mm: Sequence[float] | FloatArray
) -> Patch | None:
    """Voxels of a local box; None if none are in view.

    Parameters
    ----------
    grid : Grid
    to_local : (4, 4) ndarray
        RAS mm to local mm.
    low_mm, high_mm : (3,) sequence
        Corners of the box in local mm.
    """
    matrix = to_local @ grid.affine
    corners = transform_points(inverse(matrix), np.array(list(product(*zip(low_mm, high_mm, strict=True)))))
    first = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    last = np.minimum(np.ceil(corners.max(axis=0)) + 1, grid.shape).astype(int)
    if (first >= last).any():
        return None
    box = (slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2]))
    return Patch(box, *coordinates(matrix, box))


def coordinates(affine: FloatArray, box: tuple[slice, ...]) -> tuple[Array, Array, Array]:
    """The three coordinates of the voxels of a box, float32.

    An axis without a share in one is left out of it, so that upright frames broadcast.
    """
    i, j, k = (a.astype(np.float32) for a in np.ogrid[box])
    x, y, z = (_combined(row, (i, j, k)) for row in affine.astype(np.float32)[:3])
    return x, y, z


def _combined(row: Array, index: tuple[Array, Array, Array]) -> Array:
    terms = [weight * axis for weight, axis in zip(row[:3], index, strict=True) if abs(weight) > 1e-7]
    return np.asarray(sum(terms[1:], start=terms[0]) + row[3], dtype=np.float32)
