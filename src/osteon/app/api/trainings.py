"""Trainings, cross-validations and fine-tunings: begun with a form, watched, their pages opened."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from osteon.app.api.asking import NAME, DeskNow
from osteon.app.api.jobs import JobFacts, facts_of
from osteon.app.api.sandbox import sandboxed
from osteon.app.cohorts import cohort_of, split_of
from osteon.app.jobs import TRAININGS
from osteon.app.trainings import (
    Plan,
    Way,
    curves_of,
    description,
    first_settings,
    image_size_settings,
    is_done,
    kind_of_run,
    offered_studies,
    page_of,
    run_folder,
    runs_in,
    settings_of,
)
from osteon.app.workspace import UnknownError, usable_name
from osteon.errors import UsageError

router = APIRouter(prefix="/api", tags=["training"])

RUN = r"^[a-z0-9][a-z0-9-]{0,60}$"
"""Name of a run: it becomes the name of a model."""

RunName = Annotated[str, Path(pattern=NAME, description="Name of a training.")]


class RunFacts(BaseModel):
    """One training."""

    name: str
    kind: Way
    cohort: str
    state: Literal["waiting", "running", "done", "stopped"]
    job: str = Field(description="The job that does it, if one does.")
    epochs: int = Field(description="Done, of all folds together.")
    dice: float | None = Field(description="Best mean validation Dice so far, of the first fold.")
    page: bool
    model: bool = Field(description="Whether its model can be used.")
    can_go_on: bool


class Form(BaseModel):
    """What a form is made from."""

    description: dict[str, Any] = Field(description="JSON schema of the configuration.")
    values: dict[str, Any] = Field(description="What it begins with.")


class Planned(BaseModel):
    """A training to begin."""

    kind: Way
    name: str = Field(pattern=RUN, description="Of the run, and of the model that comes out.")
    cohort: str = Field(pattern=NAME)
    model: str = Field(default="", max_length=80, description="To fine-tune, or whose settings are taken.")
    settings: dict[str, Any] = Field(default={}, description="Keys of the configuration that shall differ.")
    study: str = Field(default="", max_length=80, description="Which study, for one.")
    minutes: float | None = Field(default=None, gt=0, description="Of training, shared by the arms of a study.")


class StudyFacts(BaseModel):
    """An experiment of the literature."""

    name: str
    question: str


@router.get("/training/studies")
def studies() -> list[StudyFacts]:
    """Experiments that can be run on one cohort."""
    return [StudyFacts(name=name, question=question) for name, question in offered_studies().items()]


@router.get("/training/form")
def form(
    desk: DeskNow,
    kind: Way,
    cohort: Annotated[str, Query(pattern=NAME)],
    model: Annotated[str, Query(max_length=80)] = "",
) -> Form:
    """Schema of a training's configuration, and the values that fit the cohort and the model."""
    values = first_settings(desk.workspace, Plan(kind, "new-model", cohort, model))
    return Form(description=description(), values=values.model_dump(mode="json"))


@router.get("/training/image-size")
def image_size(
    desk: DeskNow,
    kind: Way,
    cohort: Annotated[str, Query(pattern=NAME)],
    pixels: Annotated[int, Query(ge=1, le=4096, description="Of a slice's longer side.")],
    model: Annotated[str, Query(max_length=80)] = "",
) -> dict[str, Any]:
    """Settings that bring the cohort's slices to an image size; the spacing follows from the cohort's field of view."""
    return image_size_settings(desk.workspace, Plan(kind, "new-model", cohort, model), pixels)


