"""Trainings of a workspace: how one is begun, and what it has done so far.

What trains is imported when it is first asked for: the app must be there soon.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from osteon.app.cohorts import cohort_of, split_of
from osteon.app.workspace import NAME, UnknownError, Workspace
from osteon.errors import UsageError
from osteon.io.whole import written_whole
from osteon.run import RECORD

if TYPE_CHECKING:
    from osteon.training import TrainingConfig

Way = Literal["train", "crossval", "finetune", "study"]

ELSEWHERE = ("pretrained-vs-random", "transfer")
"""Studies that need weights from the internet or a second cohort: they are for the command line."""

SIZES = "input-size"
"""Study whose arms are image sizes."""

UNTITLED = "Trained in the app"


@dataclass(frozen=True)
class Plan:
    """How a training is begun.

    Parameters
    ----------
    kind : "train", "crossval", "finetune" or "study"
    name : str
        Of the run and of the model that comes out.
    cohort : str
    model : str
        That a fine-tuning begins with, or whose settings a training takes; empty for none.
    settings : dict
        Tables of a `TrainingConfig`, over those that would be taken.
    study : str
        Which study, for one.
    minutes : float, optional
        Of training, shared by the arms of a study.
    """

    kind: Way
    name: str
    cohort: str
    model: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    study: str = ""
    minutes: float | None = None

    def write(self, path: Path) -> None:
        """Keep it beside the run, whose own folder must be empty when it begins."""
        with written_whole(path) as part:
            part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan | None:
        """As it was kept; None if the run was not begun here."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def first_settings(workspace: Workspace, plan: Plan) -> TrainingConfig:
    """Configuration that a form begins with: a model's own, or the plainest for what the cohort has annotated."""
    from osteon.training import TrainingConfig, finetuning_config
    from osteon.training.first import first_tables

    cohort = cohort_of(workspace, plan.cohort)
    if plan.kind == "finetune" and not plan.model:
        raise UsageError("Choose the model to begin with.")
    if plan.model:
        tuned = finetuning_config(workspace.model(plan.model), {"name": plan.name})
        if plan.kind == "finetune":
            return tuned
        kept = {"title", "licence", "classes", "network", "preprocessing", "postprocessing", "sampling"}
        facts = tuned.model_dump(include=kept)
        return TrainingConfig.checked(facts | {"name": plan.name}, plan.name)
    annotated = {name for case in cohort.cases for name in case.annotated}
    classes = [s.name for s in cohort.task.structures if s.name in annotated]
    facts = {"name": plan.name, "title": UNTITLED, "classes": classes} | first_tables(cohort.task, classes)
    return TrainingConfig.checked(facts, plan.name)


def description() -> dict[str, Any]:
    """JSON schema of the configuration."""
    from osteon.training import TrainingConfig

    return TrainingConfig.model_json_schema()


def offered_studies() -> dict[str, str]:
    """Studies that need nothing but one cohort, with the question of each; weights are not downloaded here."""
    from osteon.study import STUDIES

    return {name: one.question for name, one in STUDIES.items() if name not in ELSEWHERE}


def image_size_settings(workspace: Workspace, plan: Plan, pixels: int) -> dict[str, Any]:
    """Tables of settings that bring slices to so many pixels, as the study of input sizes has them.

    Raises
    ------
    UsageError
        If there is no such size, or the cohort is not divided: subjects to learn from say how large a slice is.
    """
    from osteon.study import STUDIES, Setting, StudyConfig

    cohort = cohort_of(workspace, plan.cohort)
    split = split_of(cohort)
    if split is None:
        raise UsageError(f"The cohort {plan.cohort} is not divided into subjects to learn from and to judge by.")
    setting = Setting([cohort], [split], StudyConfig(first_settings(workspace, plan), {}), "")
    for arm in STUDIES[SIZES].arms(setting):
        if arm.place == pixels:
            return dict(arm.changes)
    raise UsageError(f"Slices of {pixels} pixels are not offered. Give a spacing instead.")


def settings_of(workspace: Workspace, plan: Plan) -> TrainingConfig:
    """The configuration of a plan, checked.

    Raises
    ------
    TrainingError, UsageError
        If a key is unknown or wrong, or would read a file or load one from the internet.
    """
    from osteon.training import TrainingConfig, finetuning_config

    wished = dict(plan.settings)
    encoder = wished.get("encoder")
    if "start" in wished or (isinstance(encoder, dict) and encoder.get("weights", "random") != "random"):
        raise UsageError(
            "Weights to begin with are chosen as a model to fine-tune; files and downloads are for the command line."
        )
    if plan.kind == "finetune":
        return finetuning_config(workspace.model(plan.model), wished | {"name": plan.name}, where="The form")
    facts = first_settings(workspace, plan).model_dump()
    for key, value in wished.items():
        facts[key] = {**facts[key], **value} if isinstance(value, dict) and isinstance(facts.get(key), dict) else value
    return TrainingConfig.checked(facts | {"name": plan.name}, "The form")


def runs_in(folder: Path) -> list[str]:
    """Names of the runs in a folder, the latest first."""
    held = [p for p in folder.glob("*") if NAME.fullmatch(p.name) and p.is_dir() and kind_of_run(p)]
    return [p.name for p in sorted(held, key=lambda p: -p.stat().st_mtime_ns)]


def kind_of_run(folder: Path) -> Way | None:
    """What a folder holds, as the training itself tells it."""
    from osteon.crossvalidation import CrossvalPaths
    from osteon.study import StudyPaths
    from osteon.training import TrainingPaths

    if StudyPaths(folder).settings.is_file():
        return "study"
    if TrainingPaths(folder).config.is_file():
        return "train"
    return "crossval" if CrossvalPaths(folder).split.is_file() else None


def run_folder(workspace: Workspace, name: str) -> Path:
    """Folder of a run; `UnknownError` if there is none."""
    folder = workspace.paths.run(name)
    if not NAME.fullmatch(name) or not folder.is_dir():
        raise UnknownError("There is no such training in this workspace. Reload the page.")
    return workspace.inside(folder)


def curves_of(folder: Path) -> list[list[dict[str, float]]]:
    """Rows of each fold, one an epoch: loss, Dice of each class, learning rate; none of a study, which has a page."""
    from osteon.training import TrainingPaths

    folds = [folder] if kind_of_run(folder) == "train" else sorted(p for p in folder.glob("fold-*") if p.is_dir())
    return [_rows(TrainingPaths(fold).metrics) for fold in folds]


def is_done(folder: Path) -> bool:
    """Whether it came to its end: a model can be used, or a study has run all its arms."""
    from osteon.training import TrainingPaths

    if kind_of_run(folder) == "study":
        return (folder / RECORD).is_file()
    return (TrainingPaths(folder).model / "model.toml").is_file()


def page_of(folder: Path) -> Path:
    """Its page, whether it is written already or not."""
    from osteon.crossvalidation.page import PAGE

    return folder / PAGE


def _rows(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(stream)]
