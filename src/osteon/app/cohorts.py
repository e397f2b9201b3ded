"""Cohorts of a workspace: training data made of its own cases, or of the study's own folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteon.anatomy import Task
from osteon.app.completing import complete
from osteon.app.corrections import add_labels
from osteon.app.workspace import NAME, UnknownError, Workspace
from osteon.cohort import Cohort, Split, check, find_cases, import_cohort, split
from osteon.cohort.found import Found, FoundCase
from osteon.cohort.importing import import_found
from osteon.cohort.layouts import usual_task
from osteon.cohort.split import SPLIT
from osteon.cohort.workspace import PROCESSED, RAW_SCANS
from osteon.errors import CohortError, OsteonError, UsageError
from osteon.io.whole import written_whole
from osteon.report.cohort import write_cohort_page

Doing = Callable[[float, str], None]

LAYOUT = "app"
"""What the manifest of a cohort made of a workspace's cases says of its source."""

REFERENCE = "reference"
"""Name of the result that holds a study's own masks."""


@dataclass(frozen=True)
class Chosen:
    """One case for a cohort.

    Parameters
    ----------
    case, result : str
        The scan, and whose labels are its truth.
    subject : str
        Whose scan it is; all scans of one subject stand on one side of a split.
    """

    case: str
    result: str
    subject: str


@dataclass(frozen=True)
class Sides:
    """How a cohort's subjects are divided.

    Parameters
    ----------
    folds : int
        1 for one training; more for a cross-validation.
    validation : int
        Subjects of each fold by which the best epoch is chosen.
    """

    folds: int = 1
    validation: int = 1


def cohort_of(workspace: Workspace, name: str) -> Cohort:
    """A cohort of the workspace; `UnknownError` if there is none."""
    if not NAME.fullmatch(name) or not workspace.paths.cohort(name).is_dir():
        raise UnknownError("There is no such cohort in this workspace. Reload the page.")
    return Cohort.load(workspace.inside(workspace.paths.cohort(name)))


def split_of(cohort: Cohort) -> Split | None:
    """How it is divided; None if it is not, or has changed since."""
    path = cohort.folder / SPLIT
    try:
        return Split.load(path, cohort) if path.is_file() else None
    except OsteonError:
        return None


def from_cases(workspace: Workspace, name: str, chosen: list[Chosen], doing: Doing) -> Cohort:
    """Make a cohort of cases and their results, as `osteon.import_cohort` makes one of files.

    Raises
    ------
    UsageError
        If their labels are of several tasks.
    """
    tasks: dict[str, Task] = {}
    found = Found(LAYOUT, [])
    for one in chosen:
        paths = workspace.result(one.case, one.result)
        task = workspace.task(paths)
        tasks[task.name] = task
        found.cases.append(
            FoundCase(
                name=one.case,
                subject=one.subject or one.case,
                group=workspace.paths.folder.name,
                sequence="unknown",
                image=workspace.scan(one.case),
                place=f"{one.case} with {one.result}",
                labels=paths.segmentation,
            )
        )
    if len(tasks) != 1:
        raise UsageError(f"The labels are of several tasks ({', '.join(sorted(tasks))}). Choose results of one.")
    (task,) = tasks.values()
    source, place = workspace.paths.folder, workspace.paths.cohort(name)
    return import_found(found, source, place, task, overlap="background", doing=_shares(doing, len(chosen), 0.5))


def study_in(workspace: Workspace) -> Found | None:
    """What the leg study's own folder layout holds, if the workspace is such a folder; only names are read."""
    folder = workspace.paths.folder
    if not any((folder / name).is_dir() for name in (RAW_SCANS, PROCESSED)):
        return None
    return find_cases("workspace", [folder], usual_task("workspace"))


def from_study(workspace: Workspace, name: str, doing: Doing) -> Cohort:
    """Import the study's own folders as a cohort, and its scans as cases with the masks as a result."""
    found = study_in(workspace)
    total = max(1, len(found.cases)) if found else 1
    place = workspace.paths.cohort(name)
    cohort = import_cohort("workspace", workspace.paths.folder, place, doing=_shares(doing, total, 0.4))
    for number, case in enumerate(cohort.cases):
        doing(0.4 + 0.2 * number / len(cohort.cases), f"{case.name} becomes a case")
        if NAME.fullmatch(case.name) and case.name not in workspace.cases():
            with written_whole(workspace.paths.scan(case.name)) as part:
                shutil.copyfile(cohort.folder / case.image, part)
        if case.name in workspace.cases() and REFERENCE not in workspace.results(case.name):
            add_labels(workspace, case.name, REFERENCE, cohort.labels(case))
    return cohort


def divide(cohort: Cohort, sides: Sides) -> Split:
    """Split a cohort by subject, and keep the split in its folder.

    Raises
    ------
    CohortError
        If it has too few subjects.
    """
    if sides.folds > 1:
        made = split(cohort, kind="k-fold", folds=sides.folds, validation=sides.validation)
    else:
        made = split(cohort, kind="holdout", validation=sides.validation)
    made.write(cohort.folder / SPLIT)
    return made


def checked(workspace: Workspace, name: str, doing: Doing) -> dict[str, int]:
    """Check a cohort, write its page, and count what was found."""
    cohort = cohort_of(workspace, name)
    found = check(cohort, doing=_shares(doing, max(1, len(cohort.cases)), 0.4, start=0.6))
    write_cohort_page(workspace.paths.check_page(name), found)
    counts = {"errors": found.count("error"), "warnings": found.count("warning"), "notes": found.count("note")}
    with written_whole(workspace.paths.findings(name)) as part:
        part.write_text(json.dumps(counts), encoding="utf-8")
    return counts


def findings_of(workspace: Workspace, name: str) -> dict[str, int] | None:
    """What the last check counted; None before it, or where the command line made the cohort."""
    path = workspace.paths.findings(name)
    counts: dict[str, int] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return counts if workspace.paths.check_page(name).is_file() else None


def cohorts_in(folder: Path) -> list[str]:
    """Names of the cohorts in a folder, sorted."""
    return sorted(p.name for p in folder.glob("*") if NAME.fullmatch(p.name) and (p / "cohort.json").is_file())


def make(job: dict[str, Any], doing: Doing) -> list[str]:
    """What a worker does: import, divide, check; what was dropped is named."""
    workspace, name = Workspace(Path(job["workspace"])), job["name"]
    if "cases" in job:
        made = from_cases(workspace, name, [Chosen(**one) for one in job["cases"]], doing)
    else:
        made = from_study(workspace, name, doing)
    notes = [f"{one.file} was left out: {one.reason}" for one in made.manifest.dropped]
    try:
        divide(made, Sides(job["folds"], job["validation"]))
    except CohortError as error:
        notes.insert(0, f"It is not divided yet: {error}")
    doing(0.6, "checking")
    checked(workspace, name, doing)
    for case in [c.name for c in made.cases if REFERENCE in workspace.results(c.name)] if "cases" not in job else []:
        doing(0.99, f"surfaces and measurements of {case}")
        complete(workspace, case, REFERENCE, lambda share, what: None)
    return notes


def _shares(doing: Doing, total: int, share: float, *, start: float = 0.0) -> Doing:
    """Steps of some work as shares of a whole."""
    return lambda done, what: doing(start + share * done / total, what)
