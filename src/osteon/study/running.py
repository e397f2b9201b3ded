"""Run a study: every arm learns for the same time and is tested on the same subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from osteon.errors import OsteonError, UnexpectedError, UsageError
from osteon.io.whole import written_whole
from osteon.run import Run
from osteon.study.arm import Arm, Setting, Study
from osteon.study.budget import CLOCK, Budget, whose_minutes
from osteon.study.catalogue import STUDIES
from osteon.study.choosing import arms_named, refuse_without_sides, study_named
from osteon.study.folder import StudyPaths, asked_of, claim, claim_arm, write_json
from osteon.study.outcome import write_outcome
from osteon.study.process import in_own_process
from osteon.study.subjects import fold_of
from osteon.study.work import ArmJob, learn, test

Said = Callable[[str], None]

ANYWHERE = ("architectures", "backbones", "learning-rates", "losses", "pretrained-vs-random")
"""Studies whose arms do not depend on the cohort."""


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found.

    Parameters
    ----------
    paths : StudyPaths
    arms : DataFrame
        One row an arm that is finished (`osteon.study.outcome`).
    failed : dict of str to str
        Arm to the reason why it is not.
    """

    paths: StudyPaths
    arms: pd.DataFrame
    failed: dict[str, str]


def run_study(
    name: str,
    setting: Setting,
    folder: str | Path,
    *,
    arms: Sequence[str] = (),
    budget_minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    said: Said = lambda _: None,
) -> StudyResult:
    """Run a study, or go on with it, and write its tables, figure and page.

    Every arm is trained and tested in processes of its own. What is finished is not done again; a training that was
    stopped goes on from its checkpoint; an arm that fails is named with its reason, and the others go on.

    Parameters
    ----------
    name : str
        One of `STUDIES`.
    setting : Setting
        Cohorts with their splits, and the configuration.
    folder : path
        `StudyPaths`.
    arms : sequence of str
        Only these (and those that they begin with); all if empty.
    budget_minutes : float, optional
        Of training, divided among the arms; the configuration's epochs if None. Tests come on top. On a CPU they are
        those that a training computes, by all its threads, on a GPU those of the clock.
    resume : bool
        Continue what is in ``folder``.
    device : "auto", "cpu", "cuda" or "mps"
    said : callable
        Gets a line an epoch.

    Raises
    ------
    UsageError
        If there is no such study or arm, or the budget is none.
    TrainingError
        If the folder holds something else, or an arm cannot be trained on these subjects as it is configured.
    """
    study = study_named(name)
    every, chosen = _checked(study, setting, arms)
    paths = StudyPaths(Path(folder))
    known = claim(paths, _identity(study, setting, chosen, budget_minutes, device), resume)
    minutes = known["minutes_an_arm"]
    budget = None if minutes is None else Budget(minutes, known.get("minutes_of", CLOCK))
    run = Run("study run", {"study": name, "cohorts": [c.folder for c in setting.cohorts], "arms": list(arms)})
    course, failed, table = _Course(setting, paths, budget, device, said), dict[str, str](), pd.DataFrame()
    for arm in chosen:
        with run.stage(arm.name):
            broken = arm.start in failed
            reason = f"It begins with the model of {arm.start}, which failed." if broken else course.through(arm)
        if reason:
            failed[arm.name] = reason
            said(f"{arm.name} failed: {reason}")
        table = write_outcome(study, every, setting, paths, failed)
    run.facts |= {key: known.get(key) for key in ("minutes_an_arm", "minutes_of")} | {"failed": failed}
    run.write(paths.folder)
    return StudyResult(paths, table, failed)


def _checked(study: Study, setting: Setting, names: Sequence[str]) -> tuple[Sequence[Arm], list[Arm]]:
    """All arms of a study and the chosen ones; what is wrong in any of these is raised before the first begins."""
    refuse_without_sides(setting)
    every = study.arms(setting)
    chosen = arms_named(every, names)
    # one configuration serves several studies; arms that depend on scans are known to their own study alone
    others = [STUDIES[other].arms(setting) for other in ANYWHERE]
    setting.config.check_names({arm.name for arms in (every, *others) for arm in arms})
    for arm in chosen:
        for number in range(setting.folds):
            fold_of(arm, number, setting)
        if arm.start is None:
            setting.config.of_arm(arm, None, None)
    return every, chosen


def _identity(
    study: Study, setting: Setting, arms: Sequence[Arm], budget_minutes: float | None, device: str
) -> dict[str, Any]:
    """What a study's folder belongs to."""
    shares = sum(arm.share for arm in arms if arm.trained) * setting.folds
    if budget_minutes is not None and not study.scored:
        raise UsageError(f"The study {study.name} trains no longer than a step; leave the budget out.")
    if budget_minutes is not None and budget_minutes <= 0:
        raise UsageError(f"A budget of {budget_minutes:g} minutes is none; give more than 0.")
    return {
        "study": study.name,
        "cohorts_sha256": [cohort.digest() for cohort in setting.cohorts],
        "splits": [split.model_dump(mode="json") for split in setting.splits],
        "configuration": setting.config.training.model_dump(mode="json"),
        "minutes_an_arm": None if budget_minutes is None else round(budget_minutes / shares, 4),
        "minutes_of": None if budget_minutes is None else whose_minutes(device),
    }


@dataclass(frozen=True)
class _Course:
    """How arms are gone through."""

    setting: Setting
    paths: StudyPaths
    budget: Budget | None
    device: str
    said: Said

    def through(self, arm: Arm) -> str:
        """Do what is left of an arm in all folds; returns why it failed, or nothing."""
        folds = self.setting.folds
        for number in range(folds):
            where = arm.name if folds == 1 else f"{arm.name}, fold {number + 1} of {folds}"
            if reason := self._fold(arm, number, _under(where, self.said)):
                return reason
        return ""

    def _fold(self, arm: Arm, number: int, said: Said) -> str:
        own = self.paths.arm(arm.name, number)
        start = None if arm.start is None else self.paths.arm(arm.start, number).training.model
        limit = None if self.budget is None or not arm.trained else self.budget.shared(arm.share)
        config = self.setting.config.of_arm(arm, limit, start)
        fold, cohort = fold_of(arm, number, self.setting), self.setting.cohorts[arm.part.cohort]
        claim_arm(own, asked_of(arm, cohort, fold, config))
        if own.tested.is_file():
            said("finished before.")
            return ""
        job = ArmJob(cohort.folder, fold, config, own, self.device)
        try:
            if arm.trained and not own.learned.is_file():
                write_json(own.learned, in_own_process(learn, job, said=said))
            model = own.training.model if arm.trained or start is None else start
            write_json(own.tested, in_own_process(test, job, model, said=said))
        except UnexpectedError as error:
            with written_whole(own.error) as part:
                part.write_text("\n".join(getattr(error, "__notes__", [])), encoding="utf-8")
            return f"{error} What Python said is in {own.error.relative_to(self.paths.folder)}."
        except OsteonError as error:
            return str(error)
        own.error.unlink(missing_ok=True)
        return ""


def _under(where: str, said: Said) -> Said:
    return lambda line: said(f"{where}: {line}")
