"""``osteon phantom make``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from osteon.cli.output import console
from osteon.errors import UsageError

app = typer.Typer(help="Make scans from nothing, with known labels.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make scans from nothing, with known labels."""


@app.command()
def make(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the phantom.")],
    task: Annotated[str, typer.Option(help="Task whose anatomy is made: lumbar-spine.")] = "lumbar-spine",
    contrast: Annotated[str, typer.Option(help="t1 or t2.")] = "t2",
    seed: Annotated[int, typer.Option(help="Another seed is another patient.")] = 0,
    count: Annotated[int, typer.Option(help="More than one makes a cohort in the SPIDER layout.", min=1)] = 1,
) -> None:
    """Make a phantom as a DICOM series and as NIfTI with labels, or a cohort of them."""
    from osteon.anatomy import Task
    from osteon.synthesis import make_phantom, write_phantom, write_phantom_cohort

    if contrast not in ("t1", "t2"):
        raise UsageError(f"There is no contrast {contrast}. Known: t1, t2.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not an empty folder. Choose another place.")
    chosen = Task.load(task)
    if count > 1:
        write_phantom_cohort(out, count=count, seed=seed)
        console.print(f"{out}: {count} subjects, each in T1 and T2, with masks", markup=False)
        return
    phantom = make_phantom(chosen, seed=seed, contrast=cast(Literal["t1", "t2"], contrast))
    paths = write_phantom(phantom, out, seed=seed)
    for path in (paths.dicom, paths.scan, paths.labels):
        console.print(str(path), markup=False)
