"""Masks, label maps and surfaces that are dropped on a case: looked at as an overlay, then taken."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from osteon.app.api.asking import NAME, DeskNow, Number
from osteon.app.api.jobs import JobFacts, facts_of
from osteon.app.api.workspace import StructureFacts, structures_of
from osteon.app.workspace import UnknownError, usable_name
from osteon.errors import UsageError

router = APIRouter(prefix="/api", tags=["adding masks and surfaces"])

World = Annotated[Literal["RAS", "LPS", "grid"], Path(description="How the coordinates are read.")]


class TaskFacts(BaseModel):
    """A named set of structures."""

    name: str
    title: str
    structures: list[StructureFacts]


class Looking(BaseModel):
    """Whose masks these are."""

    case: str = Field(pattern=NAME)
    task: str = Field(max_length=80, description="Task that names the structures.")


class MaskFile(BaseModel):
    """One file of a drop."""

    number: int
    name: str
    kind: Literal["surface", "mask", "labels", ""]
    structure: str = Field(description="What its name says; empty if it says nothing.")
    values: list[int]
    problem: str


class MasksFound(BaseModel):
    """What is in a drop, and where it lies."""

    files: list[MaskFile]
    space: Literal["RAS", "LPS", ""] = Field(default="", description="World of the surfaces, if it can be told.")
    how: str = Field(default="", description="What decided, in words.")
    overlays: dict[str, str] = Field(default={}, description="For each world why there is no picture, or nothing.")
    complete: bool


class FileChoice(BaseModel):
    """One file, and the structure that it holds."""

    number: int = Field(ge=0, le=100_000)
    structure: str = Field(default="", max_length=80)


class Taking(BaseModel):
    """What the files are, and how they are laid over one another."""

    case: str = Field(pattern=NAME)
    name: str = Field(pattern=NAME, description="Name of the result, such as `reference`.")
    task: str = Field(max_length=80)
    files: list[FileChoice] = Field(min_length=1, max_length=500)
    values: dict[str, str] = Field(default={}, max_length=256, description="A label map's values to structures.")
    overlap: Literal["background", "priority", "nearest"] = "background"
    space: Literal["RAS", "LPS", ""] = ""


@router.get("/tasks")
def tasks(desk: DeskNow) -> list[TaskFacts]:
    """Tasks whose structures a mask may be of."""
    return [TaskFacts(name=t.name, title=t.title, structures=structures_of(t)) for t in desk.workspace.tasks()]


@router.post("/uploads/{number}/masks/look", status_code=202)
def look(number: Number, looking: Looking, desk: DeskNow) -> JobFacts:
    """Have a worker say what the files are, and lay them over the scan."""
    upload, workspace = desk.upload(number), desk.workspace
    workspace.scan(looking.case)
    workspace.task_named(looking.task)
    upload.paths.masks.unlink(missing_ok=True)
    spec = {"workspace": str(workspace.paths.folder), "upload": upload.id, "case": looking.case, "task": looking.task}
    return facts_of(desk.queue.add("masks-look", "Looking through what was dropped", spec, case=looking.case))


@router.get("/uploads/{number}/masks")
def found(number: Number, desk: DeskNow) -> MasksFound:
    """What was found."""
    path = desk.upload(number).paths.masks
    document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"files": [], "complete": False}
    return MasksFound.model_validate(document)


@router.get("/uploads/{number}/overlays/{world}.png", response_class=FileResponse)
def overlay(number: Number, world: World, desk: DeskNow) -> Response:
    """Three planes of the scan with what was dropped over it."""
    path = desk.upload(number).paths.overlay(world)
    if not path.is_file():
        raise UnknownError("There is no such overlay.")
    return FileResponse(path, media_type="image/png")


@router.post("/uploads/{number}/masks", status_code=202)
def take(number: Number, taking: Taking, desk: DeskNow) -> JobFacts:
    """Make one label map of the files, on the scan's grid, as a result of the case."""
    upload, workspace = desk.upload(number), desk.workspace
    workspace.scan(taking.case)
    task = workspace.task_named(taking.task)
    known = {"", *(structure.name for structure in task.structures)}
    strange = {*(file.structure for file in taking.files), *taking.values.values()} - known
    if strange:
        raise UsageError(f"The task {task.name} has no structure named {min(strange)}. Choose one from the list.")
    if any(not value.lstrip("-").isdigit() or len(value) > 9 for value in taking.values):
        raise UsageError("Label values are whole numbers.")
    files = found(number, desk).files
    if any(file.number >= len(files) for file in taking.files):
        raise UsageError("One of the files is not in this drop. Drop them again.")
    usable_name(taking.name)
    if taking.name.casefold() in {name.casefold() for name in workspace.results(taking.case)}:
        raise UsageError(f"{taking.case} already has a result named {taking.name}. Choose another name.")
    spec = {
        "workspace": str(workspace.paths.folder),
        "upload": upload.id,
        "result": taking.name,
        **taking.model_dump(exclude={"name"}),
    }
    title = f"Adding labels to {taking.case}"
    return facts_of(desk.queue.add("masks", title, spec, case=taking.case, result=taking.name))
