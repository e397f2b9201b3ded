"""``osteon inspect`` and ``osteon convert``."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from osteon.cli.output import console, print_json, say
from osteon.errors import OsteonError

if TYPE_CHECKING:
    from osteon.io import Inspected


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(inspect)
    app.command()(convert)


def inspect(
    path: Annotated[Path, typer.Argument(help="DICOM folder, zip or file, NIfTI, MHA, NRRD, or a folder of those.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Say what is here: series, geometry, problems."""
    from osteon.io import inspect as run

    found = run(path)
    if json:
        print_json([_document(one) for one in found])
    else:
        for one in found:
            console.print(f"{one.case}: {one.series}" if one.series else f"{one.case}:", markup=False)
            for note in one.notes:
                console.print(f"    note: {note}", markup=False)
            if one.problem:
                console.print(f"    problem: {one.problem}", markup=False)
    if any(one.problem for one in found):
        raise typer.Exit(OsteonError.exit_code if len(found) == 1 else 1)


def _document(one: Inspected) -> dict[str, object]:
    document = asdict(one)
    if document["details"] is not None:
        del document["details"]["uid"]  # leads back to the patient
    return document


def convert(
    path: Annotated[Path, typer.Argument(help="DICOM folder, zip or file, or any image.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .nii.gz, .nii, .mha, .mhd or .nrrd.")],
    series: Annotated[
        str | None,
        typer.Option(help="Which series: its number in inspect's list, UID, description, or water."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Convert a DICOM series or an image to another format."""
    from osteon.io import convert as run

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        volume = run(path, out, series=series, overwrite=overwrite)
    for one in caught:
        say(f"note: {one.message}")
    console.print(f"{out}: {volume}", markup=False)
