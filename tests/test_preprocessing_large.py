"""What is done in slabs, blocks and counts for the sake of memory is what would be done at once."""

from __future__ import annotations

import numpy as np
import pytest

from osteon.preprocessing import Preprocessing, TurnedScan, body_box, prepare, resampled_in_plane, turned_scan
from osteon.preprocessing import coarse as coarse_module
from osteon.preprocessing import percentiles as percentiles_module
from osteon.preprocessing.coarse import block_means
from osteon.preprocessing.intensity import IntensityRange, normalise
from osteon.preprocessing.percentiles import percentiles
from osteon.volume import Volume

AFFINE = np.diag([0.8, 0.7, 2.0, 1.0])


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1)])
def test_percentiles_are_those_of_numpy(
    kind: type, turn: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(percentiles_module, "PART", 50)
    rng = np.random.default_rng(1)
    for size in ((1, 1, 1), (7, 5, 3), (20, 11, 9)):
        array = (rng.standard_normal(size) * 90 + (100 if np.dtype(kind).kind == "u" else 0)).clip(-250, 250)
        array = np.abs(array).astype(kind) if np.dtype(kind).kind == "u" else array.astype(kind)
        array = array.transpose(turn)[::-1]
        shares = (0.0, 0.5, 33.3, 50.0, 99.5, 100.0)
        expected = np.percentile(array.astype(np.float32).astype(np.float64), shares)
        np.testing.assert_allclose(percentiles(array, shares), expected, rtol=1e-6, atol=1e-9)


def test_percentiles_order_zeros_of_both_signs_and_tiny_numbers() -> None:
    array = np.array([-0.0, 0.0, -1e-40, 1e-40, -3e38, 3e38, 5.0], dtype=np.float32)
    assert percentiles(array, (0, 100)) == (np.float32(-3e38), np.float32(3e38))
    assert percentiles(array, (50,)) == (0.0,)


def test_block_means_are_means_and_lie_where_their_voxels_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse_module, "SLAB_VOXELS", 60)
    array = np.random.default_rng(0).integers(0, 900, (13, 9, 8)).astype(np.uint16)
    for order in ("C", "F"):
        found = block_means(Volume(np.array(array, order=order), AFFINE), (3, 2, 1))
        assert found.shape == (4, 4, 8)
        expected = array[:12, :8].reshape(4, 3, 4, 2, 8, 1).mean(axis=(1, 3, 5))
        np.testing.assert_allclose(found.array, expected, rtol=1e-6)
        np.testing.assert_allclose(found.world_mm(np.array([[1, 2, 3]])), (AFFINE @ [4, 4.5, 3, 1])[None, :3])


@pytest.mark.parametrize("spacing", [(1.1, 1.3), None])
def test_slabs_of_a_scan_are_resampled_as_the_whole(
    spacing: tuple[float, float] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = Volume(np.random.default_rng(2).integers(0, 500, (17, 14, 12)).astype(np.int16), AFFINE)
    how = Preprocessing(plane="axial", spacing_mm=spacing, region="none")
    turned = turned_scan(scan, how)
    whole = resampled_in_plane(turned, how)
    monkeypatch.setattr(prepare, "SLAB_VOXELS", 3 * 14 * 17)
    slabs = resampled_in_plane(turned, how)
    np.testing.assert_allclose(slabs.array, whole.array, atol=1e-6)
    at_once = Volume(normalise(turned.volume.array), turned.volume.affine).resampled(whole.grid)
    np.testing.assert_allclose(whole.array, at_once.array, atol=1e-6)
    assert whole.grid.matches(at_once.grid)


def test_a_turned_scan_is_a_view_of_the_scan() -> None:
    scan = Volume(np.zeros((20, 20, 20), np.int16), AFFINE)
    turned = turned_scan(scan, Preprocessing(plane="axial"))
    assert isinstance(turned, TurnedScan)
    assert np.shares_memory(turned.volume.array, scan.array)


def test_normalising_does_not_change_the_scan() -> None:
    array = np.random.default_rng(3).random((4, 5, 6), dtype=np.float32)
    before = array.copy()
    for method in ("percentile", "min-max", "z-score"):
        IntensityRange.of(array, method).normalised(array)  # type: ignore[arg-type]
    np.testing.assert_array_equal(array, before)


def test_the_box_holds_thin_dark_feet_below_bright_legs() -> None:
    """An opening by coarse voxels would lose them, and the slices in which they lie."""
    array = np.zeros((200, 200, 60), np.uint16)
    array[60:140, 60:140, 10:] = 1000
    array[60:66, 60:140, :10] = 250
    rng = np.random.default_rng(0)
    array += rng.integers(0, 20, array.shape).astype(np.uint16)
    box = body_box(Volume(array, np.diag([0.8, 0.8, 2.1, 1.0])))
    assert box[2].start == 0
    assert abs(box[0].start - (60 - 6)) <= 3
    assert abs(box[0].stop - (140 + 6)) <= 4
