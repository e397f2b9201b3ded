"""``osteon cohort import`` and ``osteon cohort split``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from osteon.cli.output import console, say
from osteon.errors import UsageError

app = typer.Typer(help="Bring training data into a cohort, and split it by subject.", no_args_is_help=True)


@app.command("import")
def import_(
    layout: Annotated[str, typer.Argument(help="Layout of the source: spider.")],
    source: Annotated[Path, typer.Argument(help="Folder with images/ and masks/.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Cohort folder to make.")],
    task: Annotated[str, typer.Option(help="Task of the masks: a name or a .toml file.")] = "lumbar-spine",
) -> None:
    """Import a cohort; what cannot be used is dropped and named with its reason."""
    from osteon.anatomy import Task
    from osteon.cohort import import_spider

    if layout != "spider":
        raise UsageError(f"There is no layout {layout}. Known: spider.")
    cohort = import_spider(source, out, task=Task.load(task))
    console.print(repr(cohort), markup=False)
    for dropped in cohort.manifest.dropped:
        say(f"dropped {dropped.file}: {dropped.reason}")
    for note in cohort.manifest.notes:
        say(note)
    groups = sorted({case.group for case in cohort.cases})
    for group in groups:
        cases = [case for case in cohort.cases if case.group == group]
        annotated = sorted({name for case in cases for name in case.annotated})
        subjects = len({case.subject for case in cases})
        console.print(
            f"{group}: {len(cases)} cases of {subjects} subjects; annotated: {', '.join(annotated)}", markup=False
        )


@app.command("split")
def split_(
    folder: Annotated[Path, typer.Argument(metavar="COHORT", help="Cohort folder.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Split file; COHORT/split.json by default.")] = None,
    kind: Annotated[str, typer.Option(help="holdout, k-fold or leave-one-out.")] = "holdout",
    folds: Annotated[int, typer.Option(help="Number of folds, for k-fold.")] = 5,
    test: Annotated[int, typer.Option(help="Test subjects, for holdout.")] = 0,
    validation: Annotated[int, typer.Option(help="Validation subjects of each fold.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the shuffle.")] = 0,
) -> None:
    """Split a cohort by subject, in every group in proportion."""
    from osteon.cohort import Cohort
    from osteon.cohort.split import SPLIT, split

    if kind not in ("holdout", "k-fold", "leave-one-out"):
        raise UsageError(f"There is no kind of split {kind}. Known: holdout, k-fold, leave-one-out.")
    cohort = Cohort.load(folder)
    chosen = cast(Literal["holdout", "k-fold", "leave-one-out"], kind)
    made = split(cohort, kind=chosen, folds=folds, test=test, validation=validation, seed=seed)
    path = out or folder / SPLIT
    made.write(path)
    for number, fold in enumerate(made.folds):
        sizes = f"{len(fold.train)} subjects to train, {len(fold.validation)} to validate, {len(fold.test)} to test"
        console.print(f"fold {number}: {sizes}", markup=False)
    console.print(str(path), markup=False)
