"""The lowest level is found by all that is known of the column, not by the looks of one body alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from osteon.postprocessing.anchor import lowest_level
from osteon.postprocessing.column import Body


def column(
    shares: Sequence[float], voxels: Sequence[int] | None = None, steps_mm: Sequence[float] | None = None
) -> list[Body]:
    """Bodies from the lowest up: shares of the anchor's class, volumes, distances to the next."""
    voxels = voxels or [1000] * len(shares)
    heights = np.concatenate([[0.0], np.cumsum(steps_mm or [36.0] * (len(shares) - 1))])
    rows = zip(shares, voxels, heights, strict=True)
    return [Body((n,), np.array([0.0, 0.0, z]), v, s) for n, (s, v, z) in enumerate(rows, start=1)]


@pytest.mark.parametrize("bodies", range(1, 9))
def test_a_body_of_the_anchors_class_is_the_lowest_level_wherever_it_stands(bodies: int) -> None:
    for place in range(bodies):
        assert lowest_level(column([float(n == place) for n in range(bodies)])) == place


@pytest.mark.parametrize("bodies", range(1, 9))
def test_without_a_word_of_the_network_the_lowest_body_is_the_lowest_level(bodies: int) -> None:
    assert lowest_level(column([0.0] * bodies)) == 0


def test_the_body_above_a_doubtful_sacrum_is_chosen_by_size_and_distance() -> None:
    shares = [0.93, 0.30, 0.0, 0.0, 0.0]
    assert lowest_level(column(shares, [350, 800, 1100, 1100, 1000], [32, 37, 37, 36])) == 1
    # the same shares, but a body as large and as far from the next as a vertebra
    assert lowest_level(column(shares, [900, 1000, 1100, 1100, 1000], [36, 37, 37, 36])) == 0


def test_a_lowest_level_that_was_found_in_part_keeps_its_name() -> None:
    assert lowest_level(column([1.0, 0.0, 0.0, 0.0, 0.0], [30, 1000, 1000, 1000, 1000], [28, 36, 36, 36])) == 0
    assert lowest_level(column([1.0, 0.34, 0.0, 0.0, 0.0], [30, 420, 1100, 1000, 900], [34, 34, 37, 36])) == 0


def test_two_pieces_of_the_sacrum_are_left_out_where_three_bodies_look_like_the_lowest() -> None:
    assert lowest_level(column([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], [100, 150, 900, 1000, 1000, 1000])) == 2


def test_a_missing_level_above_is_no_clue() -> None:
    assert lowest_level(column([1.0, 0.2, 0.0, 0.0], None, [72, 36, 36])) == 0


def test_the_order_of_magnitude_of_voxels_and_mm_does_not_matter() -> None:
    shares = [0.93, 0.30, 0.0, 0.0, 0.0]
    for scale in (0.5, 2.0):
        small = column(
            shares, [round(v * scale**3) for v in (350, 800, 1100, 1100, 1000)], [32 * scale, 37 * scale] * 2
        )
        assert lowest_level(small) == 1
