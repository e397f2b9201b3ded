"""Canvas: a body's part codes and labels, filled shape by shape, each within its own box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import FloatArray, Grid
from osteon.synthesis.legs.solids import BoneField
from osteon.synthesis.parts import CODE
from osteon.synthesis.patch import Patch, patch_of


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
        return patch_of(self.grid, to_local, low_mm, high_mm)

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
