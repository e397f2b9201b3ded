"""No subject ever stands on two sides, however a split is made, written or tampered with."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osteon.anatomy import Task
from osteon.cohort import Case, Cohort, Fold, Split, split
from osteon.cohort.manifest import Manifest
from osteon.errors import CohortError

TASK = Task.load("lumbar-spine")


def cohort(subjects: dict[str, tuple[str, int]], state: str = "") -> Cohort:
    """A cohort of subjects, each with its group and number of cases; only its manifest is ever looked at."""
    cases = tuple(
        Case(
            name=f"{subject}_{n}",
            subject=subject,
            group=group,
            sequence="t1",
            image="",
            labels="",
            annotated=("vertebra-L5",),
            voxels_sha256=f"{state}{subject}{n}",
        )
        for subject, (group, number) in subjects.items()
        for n in range(number)
    )
    return Cohort(Path("cohort"), Manifest(task=TASK.name, layout="spider", cases=cases), TASK)


def of_groups(**numbers: int) -> Cohort:
    return cohort({f"{group}{n:02}": (group, 1 + n % 3) for group, number in numbers.items() for n in range(number)})


def sides(fold: Fold) -> list[str]:
    return [*fold.train, *fold.validation, *fold.test]


cohorts = st.dictionaries(
    st.text("abcdefgh0123", min_size=1, max_size=4),
    st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(1, 4)),
    min_size=6,
    max_size=25,
).map(cohort)


@given(
    cohorts,
    st.sampled_from(["holdout", "k-fold", "leave-one-out"]),
    st.integers(2, 6),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 9),
)
def test_every_split_divides_all_subjects_without_overlap(
    made: Cohort, kind: Any, folds: int, test: int, validation: int, seed: int
) -> None:
    result = split(made, kind=kind, folds=folds, test=test, validation=validation, seed=seed)
    for fold in result.folds:
        assert sorted(sides(fold)) == made.subjects
        assert len(fold.validation) == validation
        assert fold.train
        # and so no case is on two sides either
        cases = [{c.name for c in made.of_subjects(side)} for side in (fold.train, fold.validation, fold.test)]
        assert sum(map(len, cases)) == len(made.cases)
    tested = Counter(s for fold in result.folds for s in fold.test)
    if kind == "holdout":
        assert len(tested) == test
    else:
        assert tested == Counter(made.subjects), "each subject is tested once"
        sizes = [len(fold.test) for fold in result.folds]
        assert max(sizes) - min(sizes) <= 1
    assert result == split(made, kind=kind, folds=folds, test=test, validation=validation, seed=seed)


def test_the_number_of_folds_is_what_was_asked() -> None:
    made = of_groups(a=7)
    assert len(split(made, kind="k-fold", folds=3).folds) == 3
    assert len(split(made, kind="leave-one-out").folds) == 7
    assert len(split(made, kind="holdout", test=2).folds) == 1


def test_another_seed_is_another_split() -> None:
    made = of_groups(a=12, b=12)
    assert len({split(made, test=6, seed=seed).folds for seed in range(5)}) > 1


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_tested_in_proportion(seed: int) -> None:
    made = of_groups(a=30, b=20, c=10)
    for fold in split(made, kind="k-fold", folds=5, validation=6, seed=seed).folds:
        for side, expected in ((fold.test, {"a": 6, "b": 4, "c": 2}), (fold.validation, {"a": 3, "b": 2, "c": 1})):
            found = Counter(s[0] for s in side)
            assert all(abs(found[g] - n) <= 1 for g, n in expected.items()), found


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "k-fold", "folds": 1},
        {"kind": "k-fold", "folds": 9},
        {"test": 8},
        {"test": 4, "validation": 4},
        {"test": -1},
        {"validation": -1},
        {"kind": "leave-one-out", "validation": 7},
    ],
)
def test_more_than_there_is_cannot_be_asked(wanted: dict[str, Any]) -> None:
    with pytest.raises(CohortError, match=r"8|negative"):
        split(of_groups(a=8), **wanted)


@pytest.mark.parametrize(
    "fold",
    [
        {"train": ("a", "b"), "validation": ("b",)},
        {"train": ("a", "b"), "test": ("a",)},
        {"train": ("a",), "validation": ("b",), "test": ("b",)},
        {"train": ("a", "a")},
    ],
)
def test_a_subject_on_two_sides_cannot_be_constructed(fold: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValidationError, match=r"subject [ab] is in"):
        Fold(**fold)
    with pytest.raises(ValidationError, match=r"subject [ab] is in"):
        Split.model_validate({"kind": "holdout", "seed": 0, "cohort_sha256": "", "folds": [fold]})


def test_a_fold_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Fold(train=("a",), test=("b",)).train = ("b",)  # type: ignore[misc]


def test_a_split_made_around_the_check_cannot_be_written(tmp_path: Path) -> None:
    leaky = Fold.model_construct(train=("a", "b"), validation=(), test=("a",))
    made = Split.model_construct(kind="holdout", seed=0, cohort_sha256="", folds=(leaky,))
    with pytest.raises(CohortError, match="subject a is in train and in test"):
        made.write(tmp_path / "split.json")
    assert not (tmp_path / "split.json").exists()


def test_a_split_read_again_is_the_split_that_was_written(tmp_path: Path) -> None:
    made = of_groups(a=6, b=5)
    wanted = split(made, kind="k-fold", folds=4, validation=2, seed=3)
    wanted.write(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json", made) == wanted


def tampered(text: str, how: str) -> str:
    content = json.loads(text)
    fold = content["folds"][0]
    if how == "leak":
        fold["train"].append(fold["test"][0])
    elif how == "stranger":
        fold["train"].append("nobody")
    elif how == "no-training":
        fold["train"] = []
    elif how == "extra":
        content["comment"] = "x"
    return text[:-9] if how == "cut" else json.dumps(content)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("leak", "is in train and in test"),
        ("stranger", "does not have: nobody"),
        ("no-training", "cannot be used"),
        ("extra", "cannot be used"),
        ("cut", "cannot be used"),
    ],
)
def test_a_tampered_split_is_refused(tmp_path: Path, how: str, said: str) -> None:
    made, path = of_groups(a=6), tmp_path / "split.json"
    split(made, test=2).write(path)
    path.write_text(tampered(path.read_text(), how))
    with pytest.raises(CohortError, match=said):
        Split.load(path, made)


def test_a_split_of_another_state_of_the_cohort_is_refused(tmp_path: Path) -> None:
    subjects = {f"s{n}": ("a", 1) for n in range(5)}
    split(cohort(subjects), test=1).write(tmp_path / "split.json")
    for changed in (cohort(subjects, state="other voxels"), cohort(subjects | {"s9": ("a", 1)})):
        with pytest.raises(CohortError, match="another state of the cohort"):
            Split.load(tmp_path / "split.json", changed)


def test_a_missing_split_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="There is no split"):
        Split.load(tmp_path / "split.json", of_groups(a=3))
    (tmp_path / "split.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CohortError, match="cannot be used"):
        Split.load(tmp_path / "split.json", of_groups(a=3))
