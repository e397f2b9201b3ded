"""``osteon train``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from osteon.cli.output import console, progress_bar, say
from osteon.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(train)


def train(
    folder: Annotated[Path, typer.Argument(metavar="COHORT", help="Cohort folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Run folder.")],
    config: Annotated[Path, typer.Option(help="Configuration, such as recipes/lumbar-vertebrae.toml.")],
    split: Annotated[Path | None, typer.Option(help="Split file; COHORT/split.json by default.")] = None,
    fold: Annotated[int, typer.Option(help="Which fold of the split.")] = 0,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="Another cohort, or a folder of bodies, all of which is trained on; repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the configuration's seed.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped or killed.")] = False,
) -> None:
    """Train a network on a cohort; the model with the best validation Dice is written to RUN/model."""
    from osteon.cohort import Cohort
    from osteon.cohort.split import SPLIT, Split
    from osteon.synthesis.bodies import Bodies
    from osteon.training import train as run
    from osteon.training.config import TrainingConfig

    cohort = Cohort.load(folder)
    folds = Split.load(split or folder / SPLIT, cohort).folds
    if not 0 <= fold < len(folds):
        raise UsageError(f"There is no fold {fold}; the split has folds 0 to {len(folds) - 1}.")
    settings = TrainingConfig.load(config)
    if seed is not None:
        settings = settings.model_copy(update={"seed": seed})
    others = [Bodies.load(path) if Bodies.lie_in(path) else Cohort.load(path) for path in also or []]
    with progress_bar("preparing", total=settings.epochs) as doing:

        def said(line: str) -> None:
            say(line)
            if epoch := re.match(r"epoch (\d+):", line):
                doing(int(epoch[1]), f"after epoch {epoch[1]} of {settings.epochs}")

        model = run(
            cohort, out, config=settings, fold=folds[fold], also=others, resume=resume, device=device, said=said
        )
    console.print(str(model.folder), markup=False)
