"""Which subjects of a fold an arm takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.study.arm import Arm, Picked, Setting


def shuffled(subjects: Sequence[str], seed: int) -> tuple[str, ...]:
    """Subjects in a random order that depends on them and the seed alone."""
    order = np.random.default_rng(seed).permutation(len(subjects))
    return tuple(sorted(subjects)[number] for number in order)


def first(number: int, seed: int) -> Picked:
    """Take so many training subjects; a smaller number takes some of those that a larger one takes."""
    return lambda fold: fold.model_copy(update={"train": tuple(sorted(shuffled(fold.train, seed)[:number]))})


def few(number: int, most: int, seed: int) -> Picked:
    """Take so many training subjects and one to validate; test on all but that one and the first ``most`` to train.

    So arms of different numbers are tested on the same subjects, and on as many as there are.
    """

    def picked(fold: Fold) -> Fold:
        learners = shuffled(fold.train, seed)
        judge = shuffled(fold.validation, seed)[:1]
        tested = set(fold.train + fold.validation + fold.test) - set(learners[:most]) - set(judge)
        return Fold(train=tuple(sorted(learners[:number])), validation=judge, test=tuple(sorted(tested)))

    return picked


def fold_of(arm: Arm, number: int, setting: Setting) -> Fold:
    """Subjects of an arm in one of the study's folds.

    Raises
    ------
    TrainingError
        If a side is empty.
    """
    cohort, split = setting.cohorts[arm.part.cohort], setting.splits[arm.part.cohort]
    if number >= len(split.folds):
        raise TrainingError(
            f"{cohort.folder.name} is split into {len(split.folds)} folds, fewer than "
            f"{setting.cohorts[0].folder.name}. Split both in the same way."
        )
    fold = split.folds[number]
    sides = {side: _of_group(getattr(fold, side), cohort, arm.part.group) for side in ("train", "validation", "test")}
    for side, subjects in sides.items():
        if not subjects:
            where = f" of group {arm.part.group}" if arm.part.group else ""
            raise TrainingError(
                f"The arm {arm.name} needs {side} subjects{where}, and the split of {cohort.folder.name} has none in "
                f"fold {number}. Split the cohort otherwise."
            )
    return arm.picked(Fold(**sides))


def groups_of(cohort: Cohort) -> dict[str, int]:
    """Groups of a cohort with their numbers of subjects, largest first."""
    subjects: dict[str, set[str]] = {}
    for case in cohort.cases:
        subjects.setdefault(case.group, set()).add(case.subject)
    return dict(sorted(((g, len(s)) for g, s in subjects.items()), key=lambda pair: (-pair[1], pair[0])))


def _of_group(subjects: Sequence[str], cohort: Cohort, group: str | None) -> tuple[str, ...]:
    if group is None:
        return tuple(subjects)
    members = {case.subject for case in cohort.cases if case.group == group}
    return tuple(subject for subject in subjects if subject in members)
