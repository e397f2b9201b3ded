"""The workspace, its models and tasks."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from osteon.anatomy import Task
from osteon.app.api.asking import DeskNow
from osteon.app.workspace import UnknownError, Workspace
from osteon.errors import UsageError
from osteon.networks.model import Model

router = APIRouter(prefix="/api", tags=["workspace"])

MOST_LISTED = 500


class State(BaseModel):
    """What the first page needs."""

    version: str
    workspace: str | None = Field(description="Folder that is open.")
    recent: list[str] = Field(description="Workspaces of earlier days.")
    home: str = Field(description="Where choosing a folder begins.")
    can_choose: bool = Field(description="Whether another folder may be opened from the page.")


class Opening(BaseModel):
    """A folder to open."""

    folder: str = Field(max_length=1000)
    create: bool = False


class Folders(BaseModel):
    """Folders in a folder; names alone."""

    folder: str
    parent: str | None
    folders: list[str]


class StructureFacts(BaseModel):
    """One structure of a task."""

    name: str
    value: int
    colour: str
    side: str


class ModelFacts(BaseModel):
    """One model."""

    name: str
    title: str
    task: str
    task_title: str
    licence: str
    structures: list[StructureFacts]
    of_legs: bool = Field(description="Whether it can be told where the legs begin.")
    source: Literal["installed", "own", "trained"] = Field(
        description="On this machine, in the workspace's models, or made by its trainings."
    )


@router.get("/state")
def state(desk: DeskNow) -> State:
    """What is open."""
    folder = str(desk.workspace.paths.folder) if desk.is_open else None
    return State(
        version=version("osteon"),
        workspace=folder,
        recent=desk.recent() if desk.access.is_local else [],
        home=str(Path.home()) if desk.access.is_local else "",
        can_choose=desk.access.is_local,
    )


@router.post("/workspace")
def open_workspace(opening: Opening, desk: DeskNow) -> State:
    """Open a folder as the workspace, or create it."""
    _require_local(desk)
    if "\0" in opening.folder:
        raise UsageError("This is no path.")
    desk.open(Path(opening.folder).expanduser(), create=opening.create)
    return state(desk)


@router.get("/folders")
def folders(desk: DeskNow, folder: Annotated[str, Query(max_length=1000)] = "") -> Folders:
    """Names of the folders in a folder, to choose a workspace from; no file is listed or read."""
    _require_local(desk)
    place = Path(folder) if folder and "\0" not in folder else Path.home()
    if not place.is_absolute() or not place.is_dir():
        raise UnknownError("There is no such folder. Check the spelling.")
    try:
        with os.scandir(place) as entries:
            names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except OSError as error:
        raise UnknownError(f"This folder may not be opened: {error.strerror}.") from error
    parent = str(place.parent) if place.parent != place else None
    return Folders(folder=str(place), parent=parent, folders=names[:MOST_LISTED])


@router.get("/models")
def models(desk: DeskNow) -> list[ModelFacts]:
    """Models that can segment: the shipped ones and those in the workspace's folder ``models``."""
    return [
        ModelFacts(
            name=model.spec.name,
            title=model.spec.title,
            task=model.task.name,
            task_title=model.task.title,
            licence=model.spec.licence,
            structures=structures_of(model.task),
            of_legs=model.task.limb is not None,
            source=_source(desk.workspace, model),
        )
        for model in desk.workspace.models()
    ]


@router.get("/models/{name}/card")
def card(name: str, desk: DeskNow) -> dict[str, str]:
    """A model's card: data, licence, training, results, failures."""
    return {"card": desk.workspace.model(name).card()}


def structures_of(task: Task) -> list[StructureFacts]:
    """Structures of a task, for a page."""
    return [StructureFacts(name=s.name, value=s.value, colour=s.colour, side=s.side) for s in task.structures]


def _source(workspace: Workspace, model: Model) -> Literal["installed", "own", "trained"]:
    if model.folder.is_relative_to(workspace.paths.runs):
        return "trained"
    return "own" if model.folder.is_relative_to(workspace.paths.models) else "installed"


def _require_local(desk: DeskNow) -> None:
    if not desk.access.is_local:
        raise UsageError("The workspace of an app that other machines can reach is chosen where it is started.")
