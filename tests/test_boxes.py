"""Boxes hold what is labelled and nothing more, however an array lies in memory."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.boxes import boxes_of, held_box, within
from osteon.volume import LabelMap

LEGS = Task.load("leg-bones")


def by_looking(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    index = np.argwhere(mask)
    return tuple(slice(int(a), int(b) + 1) for a, b in zip(index.min(axis=0), index.max(axis=0), strict=True))


def scattered(seed: int) -> NDArray[np.uint8]:
    """A few voxels of five structures in a volume of odd sizes."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(rng.integers(1, 14, 3), dtype=np.uint8)
    for value in (1, 2, 3, 13, 14):
        for _ in range(int(rng.integers(0, 4))):
            labels[tuple(rng.integers(0, labels.shape))] = value
    return labels


@pytest.mark.parametrize(("order", "turned"), list(product(permutations(range(3)), (1, -1))))
def test_boxes_are_those_found_by_looking_at_every_voxel(order: tuple[int, ...], turned: int) -> None:
    for seed in range(30):
        labels = scattered(seed).transpose(order)[::turned]
        held = held_box(labels)
        if not labels.any():
            assert held is None
            continue
        assert held == by_looking(labels != 0)
        expected = {int(value): by_looking(labels == value) for value in np.unique(labels) if value}
        assert boxes_of(labels, held) == expected


def test_box_of_a_box_is_where_it_lies_in_the_whole() -> None:
    outer, inner = (slice(2, 9), slice(0, 4), slice(5, 8)), (slice(1, 3), slice(0, 1), slice(2, 3))
    whole = np.arange(1000).reshape(10, 10, 10)
    np.testing.assert_array_equal(whole[within(outer, inner)], whole[outer][inner])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_label_map_knows_its_values_and_boxes(dtype: type[np.integer]) -> None:
    array = np.zeros((9, 7, 5), dtype=dtype, order="F")
    empty = LabelMap(array, np.eye(4), task=LEGS)
    assert (empty.held, empty.boxes, empty.values()) == (None, {}, [])
    array = array.copy()
    array[8, 6, 4], array[3, 2:4, 1] = 14, 2
    labels = LabelMap(array, np.eye(4), task=LEGS)
    assert labels.values() == [2, 14]
    assert labels.held == (slice(3, 9), slice(2, 7), slice(1, 5))
    assert labels.boxes == {2: (slice(3, 4), slice(2, 4), slice(1, 2)), 14: (slice(8, 9), slice(6, 7), slice(4, 5))}
