"""Cases: scans that are in the workspace, and what the viewer needs of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel

from osteon.app.api.asking import Case, DeskNow
from osteon.app.api.workspace import StructureFacts, structures_of
from osteon.app.completing import is_complete
from osteon.app.viewing import grid_of, steps_for, view_of_scan, write_picture
from osteon.app.workspace import Workspace
from osteon.errors import OsteonError
from osteon.io import read

router = APIRouter(prefix="/api", tags=["cases"])


class ResultFacts(BaseModel):
    """One result of a case."""

    name: str
    made_by: str
    base: str
    task: str
    complete: bool
    changes: list[dict[str, object]]
    structures: list[StructureFacts]


class CaseFacts(BaseModel):
    """One case."""

    name: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str
    steps: tuple[int, int, int]
    results: list[ResultFacts]
    problem: str = ""


@router.get("/cases")
def cases(desk: DeskNow) -> list[CaseFacts]:
    """Every case with its results."""
    return [_facts(desk.workspace, case) for case in desk.workspace.cases()]


@router.get("/cases/{case}")
def case(case: Case, desk: DeskNow) -> CaseFacts:
    """One case."""
    desk.workspace.scan(case)
    return _facts(desk.workspace, case)


@router.get("/cases/{case}/thumbnail.png", response_class=FileResponse)
def thumbnail(case: Case, desk: DeskNow) -> FileResponse:
    """Its middle slice."""
    scan, path = desk.workspace.scan(case), desk.workspace.paths.thumbnail(case)
    if not path.is_file():
        write_picture(read(scan), path)
    return FileResponse(path, media_type="image/png")


@router.get("/cases/{case}/scan.nii", response_class=FileResponse)
def scan(
    case: Case,
    desk: DeskNow,
    whole: Annotated[bool, Query(description="Every voxel, also of a large scan.")] = False,
) -> FileResponse:
    """The scan as NIfTI; a large one thinned unless ``whole``."""
    path = view_of_scan(desk.workspace.paths, case, desk.workspace.scan(case), whole=whole)
    return FileResponse(path, media_type="application/octet-stream")


def _facts(workspace: Workspace, case: str) -> CaseFacts:
    try:
        grid = grid_of(workspace.scan(case))
    except OsteonError as error:
        return CaseFacts(
            name=case,
            shape=(0, 0, 0),
            spacing_mm=(0, 0, 0),
            orientation="",
            steps=(1, 1, 1),
            results=[],
            problem=str(error),
        )
    return CaseFacts(
        name=case,
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        orientation=grid.orientation,
        steps=steps_for(grid.shape, grid.spacing_mm),
        results=[found for name in workspace.results(case) if (found := _result(workspace, case, name))],
    )


def _result(workspace: Workspace, case: str, name: str) -> ResultFacts | None:
    paths = workspace.result(case, name)
    try:
        origin, task = workspace.origin(paths), workspace.task(paths)
    except (OsteonError, ValueError, KeyError, TypeError):
        return None  # no result that this version understands
    return ResultFacts(
        name=name,
        made_by=origin.made_by,
        base=origin.base,
        task=task.name,
        complete=is_complete(paths),
        changes=list(origin.changes),
        structures=structures_of(task),
    )
