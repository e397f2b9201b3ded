"""Geometry holds for all 48 axis orders and directions, and for oblique grids."""

from __future__ import annotations

from itertools import permutations, product

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial.transform import Rotation

from osteon import geometry
from osteon.errors import GeometryError
from osteon.geometry import Grid

LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))
ALL_48 = ["".join(LETTERS[axis][way] for axis, way in zip(axes, ways, strict=True))
          for axes in permutations(range(3)) for ways in product((0, 1), repeat=3)]  # fmt: skip
SHAPE = (5, 6, 7)
SPACING = (0.7, 1.1, 3.3)
ORIGIN = (-31.0, 12.5, 400.25)


def affine_for(codes: str, *, spacing: tuple[float, ...] = SPACING, turn: tuple[float, ...] = (0, 0, 0)) -> NDArray:
    """Affine whose array axes run to ``codes``, then turned by Euler angles in degrees."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for array_axis, (letter, edge) in enumerate(zip(codes, spacing, strict=True)):
        world = next(n for n, pair in enumerate(LETTERS) if letter in pair)
        affine[world, array_axis] = edge if letter == LETTERS[world][0] else -edge
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ affine[:3, :3]
    affine[:3, 3] = ORIGIN
    return affine


def numbered(shape: tuple[int, ...] = SHAPE) -> NDArray[np.int16]:
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


angles = st.tuples(*[st.floats(-25, 25)] * 3)


def test_there_are_48_orientations() -> None:
    assert len(set(ALL_48)) == 48


@pytest.mark.parametrize("codes", ALL_48)
def test_orientation_names_the_axes_as_nibabel(codes: str) -> None:
    affine = affine_for(codes)
    assert geometry.orientation(affine) == codes == "".join(nibabel.aff2axcodes(affine))


@pytest.mark.parametrize("codes", ALL_48)
@pytest.mark.parametrize("turn", [(0, 0, 0), (12.0, -7.0, 20.0)])
def test_reorient_and_back_is_identity(codes: str, turn: tuple[float, ...]) -> None:
    array, affine = numbered(), affine_for(codes, turn=turn)
    start = geometry.orientation(affine)
    turned, turned_affine = geometry.reorient(array, affine, "RAS")
    assert geometry.orientation(turned_affine) == "RAS"
    back, back_affine = geometry.reorient(turned, turned_affine, start)
    np.testing.assert_array_equal(back, array)
    np.testing.assert_allclose(back_affine, affine, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ALL_48), st.sampled_from(ALL_48), angles)
def test_a_world_point_keeps_its_value_when_reoriented(source: str, target: str, turn: tuple[float, ...]) -> None:
    array, affine = numbered(), affine_for(source, turn=turn)
    turned, turned_affine = geometry.reorient(array, affine, target)
    index = np.argwhere(np.ones(SHAPE, dtype=bool))
    world = geometry.transform_points(affine, index)
    moved = geometry.transform_points(geometry.inverse(turned_affine), world)
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-6)
    np.testing.assert_array_equal(turned[tuple(np.round(moved).astype(int).T)], array[tuple(index.T)])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ALL_48), angles, st.tuples(*[st.floats(0.2, 8)] * 3))
def test_spacing_and_volume_do_not_hang_on_the_orientation(
    codes: str, turn: tuple[float, ...], spacing: tuple[float, ...]
) -> None:
    affine = affine_for(codes, spacing=spacing, turn=turn)
    np.testing.assert_allclose(geometry.spacing_mm(affine), spacing, rtol=1e-9)
    assert geometry.voxel_volume_mm3(affine) == pytest.approx(np.prod(spacing))
    geometry.check_affine(affine, "a right-angled grid")


@pytest.mark.parametrize("codes", ALL_48)
def test_axis_of_finds_the_axis_that_runs_up(codes: str) -> None:
    assert codes[geometry.axis_of(affine_for(codes), 2)] in "SI"
    assert codes[geometry.axis_of(affine_for(codes), 0)] in "LR"


@pytest.mark.parametrize(("shear", "refused"), [(2e-4, False), (5e-3, True)])
def test_shear_is_refused_from_a_twentieth_of_a_degree(shear: float, refused: bool) -> None:
    affine = np.eye(4)
    affine[0, 1] = shear
    if refused:
        with pytest.raises(GeometryError, match="sheared"):
            geometry.check_affine(affine, "scan")
    else:
        geometry.check_affine(affine, "scan")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ALL_48), angles, st.tuples(*[st.floats(0.3, 4)] * 3))
def test_another_spacing_covers_the_same_box(
    codes: str, turn: tuple[float, ...], spacing: tuple[float, float, float]
) -> None:
    grid = Grid(SHAPE, affine_for(codes, turn=turn))
    finer = grid.with_spacing(spacing)
    np.testing.assert_allclose(finer.spacing_mm, spacing, rtol=1e-9)
    np.testing.assert_allclose(finer.corners_mm()[0], grid.corners_mm()[0], atol=1e-6)
    beyond = np.array(finer.shape) * spacing - np.array(SHAPE) * SPACING
    assert (beyond > -0.002 * np.array(spacing)).all()
    assert (beyond < np.array(spacing)).all()


def test_another_shape_keeps_all_corners() -> None:
    grid = Grid(SHAPE, affine_for("PIR", turn=(5, 6, 7)))
    np.testing.assert_allclose(grid.with_shape((11, 3, 40)).corners_mm(), grid.corners_mm(), atol=1e-9)


@pytest.mark.parametrize("codes", ["RAS", "PIR", "LSA"])
def test_a_cropped_grid_stays_in_place(codes: str) -> None:
    grid = Grid(SHAPE, affine_for(codes, turn=(10, 0, 5)))
    box = (slice(1, 4), slice(2, 6), slice(0, 3))
    crop = grid.cropped(box)
    assert crop.shape == (3, 4, 3)
    np.testing.assert_allclose(
        geometry.transform_points(crop.affine, np.zeros((1, 3))),
        geometry.transform_points(grid.affine, np.array([[1, 2, 0]])),
    )


@pytest.mark.parametrize(("share", "equal"), [(0.0, True), (0.09, True), (0.11, False), (50.0, False)])
def test_grids_are_equal_up_to_a_tenth_of_the_smallest_edge(share: float, equal: bool) -> None:
    grid = Grid(SHAPE, affine_for("RAS"))
    moved = grid.affine.copy()
    moved[2, 3] += share * min(SPACING)
    other = Grid(SHAPE, moved)
    assert grid.matches(other) is equal
    if equal:
        grid.require_match(other, "scan", "mask")
    else:
        with pytest.raises(GeometryError, match=f"{share * min(SPACING):.2f} mm apart"):
            grid.require_match(other, "scan", "mask")


def test_affines_that_differ_by_1e_5_are_one_grid() -> None:
    grid = Grid((512, 512, 30), affine_for("LPS"))
    other = Grid(grid.shape, grid.affine + np.random.default_rng(0).uniform(-1e-5, 1e-5, (4, 4)) * (np.eye(4) < 2))
    assert grid.matches(other)


def test_grids_of_other_shape_say_both_shapes() -> None:
    with pytest.raises(GeometryError, match=r"5 x 6 x 7 voxels.*5 x 6 x 8"):
        Grid(SHAPE, np.eye(4)).require_match(Grid((5, 6, 8), np.eye(4)), "scan", "mask")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ALL_48), angles)
def test_linear_resampling_is_exact_for_a_linear_image(codes: str, turn: tuple[float, ...]) -> None:
    shape = (12, 13, 14)
    slope = np.array([1.5, -0.7, 0.3])
    source = affine_for(codes, spacing=(2, 2, 2))
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    image = (geometry.transform_points(source, index) @ slope).reshape(shape)
    centre = geometry.transform_points(source, np.array([[5.5, 6, 6.5]]))[0]
    target_affine = affine_for("RAS", spacing=(1.1, 1.3, 1.7), turn=turn)
    target_affine[:3, 3] = centre - target_affine[:3, :3] @ (2, 2, 2)
    target = Grid((5, 5, 5), target_affine)
    result = geometry.resample_linear(image.astype(np.float32), source, target)
    points = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    expected = (geometry.transform_points(target_affine, points) @ slope).reshape(5, 5, 5)
    np.testing.assert_allclose(result, expected, atol=1e-3)


def test_linear_resampling_agrees_with_scipy_and_simpleitk_on_a_finer_oblique_grid() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(100, 20, (14, 15, 16)).astype(np.float32)
    source = affine_for("PIR", spacing=(2.0, 2.5, 3.0), turn=(4, 8, -6))
    target = Grid((20, 18, 16), affine_for("RAS", spacing=(0.9, 0.8, 1.0), turn=(-3, 5, 9)))
    shift = source[:3, :3] @ (7, 7.5, 8) + source[:3, 3] - target.affine[:3, :3] @ (10, 9, 8) - target.affine[:3, 3]
    target.affine[:3, 3] += shift
    result = geometry.resample_linear(image, source, target)

    index = np.stack(np.meshgrid(*map(np.arange, target.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    in_source = geometry.transform_points(geometry.inverse(source) @ target.affine, index)
    inside = ((in_source >= 0) & (in_source <= np.array(image.shape) - 1)).all(axis=1)
    assert inside.mean() > 0.9
    by_scipy = RegularGridInterpolator([np.arange(n) for n in image.shape], image)(in_source[inside])
    np.testing.assert_allclose(result.reshape(-1)[inside], by_scipy, atol=1e-2)

    by_itk = sitk.GetArrayFromImage(sitk.Resample(_itk(image, source), _itk(np.zeros(target.shape), target.affine),
                                                  sitk.Transform(), sitk.sitkLinear)).T  # fmt: skip
    np.testing.assert_allclose(result.reshape(-1)[inside], by_itk.reshape(-1)[inside], atol=1e-2)


def test_outside_the_source_stands_the_outside_value() -> None:
    image = np.full((4, 4, 4), 7, dtype=np.float32)
    target = Grid((8, 4, 4), np.eye(4))
    result = geometry.resample_linear(image, np.eye(4), target, outside=-1)
    np.testing.assert_array_equal(result[:4], 7)
    np.testing.assert_array_equal(result[4:], -1)


def test_a_coarser_grid_is_smoothed_first() -> None:
    """A single bright slice every fourth place would alias to all or nothing without smoothing."""
    image = np.zeros((64, 3, 3), dtype=np.float32)
    image[1::4] = 1
    coarse = Grid((64, 3, 3), np.eye(4)).with_spacing((4.0, 1.0, 1.0))
    result = geometry.resample_linear(image, np.eye(4), coarse)[2:-2]
    assert 0.15 < result.min() <= result.max() < 0.35


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(ALL_48), angles, st.integers(0, 2**32 - 1))
def test_labels_are_never_blended(codes: str, turn: tuple[float, ...], seed: int) -> None:
    labels = np.random.default_rng(seed).choice(np.array([0, 1, 4, 205, 500], dtype=np.uint16), (6, 6, 6))
    source = affine_for("RAS", spacing=(1, 1, 3))
    target_affine = affine_for(codes, spacing=(0.8, 0.9, 1.2), turn=turn)
    centre = source[:3, :3] @ (2.5, 2.5, 2.5) + source[:3, 3]
    target_affine[:3, 3] = centre - target_affine[:3, :3] @ (3.5, 3.5, 3.5)
    result = geometry.resample_labels(labels, source, Grid((8, 8, 8), target_affine))
    assert result.dtype == labels.dtype
    assert set(np.unique(result)) <= set(np.unique(labels)) | {0}
    assert result.any() == bool(labels.any())


def test_resampled_labels_follow_the_largest_membership() -> None:
    """A second way to the same: all memberships at once by scipy, and argmax."""
    rng = np.random.default_rng(3)
    labels = rng.choice(np.array([0, 2, 7], dtype=np.uint8), (7, 7, 7))
    target = Grid((9, 9, 9), affine_for("RAS", spacing=(0.4, 0.4, 0.4), turn=(10, 20, 5)))
    target.affine[:3, 3] = np.array([3, 3, 3]) - target.affine[:3, :3] @ (4, 4, 4)
    index = np.stack(np.meshgrid(*[np.arange(9)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    points = geometry.transform_points(target.affine, index)
    axes = [np.arange(7)] * 3
    members = np.stack([RegularGridInterpolator(axes, (labels == v).astype(float))(points) for v in (0, 2, 7)])
    clear = np.diff(np.sort(members, axis=0)[-2:], axis=0)[0] > 1e-4
    result = geometry.resample_labels(labels, np.eye(4), target).reshape(-1)
    np.testing.assert_array_equal(result[clear], np.array([0, 2, 7])[members.argmax(axis=0)][clear])
    assert clear.mean() > 0.95


def _itk(array: NDArray, affine: NDArray) -> sitk.Image:
    """A SimpleITK image of an array in RAS."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T.astype(np.float32)))
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image
