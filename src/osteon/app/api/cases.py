"""Cases: scans that are in the workspace, and what the viewer needs of them."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from osteon.app.api.asking import NAME, Case, DeskNow
from osteon.app.api.workspace import StructureFacts, structures_of
from osteon.app.completing import is_complete
from osteon.app.legs import coronal_picture, propose
from osteon.app.overlays import write_three_planes
from osteon.app.viewing import grid_of, steps_for, view_of_labels, view_of_scan, write_thumbnail
from osteon.app.workspace import Workspace
from osteon.errors import OsteonError
from osteon.io import read, read_labels
from osteon.volume import LabelMap

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
    path = write_thumbnail(desk.workspace.paths, case, desk.workspace.scan(case))
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


@router.get("/cases/{case}/orientation.png", response_class=Response)
def orientation(case: Case, desk: DeskNow, result: Annotated[str, Query(pattern=f"{NAME}|^$")] = "") -> Response:
    """Three planes with the letters of the patient's sides, as the scan's own header has them."""
    workspace = desk.workspace
    scan = read(view_of_scan(workspace.paths, case, workspace.scan(case), whole=False))
    if result:
        task = workspace.task(workspace.result(case, result))
        labels = read_labels(view_of_labels(workspace, case, result, whole=False), task)
    else:
        labels = LabelMap(np.zeros(scan.shape, np.uint8), scan.affine, task=workspace.tasks()[0])
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "orientation.png"
        write_three_planes(scan, labels, path)
        return Response(path.read_bytes(), media_type="image/png")


class Legs(BaseModel):
    """Where the legs begin."""

    slice_number: int = Field(description="Of the pelvis's upper end, from 0 along the scan's own axis.")
    count: int
    upwards: bool = Field(description="Whether slices are numbered from the feet up.")
    slice_mm: float
    confidence: float
    reason: str


@router.get("/cases/{case}/legs")
def legs(case: Case, desk: DeskNow) -> Legs:
    """Proposed upper end of the pelvis, which a person may move before segmenting."""
    return Legs.model_validate(propose(desk.workspace, case), from_attributes=True)


@router.get("/cases/{case}/coronal.png", response_class=Response)
def coronal(case: Case, desk: DeskNow) -> Response:
    """The body from the front; rows of the picture are slices of the scan, the head's above."""
    png = BytesIO()
    coronal_picture(desk.workspace, case).save(png, format="PNG")
    return Response(png.getvalue(), media_type="image/png")


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
    try:
        paths = workspace.result(case, name)
        origin, task = workspace.origin(paths), workspace.task(paths)
    except (OsteonError, ValueError, KeyError, TypeError):
        return None  # no result that this version understands, or a link that leads elsewhere
    return ResultFacts(
        name=name,
        made_by=origin.made_by,
        base=origin.base,
        task=task.name,
        complete=is_complete(paths),
        changes=list(origin.changes),
        structures=structures_of(task),
    )
