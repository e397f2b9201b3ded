"""``osteon train``, ``osteon crossval`` and ``osteon finetune``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from osteon.cli.output import console, print_table, progress_bar, say
from osteon.errors import UsageError

if TYPE_CHECKING:
    from osteon.cohort import Cohort, Fold, Split
    from osteon.synthesis.bodies import Bodies
    from osteon.training import TrainingConfig

CohortArgument = Annotated[Path, typer.Argument(metavar="COHORT", help="Cohort folder.")]
RunOption = Annotated[Path, typer.Option("-o", "--out", help="Run folder.")]
ConfigOption = Annotated[Path, typer.Option(help="Configuration, such as recipes/lumbar-vertebrae.toml.")]
SplitOption = Annotated[Path | None, typer.Option(help="Split file; COHORT/split.json by default.")]
FoldOption = Annotated[int, typer.Option(help="Which fold of the split.")]
AlsoOption = Annotated[
    list[Path] | None,
    typer.Option(help="Another cohort, or a folder of bodies, all of which is trained on; repeatable."),
]
SeedOption = Annotated[int | None, typer.Option(help="Instead of the configuration's seed.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
NetworkOption = Annotated[
    str | None, typer.Option(help="Instead of the configuration's network; nnunet-2d and nnunet-3d train nnU-Net.")
]
MinutesOption = Annotated[
    float | None, typer.Option(min=0.1, help="Train no longer than so many minutes; those before a resume count.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped or killed.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(train)
    app.command()(crossval)
    app.command()(finetune)


def train(
    folder: CohortArgument,
    out: RunOption,
    config: ConfigOption,
    split: SplitOption = None,
    fold: FoldOption = 0,
    also: AlsoOption = None,
    seed: SeedOption = None,
    network: NetworkOption = None,
    minutes: MinutesOption = None,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
) -> None:
    """Train a network on a cohort; the model with the best validation Dice is written to RUN/model."""
    from osteon.crossvalidation.page import page_of_training
    from osteon.training import TrainingConfig
    from osteon.training import train as run

    cohort, folds = cohort_and_split(folder, split)
    settings = _with_network(_seeded(TrainingConfig.load(config), seed), network, minutes)
    chosen, others = _fold(folds, fold), _others(also)
    with _epochs_said(settings.epochs) as said:
        model = run(cohort, out, config=settings, fold=chosen, also=others, resume=resume, device=device, said=said)
        said("segmenting the validation subjects for the page")
        page_of_training(cohort, out, chosen, device)
    console.print(str(model.folder), markup=False)


def crossval(
    folder: CohortArgument,
    out: RunOption,
    config: ConfigOption,
    split: SplitOption = None,
    also: AlsoOption = None,
    seed: SeedOption = None,
    network: NetworkOption = None,
    minutes: MinutesOption = None,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
) -> None:
    """Train on every fold of a split and test each subject out of fold; all folds become one model in RUN/model."""
    from osteon.crossvalidation import crossval as run
    from osteon.crossvalidation.summary import over_subjects
    from osteon.training import TrainingConfig

    cohort, folds = cohort_and_split(folder, split)
    settings, others = _with_network(_seeded(TrainingConfig.load(config), seed), network, minutes), _others(also)
    with _epochs_said(settings.epochs, len(folds.folds)) as said:
        found = run(cohort, out, config=settings, split=folds, also=others, resume=resume, device=device, said=said)
    spread = over_subjects(found.scores)
    print_table("Dice over subjects, out of fold", spread[spread["score"] == "dice"].drop(columns="score"), 3)
    console.print(str(found.paths.summary), markup=False)
    console.print(str(found.model.folder), markup=False)


def finetune(
    model: Annotated[str, typer.Argument(help="Name or folder of the model to begin with.")],
    folder: CohortArgument,
    out: RunOption,
    config: Annotated[
        Path | None, typer.Option(help="Keys of a configuration that shall differ from the model's own.")
    ] = None,
    add: Annotated[
        list[str] | None, typer.Option(help="Structure or group to learn beside the model's classes; repeatable.")
    ] = None,
    split: SplitOption = None,
    fold: FoldOption = 0,
    also: AlsoOption = None,
    seed: SeedOption = None,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
) -> None:
    """Train a model further on a cohort, gently: encoder frozen first, small learning rate."""
    from osteon.crossvalidation.page import page_of_training
    from osteon.training import finetune as run
    from osteon.training import finetuning_config
    from osteon.training.config import read_tables

    cohort, folds = cohort_and_split(folder, split)
    tables = read_tables(config) if config is not None else {}
    settings = _seeded(finetuning_config(model, tables, add or (), str(config or "finetune")), seed)
    chosen, others = _fold(folds, fold), _others(also)
    with _epochs_said(settings.epochs) as said:
        tuned = run(
            model, cohort, out, fold=chosen, config=settings, also=others, resume=resume, device=device, said=said
        )
        said("segmenting the validation subjects for the page")
        page_of_training(cohort, out, chosen, device)
    console.print(str(tuned.folder), markup=False)


def cohort_and_split(folder: Path, split: Path | None) -> tuple[Cohort, Split]:
    """A cohort, and the split that is named or lies in it."""
    from osteon.cohort import Cohort, Split
    from osteon.cohort.split import SPLIT

    cohort = Cohort.load(folder)
    return cohort, Split.load(split or folder / SPLIT, cohort)


def _fold(split: Split, number: int) -> Fold:
    if not 0 <= number < len(split.folds):
        raise UsageError(f"There is no fold {number}; the split has folds 0 to {len(split.folds) - 1}.")
    return split.folds[number]


def _seeded(config: TrainingConfig, seed: int | None) -> TrainingConfig:
    return config if seed is None else config.model_copy(update={"seed": seed})


def _with_network(config: TrainingConfig, network: str | None, minutes: float | None) -> TrainingConfig:
    from osteon.training import TrainingConfig

    changes: dict[str, object] = {"network": {"name": network}} if network is not None else {}
    if minutes is not None:
        changes["minutes"] = minutes
    return TrainingConfig.checked(config.model_dump() | changes, "--network")


def _others(also: Sequence[Path] | None) -> list[Cohort | Bodies]:
    from osteon.cohort import Cohort
    from osteon.synthesis.bodies import Bodies

    return [Bodies.load(path) if Bodies.lie_in(path) else Cohort.load(path) for path in also or []]


@contextmanager
def _epochs_said(epochs: int, folds: int = 1) -> Iterator[Callable[[str], None]]:
    """Lines of a training, with a bar that counts their epochs."""
    with progress_bar("preparing", total=epochs * folds) as doing:

        def said(line: str) -> None:
            say(line)
            if at := re.match(r"(?:fold (\d+) of \d+, )?(?:epoch (\d+):|finished)", line):
                before, now = int(at[1] or 1) - 1, int(at[2] or epochs)
                where = f" of fold {before + 1}" if folds > 1 else ""
                doing(before * epochs + now, f"after epoch {now} of {epochs}{where}")

        yield said
