"""Drops: files come one by one, are looked through, and what is chosen becomes cases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from osteon.app.api.asking import NAME, DeskNow, Number
from osteon.app.api.jobs import JobFacts, facts_of
from osteon.app.workspace import UnknownError, usable_name
from osteon.errors import UsageError

router = APIRouter(prefix="/api/uploads", tags=["adding scans"])


class Begun(BaseModel):
    """A new drop."""

    id: str


class SeriesFacts(BaseModel):
    """One series of a drop."""

    number: int
    title: str
    name: str = Field(description="Proposed name of the case; empty if there is none to propose.")
    words: str
    usable: bool
    single_slice: bool
    problem: str
    note: list[str]
    picture: bool


class Found(BaseModel):
    """What is in a drop."""

    series: list[SeriesFacts]
    complete: bool
    ignored: list[str] = Field(default=[], description="Files that are no images.")


class Choice(BaseModel):
    """One series to take, and the name of its case."""

    number: int = Field(ge=0, le=100_000)
    name: str = Field(pattern=NAME)


class Choices(BaseModel):
    """What to take."""

    choices: list[Choice] = Field(min_length=1, max_length=500)


@router.post("", status_code=201)
def begin(desk: DeskNow) -> Begun:
    """Begin a drop."""
    return Begun(id=desk.begin_upload().id)


@router.put("/{number}/file", status_code=204)
async def take(
    number: Number,
    request: Request,
    desk: DeskNow,
    name: Annotated[str, Query(max_length=1000, description="Name of the file; only its end counts.")] = "file",
) -> Response:
    """Take one file; the request's body is its content."""
    await desk.upload(number).take(name, request.stream())
    return Response(status_code=204)


@router.post("/{number}/glance", status_code=202)
def glance(number: Number, desk: DeskNow) -> JobFacts:
    """Have a worker draw one of the DICOM files that have come, while the others are on their way."""
    upload = desk.upload(number)
    spec = {"upload": upload.id, "folder": str(upload.paths.folder)}
    return facts_of(desk.queue.add("glance", "A first look at what was dropped", spec))


@router.get("/{number}/glance.png", response_class=FileResponse)
def glance_picture(number: Number, desk: DeskNow) -> FileResponse:
    """One slice of the drop."""
    path = desk.upload(number).paths.glance
    if not path.is_file():
        raise UnknownError("There is no picture yet.")
    return FileResponse(path, media_type="image/png")


@router.post("/{number}/look", status_code=202)
def look(number: Number, desk: DeskNow) -> JobFacts:
    """Have a worker list the series."""
    upload = desk.upload(number)
    spec = {"upload": upload.id, "folder": str(upload.paths.folder)}
    return facts_of(desk.queue.add("inspect", "Looking through what was dropped", spec))


@router.get("/{number}")
def found(number: Number, desk: DeskNow) -> Found:
    """Series found so far."""
    return Found.model_validate(desk.upload(number).found())


@router.get("/{number}/pictures/{series}.png", response_class=FileResponse)
def picture(number: Number, series: int, desk: DeskNow) -> FileResponse:
    """Middle slice of one series."""
    path = desk.upload(number).paths.picture(series)
    if not path.is_file():
        raise UnknownError("There is no picture of this series.")
    return FileResponse(path, media_type="image/png")


@router.post("/{number}/accept", status_code=202)
def accept(number: Number, chosen: Choices, desk: DeskNow) -> JobFacts:
    """Take the chosen series into the workspace, without anything of the patient; the rest is thrown away."""
    upload = desk.upload(number)
    series = Found.model_validate(upload.found()).series
    usable = {one.number for one in series if one.usable and not one.single_slice}
    taken = {case.casefold() for case in desk.workspace.cases()}
    for choice in chosen.choices:
        usable_name(choice.name)
        if choice.number not in usable:
            raise UsageError("One of the chosen series cannot be used. Choose others.")
        if choice.name.casefold() in taken:
            raise UsageError(f"There is a case named {choice.name} already. Choose another name.")
        taken.add(choice.name.casefold())
    names = ", ".join(choice.name for choice in chosen.choices[:3]) + (" ..." if len(chosen.choices) > 3 else "")
    spec = {
        "workspace": str(desk.workspace.paths.folder),
        "upload": upload.id,
        "choices": [choice.model_dump() for choice in chosen.choices],
    }
    return facts_of(desk.queue.add("add", f"Adding {names}", spec))


@router.delete("/{number}", status_code=204)
def throw_away(number: Number, desk: DeskNow) -> Response:
    """Remove a drop."""
    desk.upload(number).throw_away()
    return Response(status_code=204)
