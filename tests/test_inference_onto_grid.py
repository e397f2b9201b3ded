"""From probabilities to classes on a scan's grid: against the plain way, which interpolates every class everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from osteon.geometry import Grid, resample_linear
from osteon.inference import onto_grid
from osteon.inference.onto_grid import largest_class


def plainly(probabilities: np.ndarray, working: Grid, grid: Grid) -> np.ndarray:
    every = [resample_linear(p, working.affine, grid, outside=255.0 * (n == 0)) for n, p in enumerate(probabilities)]
    return np.argmax(np.stack(every), axis=0)


def some_probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    classes = int(rng.integers(2, 5))
    smooth = np.stack([ndimage.gaussian_filter(rng.random(shape), 2 * rng.random()) for _ in range(classes)]) ** 6
    smooth[0] *= rng.choice([0.5, 1.0, 4.0])
    return np.rint(255 * smooth / smooth.sum(axis=0)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(24))
def test_boxes_and_slabs_change_nothing_in_any_orientation_finer_coarser_and_oblique(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(onto_grid, "SLAB_VOXELS", int(rng.integers(20, 4000)))
    fine, coarse = (tuple(int(n) for n in rng.integers(3, high, 3)) for high in (22, 14))
    working = Grid(coarse, np.diag([*rng.uniform(0.5, 3, 3), 1.0]))
    turn = np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3)
    if seed % 3 == 0:
        turn = Rotation.random(random_state=seed).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn * rng.uniform(0.5, 3, 3)
    # both about one middle, so that they overlap in part
    middle = working.affine[:3, :3] @ (np.array(coarse) - 1) / 2
    affine[:3, 3] = middle - affine[:3, :3] @ (np.array(fine) - 1) / 2 + rng.uniform(-2, 2, 3)
    grid, probabilities = Grid(fine, affine), some_probabilities(rng, coarse)
    like = np.zeros(fine, order="F" if seed % 2 else "C")
    found = largest_class(probabilities, working, grid, like)
    np.testing.assert_array_equal(found, plainly(probabilities, working, grid))
    assert found.flags.f_contiguous == like.flags.f_contiguous


def test_a_scan_beyond_the_working_grid_is_background_there() -> None:
    working = Grid((4, 4, 4), np.diag([2.0, 2.0, 2.0, 1.0]))
    away = np.eye(4)
    away[:3, 3] = 100.0
    probabilities = np.stack([np.zeros((4, 4, 4), np.uint8), np.full((4, 4, 4), 255, np.uint8)])
    assert not largest_class(probabilities, working, Grid((5, 6, 7), away), np.zeros((5, 6, 7))).any()
