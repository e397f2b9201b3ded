"""Size, middle, spread and extent of a mask are those of the list of its voxels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon.measurement.moments import extent_mm, moments_of


def oblique(seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ np.diag(rng.uniform(0.4, 5, 3))
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return affine


@pytest.mark.parametrize("seed", range(12))
def test_moments_and_extent_are_those_of_all_voxels(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    mask = rng.random(rng.integers(1, 12, 3)) < rng.uniform(0.02, 0.9)
    mask[tuple(rng.integers(0, mask.shape))] = True
    affine = oblique(seed)
    points = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    found = moments_of(mask, affine)
    assert found.voxels == len(points)
    np.testing.assert_allclose(found.centre_mm, points.mean(axis=0), atol=1e-9)
    spread = np.cov(points.T) if len(points) > 1 else np.zeros((3, 3))
    np.testing.assert_allclose(found.covariance_mm2, spread, atol=1e-8)
    edges = np.abs(affine[:3, :3]).sum(axis=1)  # a voxel reaches half its edges beyond its centre, on both sides
    np.testing.assert_allclose(extent_mm(mask, affine), np.ptp(points, axis=0) + edges, atol=1e-9)
