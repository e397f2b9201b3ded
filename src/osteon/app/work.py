"""What a worker does for each kind of job; every one calls the functions that the command line calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import osteon.io.dicom  # noqa: F401 - loaded while the worker waits, as is what follows
from osteon.anatomy import Task
from osteon.app.paths import UploadPaths
from osteon.app.uploads import Upload
from osteon.app.viewing import write_picture, write_view
from osteon.app.workspace import Origin, Workspace, usable_name
from osteon.errors import OsteonError, ReadError
from osteon.io import Inspected, inspect, read_labels, write
from osteon.io.scans import case_name, read_scan
from osteon.io.whole import written_whole
from osteon.volume import Volume

Doing = Callable[[float, str], None]


def look_through(job: dict[str, Any], doing: Doing) -> list[str]:
    """List the series of a drop in ``found.json``, with a picture of each that can be used."""
    upload = Upload(job["upload"], UploadPaths(Path(job["folder"])))
    found: list[dict[str, Any]] = []
    things = upload.things()
    for thing in things:
        for one in _inspected(thing):
            row = _row(len(found), thing, one)
            row["note"] = [_without_place(note, upload.paths.folder) for note in one.notes]
            row["problem"] = _without_place(one.problem or "", upload.paths.folder)
            found.append(row)
    for row in found:
        _write_found(upload, found, complete=False)
        doing(row["number"] / max(1, len(found)), f"picture {row['number'] + 1} of {len(found)}")
        _add_picture(upload, row)
    _write_found(upload, found, complete=True)
    if not found:
        ignored = upload.ignored()
        what = f"{len(ignored)} files, none of which is a scan" if ignored else "nothing"
        raise ReadError(
            f"{what.capitalize()} was found. Drop a DICOM folder, a zip archive of one, NIfTI, MHA or NRRD."
        )
    return []


def add(job: dict[str, Any], doing: Doing) -> list[str]:
    """Take chosen series into the workspace: read, freed of all that names a patient, and written as NIfTI."""
    workspace = Workspace(Path(job["workspace"]))
    upload = Upload.find(workspace.paths, job["upload"])
    rows = {row["number"]: row for row in json.loads(upload.paths.found.read_text(encoding="utf-8"))["series"]}
    notes: list[str] = []
    for done, choice in enumerate(job["choices"]):
        name = usable_name(choice["name"])
        doing(done / len(job["choices"]), f"reading {name}")
        row = rows[choice["number"]]
        scan = read_scan(upload.paths.folder / row["thing"], series=row["series"])
        if 1 in scan.volume.shape:
            raise ReadError(f"{name} is a single slice, which is no volume. Choose another series.")
        notes += [f"{name}: {_without_place(note, upload.paths.folder)}" for note in scan.notes]
        write_view(scan.volume, workspace.paths.views / f"{name}.part.nii", whole=False)
        write_picture(scan.volume, workspace.paths.thumbnail(name))
        # the NIfTI header is made anew from the grid alone: nothing else of the source gets into it
        write(scan.volume, workspace.paths.scan(name))
        stamp = workspace.paths.scan(name).stat().st_mtime_ns
        (workspace.paths.views / f"{name}.part.nii").replace(workspace.paths.views / f"{name}-{stamp}-first.nii")
    upload.throw_away()
    return notes


def segment(job: dict[str, Any], doing: Doing) -> list[str]:
    """Segment one case with one model."""
    from osteon.pipeline import segment as run

    workspace = Workspace(Path(job["workspace"]))
    model = workspace.model(job["model"])
    out = workspace.paths.results / model.spec.name
    doing(0.0, "loading the model")
    (case,) = run(
        workspace.scan(job["case"]), out, model=model, engine=job["engine"], overwrite=job["overwrite"], doing=doing
    )
    if case.error is not None:
        raise case.error
    Origin(model.task.name, "model", model.spec.name).write(case.paths.folder, model.task)
    return list(case.warnings)


def finish(job: dict[str, Any], doing: Doing) -> list[str]:
    """Meshes, measurements and report of a label map that was corrected or added."""
    from osteon.app.completing import complete

    workspace = Workspace(Path(job["workspace"]))
    complete(workspace, job["case"], job["result"], doing)
    return []


def take_labels(job: dict[str, Any], doing: Doing) -> list[str]:
    """A label map from a file as a result of a case, to compare with or to correct."""
    from osteon.app.completing import complete
    from osteon.app.corrections import add_labels

    workspace = Workspace(Path(job["workspace"]))
    upload = Upload.find(workspace.paths, job["upload"])
    files = [thing for thing in upload.things() if thing.is_file()]
    if len(files) != 1:
        raise ReadError(f"{len(files)} label maps were dropped; give one NIfTI, MHA or NRRD file at a time.")
    doing(0.0, "reading")
    try:
        labels = read_labels(files[0], Task.load(job["task"]))
        add_labels(workspace, job["case"], job["result"], labels)
    except OsteonError as error:
        raise type(error)(_without_place(str(error), upload.paths.folder)) from error
    finally:
        upload.throw_away()
    complete(workspace, job["case"], job["result"], doing)
    return []


KINDS: dict[str, Callable[[dict[str, Any], Doing], list[str]]] = {
    "inspect": look_through,
    "add": add,
    "segment": segment,
    "finish": finish,
    "labels": take_labels,
}


def _inspected(thing: Path) -> list[Inspected]:
    try:
        return inspect(thing)
    except OsteonError as error:
        return [Inspected(thing.name, "", str(error))]


def _row(number: int, thing: Path, one: Inspected) -> dict[str, Any]:
    details = one.details
    return {
        "number": number,
        "thing": thing.name if thing.is_dir() else f"files/{thing.parent.name}/{thing.name}",
        "series": str(details.number) if details is not None else None,
        "words": details.contrast if details is not None else "",
        "title": (details.description if details else "") or ("" if thing.is_dir() else case_name(thing)),
        "name": "" if thing.is_dir() else case_name(thing),
        "usable": not one.problem and bool(one.series),
        "single_slice": bool(details and details.matrix[2] == 1),
        "picture": False,
    }


def _add_picture(upload: Upload, row: dict[str, Any]) -> None:
    if not row["usable"]:
        return
    try:
        scan = read_scan(upload.paths.folder / row["thing"], series=row["series"])
        row["words"] = ", ".join(part for part in (_size(scan.volume), row["words"]) if part)
        write_picture(scan.volume, upload.paths.picture(row["number"]))
    except OsteonError as error:
        row["problem"], row["usable"] = _without_place(str(error), upload.paths.folder), False
        return
    row["picture"] = True


def _size(volume: Volume) -> str:
    """Size of a scan in words."""
    edges = " × ".join(f"{s:.2f}" for s in volume.spacing_mm)
    return f"{' × '.join(str(n) for n in volume.shape)} voxels of {edges} mm"


def _write_found(upload: Upload, found: list[dict[str, Any]], *, complete: bool) -> None:
    with written_whole(upload.paths.found) as part:
        document = {"series": found, "complete": complete, "ignored": upload.ignored()}
        part.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _without_place(text: str, folder: Path) -> str:
    """A sentence without the folder of the drop, which means nothing to a user."""
    text = re.sub(re.escape(f"{folder}/files/") + "[0-9a-f]+/", "", text)
    return text.replace(str(folder / "dicom"), "What was dropped").replace(f"{folder}/", "")
