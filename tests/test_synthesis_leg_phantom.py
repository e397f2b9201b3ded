"""Phantoms of legs: a person is the same in every contrast, and what is written is read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteon.anatomy import Task
from osteon.cohort.spider import import_spider
from osteon.errors import UsageError
from osteon.io import read, read_labels
from osteon.synthesis import draw_legs, make_leg_phantom, write_leg_cohort, write_phantom
from osteon.synthesis.scanner import ScanGeometry

COARSE = (6.0, 6.0, 6.0)
THICK = ScanGeometry(spacing_mm=(6.0, 14.0))
LEGS = Task.load("leg-bones")


def test_a_person_has_the_same_labels_in_every_contrast() -> None:
    first, second = (
        make_leg_phantom(seed=4, protocol=name, age_years=30, geometry=THICK, spacing_mm=COARSE)
        for name in ("t1-se", "stir")
    )
    assert first.body.truth == second.body.truth
    assert np.array_equal(first.labels.array, second.labels.array)
    assert not np.array_equal(first.scan.array, second.scan.array)
    assert set(first.labels.values()) == {s.value for s in LEGS.structures}


def test_another_seed_is_another_person_and_a_child_is_smaller() -> None:
    adult, other, child = (
        draw_legs(seed, age_years=age, spacing_mm=COARSE).truth for seed, age in ((1, 30), (2, 30), (1, 6))
    )
    length = "femur-right.mechanical_length_mm"
    assert adult[length] != other[length]
    assert child[length] < 0.75 * adult[length]


def test_every_second_person_is_a_child_where_no_age_is_asked_for() -> None:
    ages = [draw_legs(seed, spacing_mm=(16.0, 16.0, 16.0)).age_years for seed in range(8)]
    children = sum(age is not None and age < 18 for age in ages)
    assert 1 <= children <= 7


def test_a_phantom_is_read_again_from_dicom_and_nifti(tmp_path: Path) -> None:
    phantom = make_leg_phantom(seed=1, age_years=8, geometry=THICK, spacing_mm=COARSE)
    paths = write_phantom(phantom, tmp_path, seed=1)
    again = read(paths.dicom)
    assert sorted(again.shape) == sorted(phantom.scan.shape)
    assert again.array.sum(dtype=np.int64) == phantom.scan.array.sum(dtype=np.int64)
    labels = read_labels(paths.labels, LEGS)
    assert np.array_equal(labels.array, phantom.labels.array)
    assert labels.grid.matches(read(paths.scan).grid)


def test_a_cohort_of_legs_is_imported(tmp_path: Path) -> None:
    folder = write_leg_cohort(
        tmp_path / "legs", count=2, seed=3, protocols=("t1-gre",), geometry=THICK, spacing_mm=COARSE
    )
    cohort = import_spider(folder, tmp_path / "cohort", task=LEGS)
    assert [case.name for case in cohort.cases] == ["1_t1-gre", "2_t1-gre"]
    assert {case.subject for case in cohort.cases} == {"1", "2"}


@pytest.mark.parametrize(("how", "said"), [({"protocol": "ultrasound"}, "ultrasound"), ({"age_years": 1.0}, "4 years")])
def test_what_cannot_be_made_is_refused(how: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_leg_phantom(seed=0, geometry=THICK, spacing_mm=COARSE, **how)  # type: ignore[arg-type]
