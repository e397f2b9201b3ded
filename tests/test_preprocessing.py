"""From a scan to what a network sees, the same whatever way the scan is stored."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from osteon.anatomy import Task
from osteon.io import read
from osteon.preprocessing import (
    Preprocessing,
    body_box,
    body_mask,
    context_offset,
    label_box,
    normalise,
    slices_with_context,
    working_labels,
    working_volume,
)
from osteon.volume import LabelMap, Volume

LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))
ALL_48 = ["".join(LETTERS[axis][way] for axis, way in zip(axes, ways, strict=True))
          for axes in permutations(range(3)) for ways in product((0, 1), repeat=3)]  # fmt: skip
TASK = Task.load("lumbar-spine")


def ellipse(noise: float = 20.0, seed: int = 0) -> tuple[Volume, NDArray[np.bool_]]:
    """A bright elliptical body, darker towards its depth, in a noisy background; 12 slices of 4 mm to the right."""
    shape = (12, 90, 80)
    r, a, s = np.ogrid[tuple(slice(n) for n in shape)]
    radius = ((a - 40) / 30) ** 2 + ((s - 42) / 25) ** 2 + 0 * r
    body = radius <= 1
    rng = np.random.default_rng(seed)
    array = np.where(body, 150 + 350 * radius, 0) + np.abs(rng.normal(0, noise, shape))
    # two blobs outside, as of a fold-over or a fiducial
    array[:, 80:84, 5:9] = 400
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (-24, 30, -70)
    return Volume(array.astype(np.int16), affine), body


def labelled(scan: Volume) -> LabelMap:
    array = np.zeros(scan.shape, np.uint8)
    array[3:8, 30:45, 30:40], array[3:8, 30:45, 44:54] = 1, 2
    return LabelMap(array, scan.affine, task=TASK)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_normalisations_are_numpys(dtype: type) -> None:
    array = np.random.default_rng(1).gamma(2, 20, (9, 10, 11)).astype(dtype)
    x = array.astype(np.float64)
    np.testing.assert_allclose(normalise(array, "z-score"), (x - x.mean()) / x.std(), atol=1e-4)
    np.testing.assert_allclose(normalise(array, "min-max"), (x - x.min()) / (x.max() - x.min()), atol=1e-5)
    ordered = np.sort(x.ravel())
    low, high = (np.interp(q * (x.size - 1), np.arange(x.size), ordered) for q in (0.005, 0.995))
    np.testing.assert_allclose(normalise(array), np.clip((x - low) / (high - low), 0, 1.5), atol=1e-5)


@given(st.floats(0.1, 100), st.floats(-1000, 1000))
@settings(max_examples=20)
def test_normalisation_forgets_gain_and_offset(gain: float, offset: float) -> None:
    array = np.random.default_rng(2).normal(100, 30, (6, 7, 8))
    for method in ("percentile", "min-max", "z-score"):
        np.testing.assert_allclose(normalise(gain * array + offset, method), normalise(array, method), atol=2e-3)


def test_one_bright_voxel_does_not_darken_the_scan() -> None:
    array = np.random.default_rng(3).normal(100, 10, (20, 20, 20))
    bright = array.copy()
    bright[0, 0, 0] = 1e6
    assert np.abs(normalise(bright)[1:] - normalise(array)[1:]).max() < 0.01
    assert normalise(bright).max() == 1.5


def test_a_constant_scan_becomes_zeros() -> None:
    for method in ("percentile", "min-max", "z-score"):
        result = normalise(np.full((4, 4, 4), 7, np.int16), method)
        assert result.dtype == np.float32
        assert not result.any()


def test_body_mask_is_the_ellipse() -> None:
    scan, body = ellipse()
    found = body_mask(scan)
    dice = 2 * (found & body).sum() / (found.sum() + body.sum())
    assert dice > 0.95
    assert not found[:, 80:84, 5:9].any(), "a bright spot beside the body is not the body"


def test_both_legs_are_the_body() -> None:
    shape = (100, 60, 8)
    i, j, _ = np.ogrid[tuple(slice(n) for n in shape)]
    left, right = (
        ((i - at) ** 2 + (j - 30) ** 2 <= radius**2) & np.ones(shape, bool) for at, radius in ((26, 18), (72, 20))
    )
    noise = np.abs(np.random.default_rng(0).normal(0, 8, shape))
    scan = Volume((300 * (left | right) + noise).astype(np.int16), np.diag([1.5, 1.5, 6.0, 1.0]))
    found = body_mask(scan)
    assert found[left].mean() > 0.97
    assert found[right].mean() > 0.97
    assert found[:, :3].mean() < 0.01
    box = body_box(scan)
    assert box[0].start <= 8
    assert box[0].stop >= 92


def test_body_mask_has_no_holes() -> None:
    scan, body = ellipse()
    scan.array[:, 35:45, 38:46] = 0  # air in the bowel
    assert body_mask(scan)[body].mean() > 0.99


def test_body_box_holds_the_body_with_its_margin_and_no_more() -> None:
    scan, _ = ellipse()
    box = body_box(scan, margin_mm=5.0)
    assert (box[0].start, box[0].stop) == (0, 12)
    for axis, low, high in ((1, 10, 70), (2, 17, 67)):
        assert low - 5 - 2 <= box[axis].start <= low - 5 + 2
        assert high + 6 - 2 <= box[axis].stop <= high + 6 + 2


def test_a_constant_scan_is_all_body() -> None:
    assert body_mask(Volume(np.full((5, 5, 5), 3), np.eye(4))).all()


def test_label_box_counts_its_margin_in_mm() -> None:
    labels = labelled(ellipse()[0])
    assert label_box(labels, 8.0) == (slice(1, 10), slice(22, 53), slice(22, 62))
    assert label_box(labels, 1000.0) == tuple(slice(0, n) for n in labels.shape)
    empty = LabelMap(np.zeros_like(labels.array), labels.affine, task=TASK)
    assert label_box(empty, 5.0) == tuple(slice(0, n) for n in labels.shape)


@pytest.mark.parametrize(("plane", "codes"), [("sagittal", "RIP"), ("axial", "SPL"), ("coronal", "AIL")])
def test_every_orientation_gives_the_same_working_volume_and_labels(plane: str, codes: str) -> None:
    scan, _ = ellipse()
    labels = labelled(scan)
    how = Preprocessing(plane=plane, spacing_mm=(1.5, 1.25))
    expected = working_volume(scan, how)
    on_it = working_labels(labels, expected)
    assert expected.orientation == codes
    assert expected.array.dtype == np.float32
    for stored in ALL_48:
        found = working_volume(scan.reoriented(stored), how)
        np.testing.assert_allclose(found.affine, expected.affine, atol=1e-9)
        np.testing.assert_allclose(found.array, expected.array, atol=1e-5)
    for stored in ALL_48[::5]:
        np.testing.assert_array_equal(working_labels(labels.reoriented(stored), expected).array, on_it.array)


def test_axes_of_a_sagittal_working_volume_run_right_down_and_back() -> None:
    array = np.zeros((4, 50, 60), np.float32)
    array[3, 40, 55] = 1  # right, front, top
    how = Preprocessing(region="none", normalisation="min-max")
    working = working_volume(Volume(array, np.diag([4.0, 1, 1, 1])), how)
    assert np.unravel_index(working.array.argmax(), working.shape) == (3, 60 - 1 - 55, 50 - 1 - 40)


def test_spacing_is_what_was_asked_and_slices_stay() -> None:
    scan, _ = ellipse()
    working = working_volume(scan, Preprocessing(spacing_mm=(2.0, 1.5), region="none"))
    assert working.spacing_mm == pytest.approx((4.0, 2.0, 1.5))
    assert working.shape == (12, 40, 60)


def test_own_spacing_leaves_the_grid() -> None:
    scan, _ = ellipse()
    working = working_volume(scan, Preprocessing(spacing_mm=None, region="none"))
    assert working.spacing_mm == pytest.approx((4.0, 1.0, 1.0))
    np.testing.assert_allclose(working.array, normalise(scan.reoriented("RIP").array), atol=1e-6)


@pytest.mark.parametrize("size", [(256, 128, 32), (40, 64, 5)])
def test_a_fixed_size_covers_the_same_box(size: tuple[int, int, int]) -> None:
    scan, _ = ellipse()
    working = working_volume(scan, Preprocessing.model_validate({"size": size, "region": "none"}))
    rows, columns, slices = size
    assert working.shape == (slices, rows, columns)
    np.testing.assert_allclose(
        np.sort(working.grid.corners_mm(), axis=0), np.sort(scan.grid.corners_mm(), axis=0), atol=1e-6
    )


def test_a_point_keeps_its_place_through_resampling() -> None:
    i, j, k = np.meshgrid(*(np.arange(n) for n in (10, 40, 44)), indexing="ij")
    blob = np.exp(-((4 * (i - 5)) ** 2 + (j - 22) ** 2 + (k - 17) ** 2) / (2 * 6.0**2)).astype(np.float32)
    scan = Volume(blob, np.diag([4.0, 1, 1, 1]))
    working = working_volume(scan, Preprocessing(spacing_mm=(1.7, 0.8), region="none", normalisation="min-max"))
    where = np.argwhere(working.array > 0.05)
    weight = working.array[working.array > 0.05]
    centre = working.world_mm(where) * weight[:, None]
    np.testing.assert_allclose(centre.sum(axis=0) / weight.sum(), (20, 22, 17), atol=0.1)


def test_labels_are_never_blended() -> None:
    scan, _ = ellipse()
    labels = labelled(scan)
    labels.array[3:8, 30:45, 40:44] = 201
    working = working_volume(scan, Preprocessing(spacing_mm=(0.7, 2.3)))
    found = working_labels(labels, working)
    assert found.values() == [1, 2, 201]
    assert found.grid.matches(working.grid)
    for value in (1, 2, 201):
        volume = (found.array == value).sum() * found.voxel_volume_mm3
        assert volume == pytest.approx((labels.array == value).sum() * labels.voxel_volume_mm3, rel=0.12)


@pytest.mark.parametrize(("spacing", "offset"), [(4.0, 1), (1.0, 4), (0.9, 4), (2.0, 2), (5.0, 1), (30.0, 1)])
def test_neighbours_are_taken_about_four_mm_away(spacing: float, offset: int) -> None:
    assert context_offset(spacing, 4.0) == offset


def test_context_repeats_the_end_slices() -> None:
    array = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((6, 2, 3), np.float32)

    def seen(indices: list[int], channels: int, offset: int) -> list[list[float]]:
        return slices_with_context(array, np.array(indices), channels, offset)[:, :, 0, 0].tolist()

    assert seen([0, 3, 5], 3, 1) == [[0, 0, 1], [2, 3, 4], [4, 5, 5]]
    assert seen([1, 5], 5, 4) == [[0, 0, 1, 5, 5], [0, 1, 5, 5, 5]]
    assert seen([2], 1, 9) == [[2]]
    assert slices_with_context(array, np.array([0, 1]), 3, 1).shape == (2, 3, 2, 3)


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValidationError, match="odd"):
        Preprocessing(channels=4)
    with pytest.raises(ValidationError, match="either spacing_mm or size"):
        Preprocessing(size=(8, 8, 8), spacing_mm=(1.0, 1.0))


def test_toml_without_null_can_say_own_spacing_and_size() -> None:
    assert Preprocessing.model_validate({}).spacing_mm == (1.0, 1.0)
    assert Preprocessing.model_validate({"spacing_mm": "own"}).spacing_mm is None
    assert Preprocessing.model_validate({"size": [256, 128, 32]}).spacing_mm is None
    for how in (Preprocessing(spacing_mm=None), Preprocessing(size=(9, 9, 9), spacing_mm=None), Preprocessing()):
        assert Preprocessing.model_validate_json(how.model_dump_json()) == how


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["calves", "thighs"])
def test_the_box_of_a_real_scan_of_both_legs_holds_both(data: Path, name: str) -> None:
    scan = read(data / "leg-mri" / f"{name}.nii.gz").reoriented("RAS")
    across = body_box(scan)[0]
    width_mm = (across.stop - across.start) * scan.spacing_mm[0]
    middle_mm = (across.start + across.stop) / 2 * scan.spacing_mm[0]
    assert width_mm > 280
    assert abs(middle_mm - scan.shape[0] * scan.spacing_mm[0] / 2) < 40
