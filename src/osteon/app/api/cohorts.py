"""Training data: cohorts made of corrected cases, or of the study's own folders; their check and split."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, StringConstraints

from osteon.app.api.asking import NAME, DeskNow
from osteon.app.api.jobs import JobFacts, facts_of
from osteon.app.api.sandbox import sandboxed
from osteon.app.cohorts import Sides, cohort_of, cohorts_in, divide, findings_of, split_of, study_in
from osteon.app.workspace import UnknownError, usable_name
from osteon.errors import OsteonError, UsageError

router = APIRouter(prefix="/api", tags=["training data"])

CohortName = Annotated[str, Path(pattern=NAME, description="Name of a cohort.")]
Named = Annotated[str, StringConstraints(pattern=NAME)]


class CohortCase(BaseModel):
    """One case of a cohort."""

    name: str
    subject: str
    annotated: tuple[str, ...]


class CohortFacts(BaseModel):
    """One cohort."""

    name: str
    task: str
    cases: list[CohortCase]
    subjects: int
    folds: int = Field(description="0 where it is not divided yet.")
    training: int = Field(description="Subjects to learn from, in the first fold.")
    validation: int
    errors: int | None = Field(description="None before its check.")
    warnings: int | None
    dropped: list[str]
    problem: str = ""


class ChosenCase(BaseModel):
    """One case for a cohort."""

    case: Named
    result: Named
    subject: str = Field(default="", max_length=80, description="The case's own name, if empty.")


class Dividing(BaseModel):
    """How the subjects are divided."""

    folds: int = Field(default=1, ge=1, le=100, description="More than one for a cross-validation.")
    validation: int = Field(default=1, ge=0, le=1000, description="Subjects of each fold that choose the best epoch.")


class Making(Dividing):
    """A cohort to make."""

    name: Named
    cases: list[ChosenCase] = Field(min_length=1, max_length=2000)


class Study(BaseModel):
    """What the study's own folder layout holds."""

    cases: list[str]
    notes: list[str]
    dropped: list[str]


class Importing(Dividing):
    """A cohort to make of the study's folders."""

    name: Named


@router.get("/cohorts")
def cohorts(desk: DeskNow) -> list[CohortFacts]:
    """Every cohort of the workspace."""
    return [_facts(desk, name) for name in cohorts_in(desk.workspace.paths.cohorts)]


@router.post("/jobs/cohort", status_code=202)
def make(making: Making, desk: DeskNow) -> JobFacts:
    """Make a cohort of cases with their labels, divide it, and check it."""
    workspace = desk.workspace
    tasks = {workspace.task(workspace.result(one.case, one.result)).name for one in making.cases}
    if len(tasks) > 1:
        raise UsageError(f"The labels are of several tasks ({', '.join(sorted(tasks))}). Choose results of one.")
    if len({one.case for one in making.cases}) < len(making.cases):
        raise UsageError("A case was chosen twice. Choose one result of each.")
    return _queued(desk, making.name, making.model_dump())


@router.get("/study")
def study(desk: DeskNow) -> Study | None:
    """The study's own folder layout, if the workspace is such a folder; nothing but names is read."""
    found = study_in(desk.workspace)
    if found is None:
        return None
    dropped = [f"{one.file}: {one.reason}" for one in found.dropped]
    return Study(cases=[case.name for case in found.cases], notes=found.notes, dropped=dropped)


@router.post("/jobs/study", status_code=202)
def import_study(importing: Importing, desk: DeskNow) -> JobFacts:
    """Import the study's folders as a cohort, and its scans as cases with the masks as a result."""
    if study_in(desk.workspace) is None:
        raise UsageError("This workspace does not have the study's own folder layout.")
    return _queued(desk, importing.name, importing.model_dump())


@router.post("/cohorts/{name}/split")
def split(name: CohortName, dividing: Dividing, desk: DeskNow) -> CohortFacts:
    """Divide a cohort anew."""
    divide(cohort_of(desk.workspace, name), Sides(dividing.folds, dividing.validation))
    return _facts(desk, name)


@router.get("/cohorts/{name}/check.html", response_class=FileResponse)
def check_page(name: CohortName, desk: DeskNow) -> FileResponse:
    """The page of its check, in a sandbox."""
    path = desk.workspace.inside(desk.workspace.paths.check_page(name))
    if not path.is_file():
        raise UnknownError("This cohort was not checked yet.")
    return sandboxed(path)


def _queued(desk: DeskNow, name: str, spec: dict[str, object]) -> JobFacts:
    usable_name(name)
    if name.casefold() in {known.casefold() for known in cohorts_in(desk.workspace.paths.cohorts)}:
        raise UsageError(f"There is a cohort named {name} already. Choose another name.")
    spec |= {"workspace": str(desk.workspace.paths.folder), "name": name}
    return facts_of(desk.queue.add("cohort", f"Making the cohort {name}", spec))


def _facts(desk: DeskNow, name: str) -> CohortFacts:
    try:
        cohort = cohort_of(desk.workspace, name)
    except OsteonError as error:
        return CohortFacts(
            name=name, task="", cases=[], subjects=0, folds=0, training=0, validation=0, errors=None, warnings=None,
            dropped=[], problem=str(error),
        )  # fmt: skip
    divided, counts = split_of(cohort), findings_of(desk.workspace, name)
    first = divided.folds[0] if divided else None
    return CohortFacts(
        name=name,
        task=cohort.task.name,
        cases=[CohortCase(name=c.name, subject=c.subject, annotated=c.annotated) for c in cohort.cases],
        subjects=len(cohort.subjects),
        folds=len(divided.folds) if divided else 0,
        training=len(first.train) if first else 0,
        validation=len(first.validation) if first else 0,
        errors=counts["errors"] if counts else None,
        warnings=counts["warnings"] if counts else None,
        dropped=[f"{one.file}: {one.reason}" for one in cohort.manifest.dropped],
    )
