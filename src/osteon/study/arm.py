"""Study and Arm: what is compared with what, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from osteon.cohort import Cohort, Fold, Split
from osteon.study.configuration import StudyConfig

Picked = Callable[[Fold], Fold]


@dataclass(frozen=True)
class Part:
    """Whose scans an arm learns from and is tested on.

    Parameters
    ----------
    cohort : int
        Which of the study's cohorts, from 0.
    group : str, optional
        Only subjects of this group (a scanner, a source).
    """

    cohort: int = 0
    group: str | None = None


def whole(fold: Fold) -> Fold:
    """All subjects of a fold."""
    return fold


@dataclass(frozen=True)
class Arm:
    """One of the things that a study compares: a training, or a model that is only applied.

    Parameters
    ----------
    name : str
        In lower case, for files and ``--arms``.
    title : str
        For people.
    changes : mapping
        Keys and tables of the study's configuration that are otherwise in this arm.
    part : Part
        Where it learns and where it is tested.
    picked : callable
        What it takes of a fold's subjects.
    start : str, optional
        Arm whose model it begins with: to fine-tune it or, if not ``trained``, to apply it as it is.
    trained : bool
    share : float
        Of the budget, against 1 of the others.
    against : str, optional
        Arm that it is compared with; the study's first if None.
    place : float, optional
        On the axis of the study's figure.
    """

    name: str
    title: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    part: Part = Part()
    picked: Picked = whole
    start: str | None = None
    trained: bool = True
    share: float = 1.0
    against: str | None = None
    place: float | None = None


@dataclass(frozen=True)
class Setting:
    """What a study is run on; arms may depend on it.

    Parameters
    ----------
    cohorts : sequence of Cohort
    splits : sequence of Split
        One a cohort.
    config : StudyConfig
        Of every arm, but for its changes.
    weights : str
        ImageNet weights: a file, or ``download``.
    groups : (2,) tuple of str, optional
        Between which models are transferred.
    """

    cohorts: Sequence[Cohort]
    splits: Sequence[Split]
    config: StudyConfig
    weights: str = "download"
    groups: tuple[str, str] | None = None

    @property
    def folds(self) -> int:
        """How many folds every arm goes through."""
        return len(self.splits[0].folds)


@dataclass(frozen=True)
class Study:
    """A named experiment.

    Parameters
    ----------
    name, title : str
    question : str
        What it answers, a whole sentence.
    arms : callable
        The arms in a setting; the first is what the others are compared with.
    axis : str
        What the arms' ``place`` means, with its unit; empty if they have none.
    scored : bool
        Whether it is about how well the arms segment; else only about what they cost.
    """

    name: str
    title: str
    question: str
    arms: Callable[[Setting], Sequence[Arm]]
    axis: str = ""
    scored: bool = True
