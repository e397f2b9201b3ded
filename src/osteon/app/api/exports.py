"""Files to take along: everything as one zip, and labels and surfaces as other programs read them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from zipfile import ZIP_STORED, ZipFile

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from osteon.app.api.asking import Case, DeskNow, Result
from osteon.app.uploads import plain_name
from osteon.errors import UsageError
from osteon.io import export as write_export
from osteon.io import read_labels, write, write_stl
from osteon.io.surface import read_ply

router = APIRouter(prefix="/api", tags=["files to take along"])

BLOCK = 2**20

Program = Literal["nifti", "slicer", "itk-snap", "dicom-seg", "stl", "ply"]

EXPORTS: dict[str, str] = {
    "nifti": ".nii.gz",
    "slicer": ".seg.nrrd",
    "itk-snap": ".txt",
    "dicom-seg": ".dcm",
    "stl": ".zip",
    "ply": ".zip",
}


@router.get("/cases/{case}/results/{result}/all.zip", response_class=StreamingResponse)
def everything(case: Case, result: Result, desk: DeskNow) -> StreamingResponse:
    """Every file of a result."""
    folder = desk.workspace.result(case, result).folder
    files = [(path, f"{case}-{result}/{path.relative_to(folder).as_posix()}") for path in _files_of(folder)]
    return _zipped(f"{case}-{result}.zip", files)


@router.get("/cases/{case}/results/{result}/export/{program}", response_class=StreamingResponse)
def export(case: Case, result: Result, program: Program, desk: DeskNow) -> StreamingResponse:
    """The labels or surfaces in the form that another program reads."""
    workspace = desk.workspace
    paths = workspace.result(case, result)
    name = f"{case}-{result}"
    if program == "ply":
        return _zipped(f"{name}-ply.zip", [(p, f"{name}/{p.name}") for p in sorted(paths.meshes.glob("*.ply"))])
    with tempfile.TemporaryDirectory() as place:
        if program == "stl":
            made = []
            for path in sorted(paths.meshes.glob("*.ply")):
                made.append((Path(place) / f"{path.stem}.stl", f"{name}/{path.stem}.stl"))
                write_stl(read_ply(path), made[-1][0])
            return _zipped(f"{name}-stl.zip", made)
        out = Path(place) / f"{name}{EXPORTS[program]}"
        found = read_labels(paths.segmentation, workspace.task(paths))
        if program == "nifti":
            write(found, out)
        else:
            write_export(found, out, format=program)
        return _download(out.name, out.read_bytes())


@router.get("/everything.zip", response_class=StreamingResponse)
def all_results(desk: DeskNow) -> StreamingResponse:
    """Every file of every result of every case; scans are not in it."""
    workspace = desk.workspace
    files = []
    for case in workspace.cases():
        for name in workspace.results(case):
            folder = workspace.result(case, name).folder
            files += [(p, f"{name}/{case}/{p.relative_to(folder).as_posix()}") for p in _files_of(folder)]
    return _zipped(f"{plain_name(workspace.paths.folder.name)}-results.zip", files)


def _files_of(folder: Path) -> list[Path]:
    """Files below a folder; links that lead out of it are left."""
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and p.resolve().is_relative_to(folder.resolve())]


def _zipped(name: str, files: list[tuple[Path, str]]) -> StreamingResponse:
    if not files:
        raise UsageError("There is nothing to pack: there are no such files yet.")
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    with ZipFile(packed, "w", ZIP_STORED) as archive:
        for path, inside in files:
            archive.write(path, inside)
    packed.seek(0)

    def blocks() -> Iterator[bytes]:
        with packed:
            while block := packed.read(BLOCK):
                yield block

    return StreamingResponse(blocks(), media_type="application/zip", headers=_saved_as(name))


def _download(name: str, content: bytes) -> StreamingResponse:
    return StreamingResponse(iter([content]), media_type="application/octet-stream", headers=_saved_as(name))


def _saved_as(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
