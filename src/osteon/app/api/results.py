"""Results: labels, meshes, tables, reports, corrections, comparisons, downloads."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from osteon.app.api.asking import Case, Chosen, DeskNow, Result
from osteon.app.api.jobs import JobFacts, facts_of
from osteon.app.api.sandbox import sandboxed
from osteon.app.comparing import difference, pair, table
from osteon.app.corrections import Correction, save_correction
from osteon.app.viewing import steps_for, thinned, view_of_labels
from osteon.app.workspace import UnknownError
from osteon.io import write
from osteon.report.tables import heading, text_of

router = APIRouter(prefix="/api/cases/{case}", tags=["results"])


class Table(BaseModel):
    """A table for people: headings with units, cells in words."""

    columns: list[str]
    units: list[str]
    rows: list[list[str]]


class Painted(BaseModel):
    """A correction: first voxel, count, new label value, again and again; voxels numbered with i fastest."""

    runs: list[Annotated[int, Field(ge=0, le=2**40)]] = Field(min_length=3, max_length=6_000_000)


class Saved(BaseModel):
    """The new version, and the job that makes its meshes, measurements and report."""

    result: str
    job: JobFacts


class Comparison(BaseModel):
    """How two results agree."""

    table: Table
    worst_mm: tuple[float, float, float] | None
    depth_mm: float


@router.get("/results/{result}/labels.nii", response_class=FileResponse)
def labels(
    case: Case,
    result: Result,
    desk: DeskNow,
    whole: Annotated[bool, Query(description="Every voxel, also of a large scan.")] = False,
) -> Response:
    """Labels as NIfTI, thinned as the scan is."""
    view = view_of_labels(desk.workspace, case, result, whole=whole)
    return FileResponse(view, media_type="application/octet-stream")


@router.get("/results/{result}/meshes")
def meshes(case: Case, result: Result, desk: DeskNow) -> list[str]:
    """Structures that have a surface."""
    return sorted(path.stem for path in desk.workspace.result(case, result).meshes.glob("*.ply"))


@router.get("/results/{result}/meshes/{structure}.ply", response_class=FileResponse)
def mesh(case: Case, result: Result, structure: str, desk: DeskNow) -> FileResponse:
    """Surface of one structure, PLY in RAS mm."""
    if structure not in meshes(case, result, desk):
        raise UnknownError("This structure has no surface here.")
    path = desk.workspace.result(case, result).meshes / f"{structure}.ply"
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


@router.get("/results/{result}/measurements")
def measurements(case: Case, result: Result, desk: DeskNow) -> Table:
    """Table of measurements."""
    return _table(pd.read_csv(_file(desk.workspace.result(case, result).measurements)))


@router.get("/results/{result}/measurements.csv", response_class=FileResponse)
def measurements_csv(case: Case, result: Result, desk: DeskNow) -> FileResponse:
    """The same, for a spreadsheet."""
    path = _file(desk.workspace.result(case, result).measurements)
    return FileResponse(path, media_type="text/csv", filename=f"{case}-{result}-measurements.csv")


@router.get("/results/{result}/preview.png", response_class=FileResponse)
def preview(case: Case, result: Result, desk: DeskNow) -> FileResponse:
    """Three planes and a 3-D view."""
    return FileResponse(_file(desk.workspace.result(case, result).preview), media_type="image/png")


@router.get("/results/{result}/report.html", response_class=FileResponse)
def report(case: Case, result: Result, desk: DeskNow) -> FileResponse:
    """The report, in a sandbox."""
    return sandboxed(_file(desk.workspace.result(case, result).report))


@router.post("/results/{result}/corrections", status_code=201)
def correct(case: Case, result: Result, painted: Painted, desk: DeskNow) -> Saved:
    """Save what was painted as a new version; the labels are safe when this answers, the rest follows as a job."""
    name = save_correction(desk.workspace, case, result, Correction.of(painted.runs))
    spec = {"workspace": str(desk.workspace.paths.folder), "case": case, "result": name}
    job = desk.queue.add("finish", f"Measuring {case}, corrected", spec, case=case, result=name)
    return Saved(result=name, job=facts_of(job))


@router.get("/compare")
def compare(case: Case, desk: DeskNow, first: Chosen, second: Chosen) -> Comparison:
    """Agreement of two results, structure by structure, and where they differ most."""
    one, other = pair(desk.workspace, case, first, second)
    found = difference(one, other)
    return Comparison(table=_table(table(one, other)), worst_mm=found.worst_mm, depth_mm=found.depth_mm)


@router.get("/difference.nii", response_class=Response)
def difference_map(case: Case, desk: DeskNow, first: Chosen, second: Chosen) -> Response:
    """Where two results differ: 1 only in the first, 2 only in the second, 3 another structure."""
    one, other = pair(desk.workspace, case, first, second)
    found = difference(one, other).map
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "difference.nii"
        write(thinned(found, steps_for(found.shape, found.spacing_mm)), path)
        return Response(path.read_bytes(), media_type="application/octet-stream")


def _file(path: Path) -> Path:
    if not path.is_file():
        raise UnknownError("This is not there yet: wait until the result is complete.")
    return path


def _table(frame: pd.DataFrame) -> Table:
    headings = [re.sub(r"<[^>]+>", "", heading(str(c))) for c in frame.columns]
    split = [re.fullmatch(r"(.*?)(?: \((.*)\))?", h) for h in headings]
    rows = [
        [text_of(str(c), None if v is None or v is pd.NA else v) for c, v in zip(frame.columns, row, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    columns, units = [m[1] if m else "" for m in split], [(m[2] or "") if m else "" for m in split]
    return Table(columns=columns, units=units, rows=rows)
