"""Canvas: a body's part codes and labels, filled shape by shape, each within its own box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import FloatArray, Grid, inverse, transform_points
from osteon.synthesis.legs.solids import BoneField
from osteon.synthesis.parts import CODE
from osteon.synthesis.shapes import Array

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Patch:
    """A box of the canvas with the local coordinates of its voxels in mm, which broadcast to the box's shape."""

    box: Box
    x: Array
    y: Array
    z: Array


class Canvas:
    """Part codes and label values (uint8) on a grid whose axes run right, to the front and up.

    Parameters
    ----------
    grid : Grid
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.parts = np.zeros(grid.shape, np.uint8)
        self.labels = np.zeros(grid.shape, np.uint8)

    def patch(
        self, to_local: FloatArray, low_mm: Sequence[float] | FloatArray, high_mm: Sequence[float] | FloatArray
    ) -> Patch | None:
        """Voxels of a local box; None if none are in view.

        Parameters
        ----------
        to_local : (4, 4) ndarray
            RAS mm to local mm.
        low_mm, high_mm : (3,) sequence
            Corners of the box in local mm.
        """
        matrix = to_local @ self.grid.affine
        corners = transform_points(inverse(matrix), np.array(list(product(*zip(low_mm, high_mm, strict=True)))))
        first = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
        last = np.minimum(np.ceil(corners.max(axis=0)) + 1, self.grid.shape).astype(int)
        if (first >= last).any():
            return None
        box = (slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2]))
        i, j, k = (a.astype(np.float32) for a in np.ogrid[box])
        rows = matrix.astype(np.float32)[:3]
        x, y, z = (_combined(row, (i, j, k)) for row in rows)
        return Patch(box, x, y, z)

    def fill(self, patch: Patch, inside: NDArray[np.bool_], part: str, only: tuple[str, ...] = ()) -> None:
        """Give voxels of a patch a part, where ``only`` is given just those that are one of these parts now."""
        view = self.parts[patch.box]
        inside = np.broadcast_to(inside, view.shape)
        if only:
            inside = inside & np.isin(view, [CODE[name] for name in only])
        view[inside] = CODE[part]

    def fill_bone(self, patch: Patch, bone: BoneField, part: str, value: int = 0) -> None:
        """Fill a bone with its growth plates and unossified cartilage; label what is bone or plate."""
        inside = bone.distance < 0
        cartilage = inside & (bone.distance > -bone.cartilage_mm)
        self.fill(patch, inside, part)
        labelled = inside & ~cartilage
        if bone.plate is not None:
            self.fill(patch, labelled & bone.plate, "growth-plate")
        self.fill(patch, cartilage, "epiphyseal-cartilage")
        if value:
            self.labels[patch.box][labelled] = value


def _combined(row: Array, index: tuple[Array, Array, Array]) -> Array:
    """One row of an affine applied; an axis without a share is left out, so that upright frames broadcast."""
    terms = [weight * axis for weight, axis in zip(row[:3], index, strict=True) if abs(weight) > 1e-7]
    return np.asarray(sum(terms[1:], start=terms[0]) + row[3], dtype=np.float32)
