"""Spread over subjects and paired differences, against hand-made cases and second implementations."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from osteon.anatomy import Task
from osteon.study.comparing import differences, found_share, holm, spread
from osteon.study.matching import best_dice
from osteon.study.tables import number, p_value, spread_of
from osteon.volume import LabelMap

TASK = Task.load("lumbar-spine")


def scores(**arms: list[float]) -> pd.DataFrame:
    """One structure, one case a subject."""
    rows = [
        {"arm": arm.replace("_", "-"), "fold": 0, "subject": f"s{n}", "case": f"c{n}", "structure": "x",
         "status": "defined", "dice": dice, "dice_any_name": dice, "volume_error_percent": 10.0 * (-1) ** n,
         "hausdorff95_mm": 1.0, "average_surface_distance_mm": 1.0}
        for arm, values in arms.items() for n, dice in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_p_value_is_that_of_every_way_to_sign_the_ranks() -> None:
    gain = np.array([0.01, 0.03, -0.02, 0.05, 0.04, 0.06, 0.07])
    base = np.linspace(0.6, 0.9, 7)
    found = differences(scores(one=list(base), two=list(base + gain)), {"two": "one"})
    ranks = np.argsort(np.argsort(np.abs(gain))) + 1
    seen = (ranks * np.sign(gain)).sum()
    every = [np.dot(ranks, signs) for signs in product((-1, 1), repeat=7)]
    exact = np.mean(np.abs(every) >= abs(seen))
    row = found.iloc[0]
    assert row["p"] == pytest.approx(exact)
    assert (row["better"], row["worse"], row["subjects"]) == (6, 1, 7)
    assert row["mean_difference"] == pytest.approx(gain.mean())


def test_the_interval_is_that_of_the_mean_over_subjects() -> None:
    gain = np.random.default_rng(1).normal(0.05, 0.1, 60)
    found = differences(scores(one=[0.5] * 60, two=list(0.5 + gain)), {"two": "one"}).iloc[0]
    # the central limit theorem says the same
    half = 1.96 * gain.std(ddof=1) / np.sqrt(60)
    assert found["low"] == pytest.approx(gain.mean() - half, abs=0.003)
    assert found["high"] == pytest.approx(gain.mean() + half, abs=0.003)
    again = differences(scores(one=[0.5] * 60, two=list(0.5 + gain)), {"two": "one"}).iloc[0]
    assert found["low"] == again["low"], "the same seed, the same interval"


def test_only_subjects_of_both_arms_are_compared() -> None:
    table = scores(one=[0.5, 0.6, 0.7, 0.8], two=[0.4, 0.5])
    found = differences(table, {"two": "one", "one": "one", "two-more": "one"})
    assert list(found["arm"]) == ["two"]
    assert found.iloc[0]["subjects"] == 2
    lone = differences(scores(one=[0.5], two=[0.4]), {"two": "one"}).iloc[0]
    assert np.isnan([lone["p"], lone["low"], lone["p_holm"]]).all()
    same = differences(scores(one=[0.5, 0.6], two=[0.5, 0.6]), {"two": "one"}).iloc[0]
    assert (same["p"], same["mean_difference"]) == (1.0, 0.0)


def test_holm_corrects_as_in_the_published_example() -> None:
    # Wright 1992, doi 10.2307/2532694, table 1
    p = np.array([0.01, 0.04, 0.03, 0.005, np.nan])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02, np.nan])


def test_volume_errors_of_both_signs_do_not_cancel() -> None:
    table = spread(scores(one=[0.5, 0.7])).set_index(["structure", "score"])
    assert table.loc[("all", "volume_error_percent"), "mean"] == pytest.approx(10)
    assert table.loc[("all", "dice"), "sd"] == pytest.approx(np.std([0.5, 0.7], ddof=1))


def boxes(*values: int) -> LabelMap:
    """Labels along a line of blocks of 10 voxels."""
    return LabelMap(np.repeat(np.array(values, np.uint8), 10).reshape(-1, 1, 1), np.eye(4), task=TASK)


def test_under_any_name_a_level_that_is_one_off_is_as_well_outlined() -> None:
    people, shifted = boxes(0, 1, 2, 3, 0), boxes(0, 2, 3, 4, 0)
    for name in ("vertebra-L5", "vertebra-L4", "vertebra-L3"):
        assert best_dice(shifted, people, name) == 1
    assert best_dice(boxes(0, 0, 2, 3, 0), people, "vertebra-L5") == 0, "nobody is there"
    # the body's half belongs to each neighbour: the larger shared part counts, with all of the neighbour
    assert best_dice(boxes(1, 1, 0, 3, 0), people, "vertebra-L5") == pytest.approx(2 * 10 / (10 + 20))


def test_found_is_what_has_its_own_name() -> None:
    table = scores(one=[0.9, 0.0, 0.7, float("nan")], two=[0.0, 0.0, 0.2, 0.6])
    assert found_share(table) == pytest.approx({"one": 2 / 3, "two": 1 / 4})


def test_numbers_are_written_as_people_write_them() -> None:
    assert number(-0.5, 2, sign=True) == "−0.50"
    assert number(0.5, 2, sign=True) == "+0.50"
    assert number(float("nan"), 2) == "–"
    assert spread_of(0.5, float("nan"), 1) == "0.5"
    assert spread_of(0.5, 0.25, 2) == "0.50\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.25"
    assert [p_value(p) for p in (0.0001, 0.0404, float("nan"))] == ["< 0.001", "0.040", "–"]
