"""Binary masks become one label map, and what they both claim is counted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from osteon.anatomy import Task
from osteon.errors import GeometryError, TaskError, UsageError
from osteon.masks import combine
from osteon.volume import NiftiGeometry, Volume

TASK = Task.load("leg-bones")
AFFINE = np.array([[-0.8, 0, 0, 40], [0, 0.8, 0, -30], [0, 0, 4, -100], [0, 0, 0, 1.0]])
SHAPE = (40, 36, 14)
NAMES = ("tibia-right", "femur-right", "fibula-right")


def mask(array: NDArray[np.generic], affine: NDArray[np.float64] = AFFINE) -> Volume:
    return Volume(array, affine)


def blob(middle: tuple[float, ...], radius_mm: float) -> NDArray[np.bool_]:
    index = np.stack(np.indices(SHAPE), axis=-1) - middle
    return np.linalg.norm(index * (0.8, 0.8, 4), axis=-1) <= radius_mm


def three() -> dict[str, NDArray[np.bool_]]:
    return dict(zip(NAMES, (blob((14, 16, 6), 9), blob((24, 16, 6), 9), blob((19, 24, 7), 9)), strict=True))


def combined(overlap: str):  # type: ignore[no-untyped-def]
    return combine([(name, mask(m.astype(np.uint8))) for name, m in three().items()], TASK, overlap)


def test_every_pair_of_overlapping_structures_is_counted() -> None:
    masks = three()
    found = {(one.first, one.second): (one.voxels, one.volume_mm3) for one in combined("background").overlaps}
    for first, second in ((0, 1), (0, 2), (1, 2)):
        both = int((masks[NAMES[first]] & masks[NAMES[second]]).sum())
        assert both > 0
        assert found[NAMES[first], NAMES[second]] == (both, pytest.approx(both * 0.8 * 0.8 * 4))
    assert len(found) == 3


@pytest.mark.parametrize("overlap", ["background", "priority", "nearest"])
def test_what_one_structure_claims_alone_is_always_its_own(overlap: str) -> None:
    masks, labels = three(), combined(overlap).labels
    claims = np.sum(list(masks.values()), axis=0)
    for name, m in masks.items():
        assert (labels.mask(name)[m & (claims == 1)]).all()
        assert not labels.mask(name)[~m].any()


def test_background_leaves_out_what_two_claim() -> None:
    claims = np.sum(list(three().values()), axis=0)
    np.testing.assert_array_equal(combined("background").labels.array > 0, claims == 1)


def test_priority_goes_to_the_mask_given_first_whatever_the_task_lists_first() -> None:
    masks = [(name, mask(m)) for name, m in three().items()][::-1]
    labels = combine(masks, TASK, "priority").labels
    np.testing.assert_array_equal(labels.mask("fibula-right"), three()["fibula-right"])
    rest = three()["tibia-right"] & ~three()["fibula-right"] & ~three()["femur-right"]
    np.testing.assert_array_equal(labels.mask("tibia-right"), rest)


def test_nearest_gives_each_contested_voxel_to_the_structure_whose_own_voxels_are_nearer_in_mm() -> None:
    """Against a second implementation: a search tree over world positions."""
    masks = three()
    claims = np.sum(list(masks.values()), axis=0)
    labels = combined("nearest").labels
    voxels = np.argwhere(claims > 1)
    spacing = (0.8, 0.8, 4)
    distance = np.full((len(voxels), 3), np.inf)
    for n, m in enumerate(masks.values()):
        away, _ = cKDTree(np.argwhere(m & (claims == 1)) * spacing).query(voxels * spacing)
        distance[:, n] = np.where(m[tuple(voxels.T)], away, np.inf)
    values = np.array([TASK.by_name(name).value for name in NAMES])
    best = np.sort(distance, axis=1)
    clear = best[:, 1] - best[:, 0] > 1e-4
    assert clear.sum() > 50
    found = labels.array[tuple(voxels[clear].T)]
    np.testing.assert_array_equal(found, values[distance[clear].argmin(axis=1)])
    assert (labels.array[claims > 0] > 0).all()


@pytest.mark.parametrize("value", [1, 205, 500, -3, 0.25])
def test_any_value_but_zero_is_inside(value: float) -> None:
    array = np.where(three()["tibia-right"], value, 0)
    labels = combine([("tibia-right", mask(array))], TASK).labels
    np.testing.assert_array_equal(labels.array, three()["tibia-right"])
    assert labels.array.dtype == np.uint8


def test_two_masks_of_one_structure_unite_and_are_no_overlap() -> None:
    masks = three()
    pair = [("tibia-right", mask(masks["tibia-right"])), ("tibia-right", mask(masks["femur-right"]))]
    done = combine(pair, TASK)
    np.testing.assert_array_equal(done.labels.array > 0, masks["tibia-right"] | masks["femur-right"])
    assert done.overlaps == ()


def test_a_structure_that_lies_wholly_within_another_is_said_to_be_gone() -> None:
    masks = [("tibia-right", mask(blob((19, 16, 6), 12))), ("fibula-right", mask(blob((19, 16, 6), 5)))]
    done = combine(masks, TASK)
    assert done.labels.values() == [1]
    assert [note for note in done.notes if "fibula-right" in note and "no voxel" in note]


def test_the_label_map_lies_on_the_scans_own_grid_with_its_geometry_fields() -> None:
    kept = NiftiGeometry(1, 1, (("srow_x", b"anything"),))
    scan = Volume(np.zeros(SHAPE, dtype=np.int16), AFFINE, kept)
    done = combine([("tibia-right", mask(three()["tibia-right"]))], TASK, like=scan)
    assert done.labels.nifti_geometry is kept
    assert done.labels.grid.matches(scan.grid)


def test_a_mask_of_another_grid_in_the_same_world_is_resampled_to_its_volume_and_place() -> None:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    other = turn @ np.diag([1.0, 1.0, 2.0, 1.0])
    other[:3, 3] = (-10, -40, -120)
    shape = (60, 60, 60)
    middle = np.array([24.0, -16.0, -76.0])
    index = np.stack(np.indices(shape), axis=-1)
    world = index @ other[:3, :3].T + other[:3, 3]
    ball = Volume((np.linalg.norm(world - middle, axis=-1) <= 10).astype(np.uint8) * 7, other)
    scan = Volume(np.zeros(SHAPE, dtype=np.int16), AFFINE)
    done = combine([("tibia-right", ball)], TASK, like=scan)
    inside = np.argwhere(done.labels.array)
    np.testing.assert_allclose(done.labels.world_mm(inside).mean(axis=0), middle, atol=0.5)
    assert len(inside) * 0.8 * 0.8 * 4 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.03)
    assert any("another grid" in note for note in done.notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda affine: np.diag([-1.0, -1, 1, 1]) @ affine, "mm away"),  # taken for LPS
        (lambda affine: affine + np.eye(4, k=3) * 12, "12.0 mm away"),
        (lambda affine: affine @ np.diag([1.5, 1.5, 1, 1]) + np.eye(4, k=3) * 300, "outside the scan"),
    ],
    ids=["LPS for RAS", "slipped by 12 mm", "elsewhere"],
)
def test_a_mask_of_another_world_is_refused(change, words: str) -> None:  # type: ignore[no-untyped-def]
    scan = Volume(np.zeros(SHAPE, dtype=np.int16), AFFINE)
    with pytest.raises(GeometryError, match=words):
        combine([("tibia-right", mask(three()["tibia-right"], change(AFFINE)))], TASK, like=scan)


def test_a_mask_in_a_standard_space_does_not_go_onto_a_scan() -> None:
    scan = Volume(np.zeros((20, 20, 8), dtype=np.int16), AFFINE @ np.diag([2, 2, 2, 1.0]), NiftiGeometry(1, 1, ()))
    standard = Volume(three()["tibia-right"], AFFINE, NiftiGeometry(0, 4, ()))
    with pytest.raises(GeometryError, match="standard"):
        combine([("tibia-right", standard)], TASK, like=scan)


def test_an_affine_that_differs_in_the_last_digits_is_no_other_grid() -> None:
    done = combine([(n, mask(m, AFFINE + k * 1e-5)) for k, (n, m) in enumerate(three().items())], TASK, "priority")
    assert done.notes == ()
    np.testing.assert_array_equal(done.labels.array > 0, np.any(list(three().values()), axis=0))


def test_a_scan_is_no_mask_and_a_label_map_is_noted() -> None:
    scan = np.random.default_rng(1).integers(0, 900, SHAPE)
    with pytest.raises(UsageError, match="scan, a probability map or"):
        combine([("tibia-right", mask(scan))], TASK)
    array = three()["tibia-right"] * 2
    array[14, 16, 6] = 3
    assert any("2, 3" in note for note in combine([("tibia-right", mask(array))], TASK).notes)


def test_mistakes_are_named() -> None:
    with pytest.raises(TaskError, match="tibia-rihgt"):
        combine([("tibia-rihgt", mask(three()["tibia-right"]))], TASK)
    with pytest.raises(UsageError, match="no mask"):
        combine([], TASK)
    with pytest.raises(UsageError, match="overlap rule middle"):
        combine([("tibia-right", mask(three()["tibia-right"]))], TASK, "middle")
