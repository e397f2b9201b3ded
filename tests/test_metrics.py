"""Overlap and surface distances against analytic answers and second implementations."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from osteon.metrics import overlap, surface_distances
from osteon.metrics.surface_distance import surface_elements

SPACINGS = [(1.0, 1.0, 1.0), (1.0, 1.0, 4.0), (3.0, 0.5, 1.5)]


def blob(seed: int, shape: tuple[int, int, int] = (14, 12, 9)) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return noise > np.quantile(noise, 0.7)


def box(shape: tuple[int, int, int], low: int, high: int) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[low:high, low:high, low:high] = True
    return mask


def ball(shape: tuple[int, int, int], spacing: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    i, j, k = ((np.arange(n) - (n - 1) / 2 + 0.1) * s for n, s in zip(shape, spacing, strict=True))
    return i[:, None, None] ** 2 + j[:, None] ** 2 + k**2 <= radius_mm**2


def test_overlap_of_half_shifted_cubes() -> None:
    a, b = np.zeros((8, 4, 4), bool), np.zeros((8, 4, 4), bool)
    a[0:4], b[2:6] = True, True
    result = overlap(a, b, 2.5)
    assert result.dice == pytest.approx(0.5)
    assert result.iou == pytest.approx(1 / 3)
    assert result.volume_predicted_cm3 == pytest.approx(64 * 2.5 / 1000)
    assert result.volume_error_percent == 0


def test_volume_error_has_the_sign_of_too_much() -> None:
    a, b = np.zeros((4, 4, 4), bool), np.zeros((4, 4, 4), bool)
    a[:3], b[:2] = True, True
    result = overlap(a, b, 1000.0)
    assert result.volume_error_cm3 == pytest.approx(16)
    assert result.volume_error_percent == pytest.approx(50)


def test_overlap_of_two_empty_masks_is_undefined() -> None:
    empty = np.zeros((3, 3, 3), bool)
    result = overlap(empty, empty, 1.0)
    assert np.isnan([result.dice, result.iou, result.volume_error_percent]).all()


@pytest.mark.parametrize("seed", range(5))
def test_overlap_agrees_with_simpleitk(seed: int) -> None:
    a, b = blob(seed), blob(seed + 100)
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(SimpleITK.GetImageFromArray(b.astype(np.uint8)), SimpleITK.GetImageFromArray(a.astype(np.uint8)))
    result = overlap(a, b, 1.0)
    assert result.dice == pytest.approx(measures.GetDiceCoefficient())
    assert result.iou == pytest.approx(measures.GetJaccardCoefficient())


def test_equal_masks_are_at_distance_zero() -> None:
    a = blob(3)
    result = surface_distances(a, a, (1.0, 2.0, 3.0))
    assert (result.hausdorff_mm(100), result.average_mm(), result.dice(0.0)) == (0, 0, 1)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_box_in_a_box_one_voxel_larger(spacing: tuple[float, float, float]) -> None:
    inner, outer = box((14, 14, 14), 3, 11), box((14, 14, 14), 2, 12)
    result = surface_distances(outer, inner, spacing)
    # the outer corners are farthest, each from the inner corner beside it
    assert result.to_reference_mm.max() == pytest.approx(np.linalg.norm(spacing))
    assert result.to_predicted_mm.min() == pytest.approx(min(spacing))
    assert result.to_predicted_mm.max() <= max(spacing) * (1 + 1e-6)
    assert result.hausdorff_mm(100) == pytest.approx(np.linalg.norm(spacing))


def test_cubic_voxels_box_in_a_box_one_voxel_larger_has_exact_scores() -> None:
    n = 10
    result = surface_distances(box((14, 14, 14), 2, 2 + n), box((14, 14, 14), 3, 1 + n), (1.0, 1.0, 1.0))
    # area elements of marching cubes: 1 on a face, 1/sqrt(2) on an edge, sqrt(3)/8 at a corner
    edge, corner = np.sqrt(0.5), np.sqrt(3) / 8
    outer = np.array([6 * (n - 1) ** 2, 12 * (n - 1) * edge, 8 * corner])
    m = n - 2
    inner = 6 * (m - 1) ** 2 + 12 * (m - 1) * edge + 8 * corner
    average = (outer @ np.sqrt([1, 2, 3]) + inner) / (outer.sum() + inner)
    assert result.average_mm() == pytest.approx(average, rel=1e-5)
    assert result.dice(1.0) == pytest.approx((outer[0] + inner) / (outer.sum() + inner), rel=1e-5)
    assert result.hausdorff_mm(95) == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_shifted_box_is_as_far_as_the_shift(axis: int, spacing: tuple[float, float, float]) -> None:
    a = box((20, 20, 20), 4, 14)
    result = surface_distances(np.roll(a, 2, axis), a, spacing)
    assert result.hausdorff_mm(100) == pytest.approx(2 * spacing[axis], rel=1e-6)
    assert result.dice(2 * spacing[axis]) == 1


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.0, 2.0)])
def test_concentric_spheres_are_their_radii_apart(spacing: tuple[float, float, float]) -> None:
    shape = tuple(int(52 / s) for s in spacing)
    result = surface_distances(ball(shape, spacing, 22.0), ball(shape, spacing, 16.0), spacing)
    # the points of a curved surface are a layer up to a voxel thick: distances between layers come out short
    assert 6.0 - 0.6 * np.linalg.norm(spacing) / np.sqrt(3) < result.average_mm() <= 6.0
    assert result.hausdorff_mm(95) == pytest.approx(6.0, abs=max(spacing) / 2)
    assert result.dice(3.0) == 0
    assert result.dice(9.0) == 1


def brute_force(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float], tolerance: float) -> list[float]:
    """Scores by a tree of surface points, with the areas of each point taken from `surface_elements`."""
    points, areas = [], []
    for mask in (a, b):
        padded = np.pad(mask, 1)
        eight = np.lib.stride_tricks.sliding_window_view(padded, (2, 2, 2)).reshape(*(n + 1 for n in mask.shape), 8)
        mixed = eight.any(axis=3) & ~eight.all(axis=3)
        points.append(np.argwhere(mixed) * np.array(spacing))
        areas.append(surface_elements(mask, spacing)[mixed].astype(float))
    distances = [cKDTree(points[1]).query(points[0])[0], cKDTree(points[0]).query(points[1])[0]]
    percentiles = []
    for d, w in zip(distances, areas, strict=True):
        order = np.argsort(d)
        percentiles.append(d[order][np.flatnonzero(np.cumsum(w[order]) >= (0.95 - 1e-9) * w.sum())[0]])
    d, w = np.concatenate(distances), np.concatenate(areas)
    return [max(percentiles), np.average(d, weights=w), w[d <= tolerance + 1e-5].sum() / w.sum()]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from(SPACINGS), st.sampled_from([0.5, 1.0, 2.0]))
def test_distances_agree_with_a_search_over_all_points(
    first: int, second: int, spacing: tuple[float, float, float], tolerance: float
) -> None:
    a, b = blob(first), blob(second)
    result = surface_distances(a, b, spacing)
    ours = [result.hausdorff_mm(95), result.average_mm(), result.dice(tolerance)]
    np.testing.assert_allclose(ours, brute_force(a, b, spacing, tolerance), rtol=1e-4)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_surface_dice_agrees_with_monai(spacing: tuple[float, float, float]) -> None:
    import torch
    from monai.metrics.surface_dice import compute_surface_dice

    a, b = blob(1), blob(2)
    # MONAI draws its box without a margin, so that what lies on the array's border would stay open
    one_hot = [torch.tensor(np.pad(m, 2)[None, None].astype(np.float32)) for m in (a, b)]
    theirs = compute_surface_dice(
        *one_hot, class_thresholds=[1.0], include_background=True, spacing=spacing, use_subvoxels=True
    )
    assert surface_distances(a, b, spacing).dice(1.0) == pytest.approx(float(theirs[0, 0]), abs=1e-4)


def test_area_elements_are_those_of_nikolov_as_monai_carries_them() -> None:
    from monai.metrics.utils import create_table_neighbour_code_to_surface_area

    spacing = (1.0, 1.5, 4.0)
    table, kernel = create_table_neighbour_code_to_surface_area(spacing)
    bits = kernel[0, 0].numpy()
    for code in range(1, 255):
        cube = (code & bits.astype(int)) > 0
        # the point in the middle of the eight voxels
        area = surface_elements(np.pad(cube, 1), spacing)[2, 2, 2]
        assert area == pytest.approx(float(table[code]), rel=1e-5)


@given(st.integers(0, 1000), st.permutations([0, 1, 2]), st.tuples(st.booleans(), st.booleans(), st.booleans()))
@settings(max_examples=20, deadline=None)
def test_distances_do_not_depend_on_the_order_or_direction_of_axes(
    seed: int, order: list[int], flips: tuple[bool, bool, bool]
) -> None:
    spacing = (1.0, 2.0, 3.5)
    a, b = blob(seed), blob(seed + 1)
    axes = [axis for axis, flip in enumerate(flips) if flip]
    turned = [np.flip(m.transpose(order), axes) for m in (a, b)]
    straight = surface_distances(a, b, spacing)
    other = surface_distances(*turned, (spacing[order[0]], spacing[order[1]], spacing[order[2]]))
    for score in (lambda d: d.hausdorff_mm(95), lambda d: d.average_mm(), lambda d: d.dice(1.0)):
        assert score(other) == pytest.approx(score(straight), rel=1e-6)


def test_empty_mask_has_no_distance() -> None:
    with pytest.raises(ValueError, match="not empty"):
        surface_distances(np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool), (1.0, 1.0, 1.0))
