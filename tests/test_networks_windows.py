"""Networks of patches answer for volumes of any size: windows overlap, and their middles count most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon.inference import Engine, engine_for, predict
from osteon.networks.forward import volume_logits
from osteon.networks.windows import window_logits
from osteon.preprocessing import Preprocessing
from osteon.volume import Volume
from small_models import random_model, small

Array = NDArray[np.float32]
PATCH = (4, 16, 8)


def each_voxel(x: Array) -> Array:
    """A network that looks at each voxel alone: its value, and its negative."""
    return np.concatenate([x, -x], axis=1)


def own_mean(x: Array) -> Array:
    """A network whose answer is the mean of its window: neighbouring windows disagree."""
    return np.broadcast_to(x.mean(axis=(2, 3, 4), keepdims=True), x.shape).copy()


def noise(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def blended_by_hand(array: Array) -> Array:
    """Windows at every half side and at the end, weighted by a Gaussian of an eighth of the side."""
    weights = np.ones(PATCH)
    for axis, side in enumerate(PATCH):
        at = np.arange(side) - (side - 1) / 2
        shape = [-1 if a == axis else 1 for a in range(3)]
        weights = weights * np.exp(-0.5 * (at / (0.125 * side)) ** 2).reshape(shape)
    weights = np.maximum(weights, max(weights.min(), 1e-3))
    starts = [sorted({*range(0, n - side, side // 2), n - side}) for n, side in zip(array.shape, PATCH, strict=True)]
    total, weight = np.zeros(array.shape), np.zeros(array.shape)
    for i in starts[0]:
        for j in starts[1]:
            for k in starts[2]:
                window = np.s_[i : i + PATCH[0], j : j + PATCH[1], k : k + PATCH[2]]
                total[window] += weights * array[window].mean()
                weight[window] += weights
    return (total / weight).astype(np.float32)


@pytest.mark.parametrize("shape", [(4, 16, 8), (11, 37, 21), (1, 9, 30), (2, 3, 4)])
def test_windows_cover_every_voxel_and_leave_no_seams(shape: tuple[int, int, int]) -> None:
    array = noise(shape)
    found = window_logits(array, PATCH, each_voxel)
    assert found.shape == (2, *shape)
    np.testing.assert_allclose(found, np.stack([array, -array]), atol=1e-5)


def test_windows_that_disagree_are_blended_by_their_distance_from_the_middle() -> None:
    array = noise((9, 40, 19))
    found = window_logits(array, PATCH, own_mean)[0]
    np.testing.assert_allclose(found, blended_by_hand(array), atol=1e-5)


def test_a_volume_smaller_than_a_window_is_padded_by_its_edge() -> None:
    seen: list[Array] = []

    def look(x: Array) -> Array:
        seen.append(x.copy())
        return x

    window_logits(np.full((2, 16, 8), 7, np.float32), PATCH, look)
    assert [x.shape for x in seen] == [(1, 1, *PATCH)]
    assert (seen[0] == 7).all()


def test_slices_of_windows_come_in_order_and_once() -> None:
    working = Volume(noise((7, 20, 12)), np.diag([4.0, 1, 1, 1]))
    parts = list(volume_logits(working, Preprocessing(), PATCH, each_voxel, 3))
    assert [list(indices) for indices, _ in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    answer = np.concatenate([logits[:, 0] for _, logits in parts])
    np.testing.assert_allclose(answer, working.array, atol=1e-5)


def test_a_scan_of_any_size_is_segmented_in_patches_the_same_by_both_engines(tmp_path: Path) -> None:
    how = Preprocessing(spacing_mm=None, region="none")
    network = small("unet3d", patch=(16, 32, 32))
    model = random_model(tmp_path / "tiny", network=network, preprocessing=how)
    scan = Volume(noise((9, 40, 50)), np.diag([4.0, 1, 1, 1]))
    answers = [predict(scan, model, engine_for(model, engine, "cpu")) for engine in ("torch", "openvino")]
    for answer in answers:
        assert answer.classes.shape == scan.shape
        assert answer.probabilities.shape[0] == 3
        total = answer.probabilities.astype(int).sum(axis=0)
        assert np.abs(total - 255).max() <= 2  # each is rounded
    # rounding may differ by a step
    difference = np.abs(answers[0].probabilities.astype(int) - answers[1].probabilities.astype(int))
    assert difference.max() <= 1


def test_the_answer_of_patches_lies_where_the_scan_lies(tmp_path: Path) -> None:
    """A network that calls bright voxels the first class, on a scan stored in another orientation."""
    how = Preprocessing(spacing_mm=None, normalisation="min-max", region="none")
    network = small("unet3d", patch=(16, 32, 32))
    model = random_model(tmp_path / "tiny", network=network, preprocessing=how)

    def bright(x: Array) -> Array:
        return np.concatenate([np.full_like(x, 0.5), x, np.zeros_like(x)], axis=1) * 50

    array = np.zeros((20, 36, 45), np.float32)
    array[5:9, 10:30, 20:41] = 1
    scan = Volume(array, np.diag([4.0, 1, 1, 1])).reoriented("PIL")
    found = predict(scan, model, Engine("bright", bright)).classes
    np.testing.assert_array_equal(found.array, scan.array > 0.5)
