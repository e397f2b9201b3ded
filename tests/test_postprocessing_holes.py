"""Holes are filled slice by slice if they are small, and only holes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from osteon.postprocessing.slices import without_small_holes


def by_scipy(mask: NDArray[np.bool_], axis: int, share: float) -> NDArray[np.bool_]:
    result = mask.copy()
    for picture in np.moveaxis(result, axis, 0):
        outline = ndimage.binary_fill_holes(picture)
        holes, count = ndimage.label(outline & ~picture)
        for hole in range(1, count + 1):
            if (holes == hole).sum() < share * outline.sum():
                picture |= holes == hole
    return result


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", range(3))
def test_small_holes_are_those_of_scipy_in_every_slice(axis: int, order: Literal["C", "F"]) -> None:
    rng = np.random.default_rng(axis)
    filled = 0
    for share in (0.0, 0.01, 0.05, 0.2, 0.5, 1.0) * 6:
        noise = rng.random(tuple(rng.integers(1, 20, 3)))
        mask = np.array(ndimage.gaussian_filter(noise, float(rng.uniform(0, 1.2))) > 0.48, order=order)
        found = without_small_holes(mask, axis, share)
        np.testing.assert_array_equal(found, by_scipy(mask, axis, share))
        filled += int((found & ~mask).sum())
    assert filled > 100


def test_what_lies_outside_is_no_hole_even_beside_a_mask_that_fills_its_box() -> None:
    mask = np.ones((40, 40, 3), dtype=bool)
    mask[0, 0] = mask[39, 39] = False  # two corners: less than a hundredth of the slice, and open
    mask[20, 20, 1] = False
    found = without_small_holes(mask, 2, 0.2)
    assert found[20, 20, 1]
    np.testing.assert_array_equal(found[[0, 39], [0, 39]], False)
