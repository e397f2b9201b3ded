"""``osteon phantom make`` and ``osteon phantom bodies``."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Annotated

import typer

from osteon.cli.output import console, progress_bar
from osteon.errors import UsageError

app = typer.Typer(help="Make scans from nothing, with known labels.", no_args_is_help=True)

OLDEST_YEARS = 100.0

BODY_SEEDS = 10_000_000
"""Bodies to train on are other people than the phantoms that a model is tried on, whatever the seeds."""


@app.callback()
def _group() -> None:
    """Make scans from nothing, with known labels."""


@app.command()
def make(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the phantom.")],
    task: Annotated[str, typer.Option(help="Task whose anatomy is made: lumbar-spine or leg-bones.")] = "lumbar-spine",
    contrast: Annotated[
        str | None,
        typer.Option(
            help="A protocol such as t1-gre, t2-se, stir or dixon-water; of a spine also t1, t2 and random. With "
            "--count, any: spines of all ages and states, each in a contrast of its own."
        ),
    ] = None,
    age: Annotated[
        float | None, typer.Option(help="Age in years; drawn if not given.", min=0, max=OLDEST_YEARS)
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another patient.")] = 0,
    count: Annotated[int, typer.Option(help="More than one makes a cohort in the SPIDER layout.", min=1)] = 1,
) -> None:
    """Make a phantom as a DICOM series and as NIfTI with labels, or a cohort of them."""
    from osteon import synthesis
    from osteon.anatomy import Task

    _require_free(out)
    chosen = Task.load(task)
    legs = chosen.name == "leg-bones"
    if count > 1:
        if contrast == "any" and age is None and not legs:
            synthesis.write_varied_spines(out, count=count, seed=seed)
            console.print(f"{out}: {count} subjects, each in one contrast, with masks", markup=False)
            return
        if age is not None or contrast is not None:
            given = "--age" if age is not None else "--contrast"
            raise UsageError(
                f"A cohort has subjects of many ages, each in two contrasts; leave out {given} or --count "
                "(of spines, --contrast any gives each subject a contrast of its own)."
            )
        if legs:
            synthesis.write_leg_cohort(out, count=count, seed=seed)
        else:
            synthesis.write_phantom_cohort(out, count=count, seed=seed)
        console.print(f"{out}: {count} subjects, each in two contrasts, with masks", markup=False)
        return
    phantom: synthesis.Phantom | synthesis.LegPhantom
    if legs:
        phantom = synthesis.make_leg_phantom(seed=seed, protocol=contrast or "t1-gre", age_years=age)
    else:
        phantom = synthesis.make_phantom(chosen, seed=seed, contrast=contrast or "t2", age_years=age)
    paths = synthesis.write_phantom(phantom, out, seed=seed)
    for path in (paths.dicom, paths.scan, paths.labels):
        console.print(str(path), markup=False)


@app.command()
def bodies(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the bodies.")],
    count: Annotated[int, typer.Option(help="How many.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Other seeds are other people.")] = 0,
    spacing: Annotated[float, typer.Option(help="Voxel edge of the maps in mm.", min=0.5, max=4.0)] = 1.5,
    ages: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Only of these years, such as 4 10: ages are drawn evenly between.", metavar="FROM TO"),
    ] = None,
) -> None:
    """Make bodies to train on: legs of all ages as maps of their parts, from which slices of any contrast are made."""
    from osteon.io.whole import folder_written_whole
    from osteon.synthesis import draw_legs
    from osteon.synthesis.leg_phantom import YOUNGEST_YEARS
    from osteon.synthesis.templates import write_body

    _require_free(out)
    if ages is not None and not YOUNGEST_YEARS <= ages[0] <= ages[1] <= OLDEST_YEARS:
        raise UsageError(
            f"Bodies are made from {YOUNGEST_YEARS:g} to {OLDEST_YEARS:g} years; give the younger age first "
            f"(--ages 4 10), not {ages[0]:g} and {ages[1]:g}."
        )
    with folder_written_whole(out) as part, progress_bar("building", total=count) as doing:
        for number in range(count):
            person = BODY_SEEDS + 1000 * seed + number
            age = None if ages is None else Random(person).uniform(*ages)
            body = draw_legs(person, age_years=age, spacing_mm=(spacing, spacing, spacing))
            write_body(body, part)
            doing(number + 1, body.name)
    console.print(f"{out}: {count} bodies", markup=False)


def _require_free(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not an empty folder. Choose another place.")
