"""``osteon inspect`` and ``osteon convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from osteon.cli.output import console, print_json
from osteon.errors import OsteonError, UsageError


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(inspect)
    app.command()(convert)


def inspect(
    path: Annotated[Path, typer.Argument(help="DICOM folder or file, NIfTI, MHA, NRRD, or a folder of those.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what is here: series, geometry, problems."""
    from osteon.io import read, scans_in
    from osteon.io.dicom import list_series

    rows: list[dict[str, object]] = []
    for name, scan in scans_in(path):
        series = list_series(scan) if scan.is_dir() else []
        if len(series) > 1 or any(s.problem for s in series):
            rows += [{"case": name, "series": str(s), "problem": s.problem} for s in series]
            continue
        try:
            rows.append({"case": name, "series": repr(read(scan)), "problem": None})
        except OsteonError as error:
            rows.append({"case": name, "series": "", "problem": str(error)})
    if json:
        print_json(rows)
    else:
        for row in rows:
            console.print(f"{row['case']}: {row['series']}", markup=False)
            if row["problem"]:
                console.print(f"    problem: {row['problem']}", markup=False)
    if any(row["problem"] for row in rows):
        raise typer.Exit(OsteonError.exit_code if len(rows) == 1 else 1)


def convert(
    path: Annotated[Path, typer.Argument(help="DICOM folder or file, or any image.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .nii.gz, .nii, .mha, .mhd or .nrrd.")],
    series: Annotated[
        str | None, typer.Option(help="Which series of the folder: its number, description or UID.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Convert a DICOM series or an image to another format."""
    from osteon.io import read, write

    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists. Give --overwrite to replace it, or choose another name.")
    volume = read(path, series=series)
    write(volume, out)
    console.print(f"{out}: {volume}", markup=False)
