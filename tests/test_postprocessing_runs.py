"""Runs of pixels instead of pixels: parts, holes and slices against scipy, on thousands of random pictures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from osteon.postprocessing import denoise_slices
from osteon.postprocessing.parts import Least, parts_of
from osteon.postprocessing.runs import picture_axes, runs_of

AFFINE = np.eye(4)


def by_scipy(labels: np.ndarray, axis: int, share: float) -> np.ndarray:
    """The study's denoising, one structure in one slice after the other."""
    result = labels.copy()
    for before, after in zip(np.moveaxis(labels, axis, 0), np.moveaxis(result, axis, 0), strict=True):
        cleaned = []
        for value in np.unique(before[before != 0]):
            mask = before == value
            smallest = int(share * mask.sum())
            filled = mask | small_parts(~mask, smallest)
            kept = filled & ~small_parts(filled, smallest)
            after[mask & ~kept] = 0
            cleaned.append((value, kept & ~mask))
        for value, filled in cleaned:
            after[filled & (after == 0)] = value
    return result


def small_parts(mask: np.ndarray, smallest: int) -> np.ndarray:
    parts = ndimage.label(mask)[0]
    small = np.bincount(parts.ravel()) < smallest
    small[0] = False
    return small[parts]


def random_labels(rng: np.random.Generator, kind: int) -> np.ndarray:
    shape, values = rng.integers(1, 20, 3), int(rng.integers(2, 6))
    if kind == 0:  # nothing but edges
        labels = rng.integers(0, values, shape)
    elif kind == 1:  # specks or holes
        labels = (rng.random(shape) < rng.random()) * rng.integers(1, values, shape)
    else:  # blobs
        smooth = ndimage.gaussian_filter(rng.standard_normal(shape), 2 * rng.random())
        labels = np.digitize(smooth, np.quantile(smooth, np.linspace(0, 1, values + 1)[1:-1]))
    return np.array(labels, dtype=rng.choice([np.uint8, np.uint16, np.int32]), order=rng.choice(["C", "F"]))


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("axis", range(3))
def test_denoising_equals_scipy_in_every_picture(kind: int, axis: int) -> None:
    rng = np.random.default_rng(10 * kind + axis)
    changed = 0
    for share in (0.0, 0.01, 0.05, 0.2, 0.5, 0.9) * 3:
        labels = random_labels(rng, kind)
        before = labels.copy()
        found = denoise_slices(labels, axis, share)
        np.testing.assert_array_equal(found, by_scipy(labels, axis, share))
        np.testing.assert_array_equal(labels, before)
        assert found.dtype == labels.dtype
        changed += np.count_nonzero(found != labels)
    assert changed > 0


@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_parts_are_those_of_scipy_however_the_array_lies_in_memory(turn: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    for kind in (0, 1, 2) * 8:
        labels = random_labels(rng, kind).transpose(turn)
        found = parts_of(labels, [1, 3], AFFINE, Least(2, 0.05))
        for value in (1, 3):
            numbers, count = ndimage.label(labels == value, np.ones((3, 3, 3)))
            sizes = np.bincount(numbers.ravel())[1:]
            enough = sizes >= max(2, 0.05 * sizes.max(initial=0))
            of_value = [part for part in found if part.value == value]
            assert [part.voxels for part in of_value] == sorted(sizes[enough], reverse=True)
            whole = np.zeros(labels.shape, dtype=int)
            for part in of_value:
                assert part.mask.sum() == part.voxels
                assert all(part.mask.any(axis=other).any() for other in range(3))
                seen = np.unique(numbers[part.box][part.mask])
                assert len(seen) == 1
                whole[part.box] += part.mask
            np.testing.assert_array_equal(whole, np.isin(numbers, 1 + np.flatnonzero(enough)))
            assert count >= len(of_value)


def test_runs_never_go_around_the_end_of_a_row() -> None:
    picture = np.array([[0, 2, 2], [2, 0, 0], [2, 2, 2]], np.uint8)
    runs = runs_of([picture, np.zeros_like(picture), picture.T])
    assert list(zip(runs.picture, runs.row, runs.start, runs.stop, strict=True)) == [
        (0, 0, 1, 3),
        (0, 1, 0, 1),
        (0, 2, 0, 3),
        (2, 0, 1, 3),
        (2, 1, 0, 1),
        (2, 1, 2, 3),
        (2, 2, 0, 1),
        (2, 2, 2, 3),
    ]


def test_pictures_are_taken_as_they_lie_in_memory() -> None:
    array = np.zeros((3, 4, 5), order="F")
    assert picture_axes(array) == (2, 1, 0)
    assert picture_axes(array, 0) == (0, 2, 1)
    assert picture_axes(np.ascontiguousarray(array), 2) == (2, 0, 1)
