"""Slices resampled by two matrices are slices resampled at once."""

from __future__ import annotations

import numpy as np
import pytest

from osteon.geometry import Grid, resample_linear
from osteon.preprocessing.in_plane import InPlane
from osteon.preprocessing.intensity import IntensityRange


@pytest.mark.parametrize("seed", range(20))
def test_any_picture_is_that_of_a_plain_resampling_of_the_slice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (2, *(int(n) for n in rng.integers(1, 150, 2)))
    grid = Grid(shape, np.diag([4.0, *rng.uniform(0.3, 3.0, 2), 1.0]))
    target = grid.with_spacing((4.0, *rng.uniform(0.3, 6.0, 2)))
    array = rng.random(shape, dtype=np.float32)
    expected = resample_linear(array, grid.affine, target)
    pictures = InPlane(array, grid, target, IntensityRange(0.0, 1.0, False))
    rows, columns = (slice(n // 3, n) for n in target.shape[1:])
    found = pictures.picture(1, rows, columns)
    np.testing.assert_allclose(found, expected[1, rows, columns], atol=2e-6)
