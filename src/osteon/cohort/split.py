"""Splits by subject: no subject ever stands on two sides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from osteon.cohort.manifest import Cohort, write_manifest
from osteon.errors import CohortError
from osteon.io.whole import written_whole

SPLIT = "split.json"

Kind = Literal["holdout", "k-fold", "leave-one-out"]


class Fold(BaseModel):
    """Subjects to learn from, to decide by, and to report on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: tuple[str, ...] = Field(min_length=1)
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        sides = {"train": self.train, "validation": self.validation, "test": self.test}
        where: dict[str, str] = {}
        for side, subjects in sides.items():
            for subject in subjects:
                if subject in where:
                    raise ValueError(f"subject {subject} is in {where[subject]} and in {side}")
                where[subject] = side
        return self


class Split(BaseModel):
    """One or more folds of one cohort's subjects.

    Parameters
    ----------
    kind : "holdout", "k-fold" or "leave-one-out"
    seed : int
    cohort_sha256 : str
        The cohort it was made for (`Cohort.digest`).
    folds : tuple of Fold
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    seed: int
    cohort_sha256: str
    folds: tuple[Fold, ...] = Field(min_length=1)

    def write(self, path: Path) -> None:
        """Write as JSON, whole; `CohortError` if a subject is on two sides, however the split was made."""
        text = self.model_dump_json(indent=1) + "\n"
        self._parsed(text, path)
        with written_whole(path) as part:
            part.write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: Path, cohort: Cohort) -> Split:
        """Read a split and hold it against its cohort.

        Raises
        ------
        CohortError
            If a subject is on two sides, is unknown, or the cohort has changed since.
        """
        if not path.is_file():
            raise CohortError(f"There is no split {path}. Make one with: osteon cohort split {cohort.folder}")
        split = cls._parsed(path.read_bytes(), path)
        known = set(cohort.subjects)
        for fold in split.folds:
            strangers = sorted(set(fold.train + fold.validation + fold.test) - known)
            if strangers:
                raise CohortError(f"{path} names subjects that the cohort does not have: {', '.join(strangers[:5])}.")
        if split.cohort_sha256 != cohort.digest():
            raise CohortError(f"{path} was made for another state of the cohort. Split it again: osteon cohort split")
        return split

    @classmethod
    def _parsed(cls, text: str | bytes, path: Path) -> Self:
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise CohortError(f"{path} cannot be used: {error.errors()[0]['msg']}.") from error


def split(
    cohort: Cohort, *, kind: Kind = "holdout", folds: int = 5, test: int = 0, validation: int = 0, seed: int = 0
) -> Split:
    """Divide a cohort's subjects, in every group in proportion.

    Parameters
    ----------
    cohort : Cohort
    kind : str
        ``holdout``: one fold of ``test`` and ``validation`` subjects, the rest to train on. ``k-fold``: each subject is
        tested once. ``leave-one-out``: as many folds as subjects.
    folds : int
        For ``k-fold``.
    test, validation : int
        Numbers of subjects; ``validation`` holds for every kind.
    seed : int

    Raises
    ------
    CohortError
        If there are too few subjects, or a number is negative.
    """
    if test < 0 or validation < 0:
        raise CohortError(f"Numbers of subjects cannot be negative (test {test}, validation {validation}).")
    subjects = _shuffled_in_proportion(cohort, seed)
    if kind == "holdout":
        tests = [subjects[:test]]
    else:
        number = len(subjects) if kind == "leave-one-out" else folds
        if not 2 <= number <= len(subjects):
            raise CohortError(f"{number} folds need between 2 and {len(subjects)} (the number of subjects).")
        # every number-th of an order in which groups alternate in proportion: folds differ by one subject at most
        tests = [subjects[start::number] for start in range(number)]
    made = []
    for tested in tests:
        rest = [s for s in subjects if s not in set(tested)]
        if len(rest) <= validation:
            raise CohortError(
                f"The cohort has {len(subjects)} subjects; {len(tested)} to test and {validation} to validate leave "
                "none to train on. Ask for fewer."
            )
        made.append(
            Fold(
                train=tuple(sorted(rest[validation:])),
                validation=tuple(sorted(rest[:validation])),
                test=tuple(sorted(tested)),
            )
        )
    return Split(kind=kind, seed=seed, cohort_sha256=cohort.digest(), folds=tuple(made))


def adopt_folds(cohort: Cohort, folds: Sequence[tuple[list[str], list[str]]]) -> Cohort:
    """Take over the folds of a source as the cohort's split, if no subject stands on two sides of one.

    Parameters
    ----------
    cohort : Cohort
    folds : sequence of (train, validation)
        Names of cases; those that were dropped are left out.

    Returns
    -------
    Cohort
        With a note in its manifest that says what was done. A split that is there already is left as it is.
    """
    subject_of = {case.name: case.subject for case in cohort.cases}
    sides = [tuple({subject_of[n] for n in names if n in subject_of} for names in fold) for fold in folds]
    torn = sorted({subject for train, validation in sides for subject in train & validation})
    path = cohort.folder / SPLIT
    if torn:
        note = f"The source's folds are not taken over: they have {', '.join(torn[:5])} on both sides of one."
    elif path.is_file():
        note = f"The source's folds are not taken over: the cohort has a {SPLIT} already."
    elif not all(train and validation for train, validation in sides):
        note = "The source's folds are not taken over: one has no case that was imported."
    else:
        made = tuple(Fold(train=tuple(sorted(t)), validation=tuple(sorted(v))) for t, v in sides)
        Split(kind="k-fold", seed=0, cohort_sha256=cohort.digest(), folds=made).write(path)
        note = f"The source's {len(made)} folds are taken over as {SPLIT}; no subject stands on two sides."
    manifest = cohort.manifest.model_copy(update={"notes": (*cohort.manifest.notes, note)})
    write_manifest(cohort.folder, manifest)
    return Cohort(cohort.folder, manifest, cohort.task)


def _shuffled_in_proportion(cohort: Cohort, seed: int) -> list[str]:
    """Subjects in a random order of which every beginning holds the groups nearly in proportion."""
    rng = np.random.default_rng(seed)
    group_of: dict[str, str] = {}
    for case in cohort.cases:
        group_of.setdefault(case.subject, case.group)
    keyed: list[tuple[float, str]] = []
    for group in sorted(set(group_of.values())):
        members = sorted(s for s, g in group_of.items() if g == group)
        order = rng.permutation(len(members))
        # spread a group's members evenly over 0..1, with one random phase for the group
        phase = float(rng.uniform(0.25, 0.75))
        keyed += [((place + phase) / len(members), members[m]) for place, m in enumerate(order)]
    return [subject for _, subject in sorted(keyed)]
