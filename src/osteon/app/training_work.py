"""What a worker does for a training: train, cross-validate, fine-tune or run a study, and go on after a stop."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from osteon.app.cohorts import cohort_of
from osteon.app.trainings import Plan, settings_of
from osteon.app.workspace import Workspace
from osteon.cohort import Cohort, Split
from osteon.cohort.split import SPLIT
from osteon.crossvalidation import crossval
from osteon.crossvalidation.page import page_of_training
from osteon.run import RECORD
from osteon.study import Setting, StudyConfig, run_study
from osteon.training import TrainingConfig, TrainingPaths, finetune, train

Doing = Callable[[float, str], None]

SAID = re.compile(r"(?:fold (\d+) of (\d+), )?(?:epoch (\d+):|finished)")
"""What a training says after an epoch."""


def work(job: dict[str, Any], doing: Doing) -> list[str]:
    """Train, in a worker; a run that was stopped goes on after its last epoch."""
    workspace = Workspace(Path(job["workspace"]))
    plan = Plan(**job["plan"])
    cohort, config = cohort_of(workspace, plan.cohort), settings_of(workspace, plan)
    split = Split.load(cohort.folder / SPLIT, cohort)
    folder = workspace.paths.run(plan.name)
    said = _epochs(doing, config.epochs, len(split.folds) if plan.kind == "crossval" else 1)
    doing(0.0, "preparing")
    if plan.kind == "study":
        setting = Setting([cohort], [split], StudyConfig(config, {}), "")
        run_study(
            plan.study,
            setting,
            folder,
            budget_minutes=plan.minutes,
            resume=folder.is_dir(),
            said=lambda line: doing(0.0, line),
        )
    elif plan.kind == "crossval":
        crossval(cohort, folder, config=config, split=split, resume=folder.is_dir(), said=said)
    else:
        _one_fold(workspace, plan, cohort, config, split, said)
    return []


def _one_fold(
    workspace: Workspace, plan: Plan, cohort: Cohort, config: TrainingConfig, split: Split, said: Callable[[str], None]
) -> None:
    folder, fold = workspace.paths.run(plan.name), split.folds[0]
    if not (TrainingPaths(folder).model.is_dir() and (folder / RECORD).is_file()):
        resume = folder.is_dir()
        if plan.kind == "finetune":
            model = workspace.model(plan.model)
            finetune(model, cohort, folder, fold=fold, config=config, resume=resume, said=said)
        else:
            train(cohort, folder, config=config, fold=fold, resume=resume, said=said)
    said("segmenting the validation subjects for the page")
    page_of_training(cohort, folder, fold)


def _epochs(doing: Doing, epochs: int, folds: int) -> Callable[[str], None]:
    """What a training says, as a share of all epochs."""
    share = 0.0

    def said(line: str) -> None:
        nonlocal share
        if at := SAID.match(line):
            share = (int(at[1] or 1) - 1 + int(at[3] or epochs) / epochs) / folds
        doing(min(share, 0.99), line)

    return said
