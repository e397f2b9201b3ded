"""What a worker does with masks and surfaces that are dropped on a case: look, show as an overlay, take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from osteon.anatomy import Task
from osteon.app.completing import complete
from osteon.app.corrections import add_labels
from osteon.app.masking import Given, for_looking, labels_from, look_at, worlds_of
from osteon.app.overlays import write_three_planes
from osteon.app.uploads import Upload, without_place
from osteon.app.workspace import Workspace
from osteon.errors import OsteonError, ReadError
from osteon.io import read
from osteon.io.surface_file import Space
from osteon.io.whole import written_whole
from osteon.volume import Volume

Doing = Callable[[float, str], None]

GRID = "grid"
"""Overlay of masks, whose place their own header says."""


def look_through_masks(job: dict[str, Any], doing: Doing) -> list[str]:
    """List the masks and surfaces of a drop in ``masks.json``, with overlays: of surfaces as RAS and as LPS."""
    workspace = Workspace(Path(job["workspace"]))
    upload = Upload.find(workspace.paths, job["upload"])
    task = workspace.task_named(job["task"])
    things = [thing for thing in upload.things() if thing.is_file()]
    rows: list[dict[str, Any]] = []
    given: list[Given] = []
    for number, thing in enumerate(things):
        doing(0.3 * number / len(things), f"file {number + 1} of {len(things)}")
        row = {"number": number, "name": thing.name, "kind": "", "structure": "", "values": [], "problem": ""}
        try:
            one = look_at(thing, task)
            row |= {"kind": one.kind, "structure": one.structure, "values": list(one.values)}
            given.append(one)
        except OsteonError as error:
            row["problem"] = without_place(str(error), upload.paths.folder)
        rows.append(row)
    space, how = None, ""
    overlays: dict[str, str] = {}
    if given and len({one.kind for one in given}) == 1:
        doing(0.3, "laying them over the scan")
        scan = read(workspace.scan(job["case"]))
        space, how = worlds_of(given, scan) if given[0].kind == "surface" else (None, "")
        worlds: tuple[Space | None, ...] = ("RAS", "LPS") if given[0].kind == "surface" else (None,)
        for number, world in enumerate(worlds):
            doing(0.4 + 0.6 * number / len(worlds), f"overlay {number + 1} of {len(worlds)}")
            overlays[world or GRID] = _overlay(upload, given, scan, task, world)
    how = without_place(how, upload.paths.folder)
    found = {"files": rows, "space": space or "", "how": how, "overlays": overlays, "complete": True}
    with written_whole(upload.paths.masks) as part:
        part.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    if not rows:
        raise ReadError("Nothing was found. Drop surfaces (PLY, STL, OBJ, VTP, VTK), masks or a label map.")
    return []


def take_masks(job: dict[str, Any], doing: Doing) -> list[str]:
    """Masks or surfaces as a result of a case, on the scan's grid, with all that belongs to a result."""
    workspace = Workspace(Path(job["workspace"]))
    upload = Upload.find(workspace.paths, job["upload"])
    task = workspace.task_named(job["task"])
    things = [thing for thing in upload.things() if thing.is_file()]
    doing(0.0, "reading")
    try:
        given = []
        for choice in job["files"]:
            one = look_at(things[choice["number"]], task)
            given.append(Given(one.path, one.kind, choice["structure"], one.values, one.space))
        values = {int(value): task.by_name(name).value if name else 0 for value, name in job["values"].items()}
        labels, notes = labels_from(
            given,
            read(workspace.scan(job["case"])),
            task,
            mapping=values or None,
            overlap=job["overlap"],
            space=job["space"] or None,
        )
        add_labels(workspace, job["case"], job["result"], labels)
    except OsteonError as error:
        raise type(error)(without_place(str(error), upload.paths.folder)) from error
    upload.throw_away()
    complete(workspace, job["case"], job["result"], doing)
    return [without_place(note, upload.paths.folder) for note in notes]


def _overlay(upload: Upload, given: list[Given], scan: Volume, task: Task, space: Space | None) -> str:
    """Draw one overlay; why it cannot be drawn, or nothing."""
    try:
        shown, labels = for_looking(given, scan, task, space)
        write_three_planes(shown, labels, upload.paths.overlay(space or GRID))
    except OsteonError as error:
        return without_place(str(error), upload.paths.folder)
    return ""
