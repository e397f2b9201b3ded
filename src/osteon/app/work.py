"""What a worker does for each kind of job; every one calls the functions that the command line calls."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import osteon.io.dicom  # noqa: F401 - loaded while the worker waits, as is what follows
from osteon.app.jobs import TRAININGS
from osteon.app.paths import UploadPaths
from osteon.app.uploads import Upload, without_place
from osteon.app.viewing import view_of_labels, write_picture, write_view
from osteon.app.workspace import Origin, Workspace, usable_name
from osteon.errors import OsteonError, ReadError
from osteon.io import Inspected, inspect, write
from osteon.io.scans import case_name, read_scan
from osteon.io.surface_file import SURFACE_SUFFIXES
from osteon.io.whole import written_whole
from osteon.volume import Volume

Doing = Callable[[float, str], None]


def glance(job: dict[str, Any], doing: Doing) -> list[str]:
    """Picture of one DICOM file of a drop that is still arriving; none if it has none to show."""
    upload = Upload(job["upload"], UploadPaths(Path(job["folder"])))
    arrived = next(upload.paths.dicom.iterdir(), None)
    if arrived is None:
        return []
    with tempfile.TemporaryDirectory(dir=upload.paths.folder) as alone, suppress(OsteonError):
        file = Path(shutil.copy(arrived, alone))  # beside the others it would be read as one of their series
        write_picture(read_scan(file).volume, upload.paths.glance)
    return []


def look_through(job: dict[str, Any], doing: Doing) -> list[str]:
    """List the series of a drop in ``found.json``, with a picture of each that can be used."""
    upload = Upload(job["upload"], UploadPaths(Path(job["folder"])))
    found: list[dict[str, Any]] = []
    things = upload.things()
    for thing in things:
        for one in _inspected(thing):
            row = _row(len(found), thing, one)
            row["note"] = [without_place(note, upload.paths.folder) for note in one.notes]
            row["problem"] = without_place(one.problem or "", upload.paths.folder)
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
        notes += [f"{name}: {without_place(note, upload.paths.folder)}" for note in scan.notes]
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
        workspace.scan(job["case"]),
        out,
        model=model,
        engine=job["engine"],
        precision=job.get("precision", "auto"),  # missing in jobs of an earlier version, as are the next two
        looks=job.get("looks", 1),
        from_slice=job.get("from_slice"),
        overwrite=job["overwrite"],
        doing=doing,
    )
    if case.error is not None:
        raise case.error
    Origin(model.task.name, "model", model.spec.name).write(case.paths.folder, model.task)
    view_of_labels(workspace, job["case"], model.spec.name, whole=False)
    return list(case.warnings)


def finish(job: dict[str, Any], doing: Doing) -> list[str]:
    """Meshes, measurements and report of a label map that was corrected or added."""
    from osteon.app.completing import complete

    workspace = Workspace(Path(job["workspace"]))
    complete(workspace, job["case"], job["result"], doing)
    return []


def masks_look(job: dict[str, Any], doing: Doing) -> list[str]:
    """Look through masks and surfaces."""
    from osteon.app.mask_work import look_through_masks

    return look_through_masks(job, doing)


def masks(job: dict[str, Any], doing: Doing) -> list[str]:
    """Take masks and surfaces."""
    from osteon.app.mask_work import take_masks

    return take_masks(job, doing)


def cohort(job: dict[str, Any], doing: Doing) -> list[str]:
    """Make a cohort, divide it and check it."""
    from osteon.app.cohorts import make

    return make(job, doing)


def training(job: dict[str, Any], doing: Doing) -> list[str]:
    """Train, cross-validate or fine-tune."""
    from osteon.app.training_work import work

    return work(job, doing)


KINDS: dict[str, Callable[[dict[str, Any], Doing], list[str]]] = {
    "glance": glance,
    "inspect": look_through,
    "add": add,
    "segment": segment,
    "finish": finish,
    "masks-look": masks_look,
    "masks": masks,
    "cohort": cohort,
    **dict.fromkeys(TRAININGS, training),
}


def _inspected(thing: Path) -> list[Inspected]:
    if thing.suffix.lower() in SURFACE_SUFFIXES:
        problem = "It is a surface. Add its scan first, open it, and drop the surface there."
        return [Inspected(thing.name, "", problem)]
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
        row["problem"], row["usable"] = without_place(str(error), upload.paths.folder), False
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
