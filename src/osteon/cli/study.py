"""``osteon study list`` and ``osteon study run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from osteon.cli.output import console, print_json, print_table, say
from osteon.cli.training import cohort_and_split
from osteon.errors import UsageError

if TYPE_CHECKING:
    from osteon.cohort import Cohort, Split

app = typer.Typer(help="The experiments of the literature on a cohort of your own.", no_args_is_help=True)


@app.command("list")
def list_studies(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Name the studies and what each answers."""
    from osteon.study import STUDIES

    if json:
        print_json([{"name": s.name, "title": s.title, "question": s.question} for s in STUDIES.values()])
        return
    for study in STUDIES.values():
        console.print(f"{study.name:<22}{study.question}", markup=False)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="Which study; osteon study list names them.")],
    folder: Annotated[Path, typer.Argument(metavar="COHORT", help="Cohort folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the study.")],
    config: Annotated[Path, typer.Option(help="Configuration of every arm, such as recipes/studies.toml.")],
    budget: Annotated[
        float | None, typer.Option(help="Minutes of training, shared by the arms; else the configuration's epochs.")
    ] = None,
    arms: Annotated[str, typer.Option(help="Only these arms, with commas between.")] = "",
    split: Annotated[Path | None, typer.Option(help="Split file; COHORT/split.json by default.")] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Test each subject by a network trained on the others.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="Second cohort of the study transfer.")] = None,
    groups: Annotated[
        str, typer.Option(help="Two groups of the cohort for the study transfer, as A,B; its largest by default.")
    ] = "",
    weights: Annotated[
        str, typer.Option(help="ImageNet weights for the study pretrained-vs-random: a file, or download.")
    ] = "download",
    seed: Annotated[int | None, typer.Option(help="Instead of the configuration's seed.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Continue a study that was stopped or killed.")] = False,
) -> None:
    """Run a study on a cohort; OUT gets tables, a figure and a page, after every arm. Exit code 1: some arms failed."""
    from osteon.study import Setting, StudyConfig, run_study

    settings = StudyConfig.load(config)
    if seed is not None:
        settings = settings.seeded(seed)
    if name != "transfer" and (to is not None or groups):
        raise UsageError(f"--to and --groups are for the study transfer; leave them out of {name}.")
    if to is not None and groups:
        raise UsageError("--to and --groups both say between what models are transferred; leave one out.")
    cohort, folds = _cohort_and_folds(folder, split, leave_one_out, settings.training.seed)
    setting = Setting([cohort], [folds], settings, weights, _pair(groups))
    if to is not None:
        other, its_folds = _cohort_and_folds(to, None, leave_one_out, settings.training.seed)
        setting = Setting([cohort, other], [folds, its_folds], settings, weights)
    chosen = [arm.strip() for arm in arms.split(",") if arm.strip()]
    found = run_study(name, setting, out, arms=chosen, budget_minutes=budget, resume=resume, device=device, said=say)
    if "dice_mean" in found.arms:
        columns = ["title", "tested_on", "dice_mean", "dice_sd", "dice_minimum", "seconds_a_scan"]
        print_table(name, found.arms[columns], 3)
    elif len(found.arms):
        print_table(name, found.arms[["title", "parameters", "seconds_a_scan", "memory_applying_mb"]], 2)
    console.print(str(found.paths.page), markup=False)
    if found.failed:
        raise typer.Exit(1)


def _cohort_and_folds(folder: Path, file: Path | None, leave_one_out: bool, seed: int) -> tuple[Cohort, Split]:
    from osteon.cohort import Cohort
    from osteon.cohort.split import split as divide

    if not leave_one_out:
        return cohort_and_split(folder, file)
    if file is not None:
        raise UsageError("--split and --leave-one-out both say who is tested; leave one out.")
    cohort = Cohort.load(folder)
    return cohort, divide(cohort, kind="leave-one-out", validation=1, seed=seed)


def _pair(groups: str) -> tuple[str, str] | None:
    names = [name.strip() for name in groups.split(",") if name.strip()]
    if not names:
        return None
    if len(names) != 2 or names[0] == names[1]:
        raise UsageError(f"--groups takes two different groups with a comma between, not {groups!r}.")
    return names[0], names[1]
