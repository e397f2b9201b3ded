"""``osteon export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from osteon.cli.output import console, say


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(export)


def export(
    labels: Annotated[Path, typer.Argument(help="Label map.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write; .seg.nrrd, .txt and .dcm tell the format.")],
    task: Annotated[str, typer.Option(help="Task that gives the label values meaning: a name or a .toml file.")],
    format: Annotated[
        Literal["slicer", "itk-snap", "dicom-seg", "spider", "nnunet"] | None,
        typer.Option(help="For which program; told by the suffix if missing."),
    ] = None,
    series: Annotated[
        Path | None, typer.Option(help="DICOM folder of the scan, for a DICOM-SEG that a viewer lays over it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write a label map for 3D Slicer, ITK-SNAP or a DICOM viewer, or with the values of SPIDER or nnU-Net."""
    from osteon.anatomy import Task
    from osteon.io import read_labels
    from osteon.io.seg import export as run

    notes = run(read_labels(labels, Task.load(task)), out, format=format, series=series, overwrite=overwrite)
    console.print(str(out), markup=False)
    for note in notes:
        say(note)