@router.post("/jobs/train", status_code=202)
def begin(planned: Planned, desk: DeskNow) -> JobFacts:
    """Begin a training; its settings are checked before."""
    workspace = desk.workspace
    usable_name(planned.name)
    plan = Plan(**planned.model_dump())
    if workspace.paths.run(plan.name).exists() or plan.name in {model.spec.name for model in workspace.models()}:
        raise UsageError(f"There is a training or a model named {plan.name} already. Choose another name.")
    cohort = cohort_of(workspace, plan.cohort)
    settings_of(workspace, plan)
    divided = split_of(cohort)
    if divided is None:
        raise UsageError(f"The cohort {plan.cohort} is not divided into subjects to learn from and to judge by.")
    if plan.kind == "crossval" and len(divided.folds) < 2:
        raise UsageError(f"The cohort {plan.cohort} has one fold. Divide it into several for a cross-validation.")
    if not divided.folds[0].validation:
        raise UsageError(f"The cohort {plan.cohort} has no validation subject, by which the best epoch is chosen.")
    if plan.kind == "study" and plan.study not in offered_studies():
        raise UsageError("There is no such study here. Choose one from the list.")
    if plan.kind == "study" and not divided.folds[0].test:
        raise UsageError(f"The cohort {plan.cohort} has no test subjects. Divide it into folds for a study.")
    plan.write(workspace.paths.plan(plan.name))
    return _queued(desk, plan)


@router.get("/runs")
def runs(desk: DeskNow) -> list[RunFacts]:
    """Every training, also those that wait, the latest first."""
    workspace = desk.workspace
    there = runs_in(workspace.paths.runs)
    waiting = [j.result for j in desk.queue.all() if j.kind in TRAININGS and not j.is_over]
    return [_facts(desk, name) for name in dict.fromkeys([*waiting, *there])]


@router.get("/runs/{name}/curves")
def curves(name: RunName, desk: DeskNow) -> list[list[dict[str, float | None]]]:
    """Rows of each fold, one an epoch."""
    rows = curves_of(run_folder(desk.workspace, name))
    return [[{k: v if math.isfinite(v) else None for k, v in row.items()} for row in fold] for fold in rows]


@router.get("/runs/{name}/report.html", response_class=FileResponse)
def report(name: RunName, desk: DeskNow) -> FileResponse:
    """Its page, in a sandbox."""
    path = desk.workspace.inside(page_of(run_folder(desk.workspace, name)))
    if not path.is_file():
        raise UnknownError("The page is written when the training is done.")
    return sandboxed(path)


@router.post("/runs/{name}/go-on", status_code=202)
def go_on(name: RunName, desk: DeskNow) -> JobFacts:
    """Continue a training that was stopped, after its last epoch."""
    run_folder(desk.workspace, name)
    plan = Plan.read(desk.workspace.paths.plan(name))
    if plan is None:
        raise UsageError(f"{name} was begun by the command line. Continue it there with --resume.")
    if any(job.result == name and not job.is_over for job in desk.queue.all()):
        raise UsageError(f"{name} is being trained already.")
    return _queued(desk, plan)


def _queued(desk: DeskNow, plan: Plan) -> JobFacts:
    titles = {"train": "Training", "crossval": "Cross-validating", "finetune": "Fine-tuning", "study": "Study"}
    spec = {"workspace": str(desk.workspace.paths.folder), "plan": asdict(plan)}
    return facts_of(desk.queue.add(plan.kind, f"{titles[plan.kind]} {plan.name}", spec, result=plan.name))


def _facts(desk: DeskNow, name: str) -> RunFacts:
    workspace = desk.workspace
    folder, plan = workspace.paths.run(name), Plan.read(workspace.paths.plan(name))
    job = next((j for j in desk.queue.all() if j.result == name and not j.is_over), None)
    rows = curves_of(folder) if folder.is_dir() else []
    dice = [row["f1"] for row in rows[0] if "f1" in row] if rows else []
    done, kind = is_done(folder), plan.kind if plan else kind_of_run(folder) or "train"
    state: Literal["waiting", "running", "done", "stopped"] = "done" if done else "stopped"
    if job is not None:
        state = "running" if job.state == "running" else "waiting"
    return RunFacts(
        name=name,
        kind=kind,
        cohort=plan.cohort if plan else "",
        state=state,
        job=job.id if job else "",
        epochs=sum(len(fold) for fold in rows),
        dice=max(dice, default=None),
        page=page_of(folder).is_file(),
        model=done and kind != "study",
        can_go_on=state == "stopped" and plan is not None,
    )
