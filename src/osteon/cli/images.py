"""``osteon inspect`` and ``osteon convert``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from osteon.cli.output import console, print_json
from osteon.errors import OsteonError


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(inspect)
    app.command()(convert)


def inspect(
    path: Annotated[Path, typer.Argument(help="DICOM folder or file, NIfTI, MHA, NRRD, or a folder of those.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Say what is here: series, geometry, problems."""
    from osteon.io import inspect as run

    found = run(path)
    if json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            console.print(f"{one.case}: {one.series}" if one.series else f"{one.case}:", markup=False)
            if one.problem:
                console.print(f"    problem: {one.problem}", markup=False)
    if any(one.problem for one in found):
        raise typer.Exit(OsteonError.exit_code if len(found) == 1 else 1)


def convert(
    path: Annotated[Path, typer.Argument(help="DICOM folder or file, or any image.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .nii.gz, .nii, .mha, .mhd or .nrrd.")],
    series: Annotated[
        str | None, typer.Option(help="Which series of the folder: its number, description or UID.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Convert a DICOM series or an image to another format."""
    from osteon.io import convert as run

    volume = run(path, out, series=series, overwrite=overwrite)
    console.print(f"{out}: {volume}", markup=False)
