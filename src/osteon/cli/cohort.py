"""``osteon cohort import``, ``check``, ``split`` and ``export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from osteon.cli.output import console, print_json, progress_bar, say
from osteon.errors import UsageError

if TYPE_CHECKING:
    from osteon.anatomy import Task
    from osteon.cohort import Checked, Cohort
    from osteon.cohort.found import Found

app = typer.Typer(help="Bring training data into a cohort, check it, and split it by subject.", no_args_is_help=True)

FOUND_WRONG = 1
"""Exit code of a check that found errors."""


@app.command("import")
def import_(
    layout: Annotated[str, typer.Argument(help="Layout of the source: spider, nnunet, bids, pairs or workspace.")],
    source: Annotated[list[Path], typer.Argument(help="Folder of the source; for pairs the scans, then the masks.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Cohort folder to make.")],
    task: Annotated[
        str | None,
        typer.Option(help="Task of the masks: a name or a .toml file; leg-bones for workspace, else lumbar-spine."),
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="A label value's meaning, as 5=tibia-right or 6=background.")
    ] = None,
    overlap: Annotated[
        str, typer.Option(help="Where binary masks overlap: background, priority or nearest.")
    ] = "background",
    yes: Annotated[bool, typer.Option("--yes", help="Take matched pairs as they are shown, without asking.")] = False,
) -> None:
    """Import a cohort; what cannot be used is dropped and named with its reason."""
    from osteon.anatomy import Task
    from osteon.cohort import find_cases, import_cohort
    from osteon.cohort.layouts import usual_task

    chosen = Task.load(task) if task is not None else usual_task(layout)
    values = _mapping(mapping or [], chosen)
    found = find_cases(layout, source, chosen, mapping=values)
    if layout == "pairs":
        _show_pairs(found, yes)
    with progress_bar("importing", total=max(1, len(found.cases))) as doing:
        rule = cast(Any, overlap)  # checked by the function
        cohort = import_cohort(layout, source, out, task=chosen, mapping=values, overlap=rule, doing=doing)
    _tell(cohort)


@app.command("check")
def check_(
    folder: Annotated[Path, typer.Argument(metavar="COHORT", help="Cohort folder.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Page to write; COHORT/check.html by default.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Check a cohort's scans, masks and split; findings come with a remedy, and the exit code tells of errors."""
    from dataclasses import asdict

    from osteon.cohort import Cohort, check
    from osteon.report.cohort import write_cohort_page

    cohort = Cohort.load(folder)
    with progress_bar("checking", total=max(1, len(cohort.cases))) as doing:
        checked = check(cohort, doing=doing)
    page = out or folder / "check.html"
    write_cohort_page(page, checked)
    if json:
        counts = {f"{severity}s": checked.count(severity) for severity in ("error", "warning", "note")}
        print_json({**counts, "page": str(page), "findings": [asdict(finding) for finding in checked.findings]})
    else:
        _show_findings(checked)
        console.print(str(page), markup=False)
    if checked.count("error") or (strict and checked.count("warning")):
        raise typer.Exit(FOUND_WRONG)


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


@app.command("export")
def export_(
    layout: Annotated[str, typer.Argument(help="Layout to write: nnunet.")],
    folder: Annotated[Path, typer.Argument(metavar="COHORT", help="Cohort folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to make, named like Dataset001_Legs.")],
    split: Annotated[
        Path | None, typer.Option(help="Split file; COHORT/split.json if it is there, else five folds.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the folds, if there is no split.")] = 0,
) -> None:
    """Write a cohort in another layout, with folds made of subjects."""
    from osteon.cohort import Cohort, Split, export_nnunet
    from osteon.cohort.split import SPLIT

    if layout != "nnunet":
        raise UsageError(f"There is no layout {layout} to write. Known: nnunet.")
    cohort = Cohort.load(folder)
    path = split or (folder / SPLIT if (folder / SPLIT).is_file() else None)
    made = export_nnunet(cohort, out, folds=Split.load(path, cohort) if path else None, seed=seed)
    console.print(str(made), markup=False)


def _mapping(given: list[str], task: Task) -> dict[int, int] | None:
    """``5=tibia-right`` as the value of the file and that of the task."""
    from osteon.cohort.naming import BACKGROUND

    values: dict[int, int] = {}
    for text in given:
        value, _, name = text.partition("=")
        if not value.strip().isdigit() or not name:
            raise UsageError(f"--map {text} cannot be used; write VALUE=STRUCTURE, such as 5=tibia-right.")
        known = {**dict.fromkeys(BACKGROUND, 0), **{structure.name: structure.value for structure in task.structures}}
        if name.strip() not in known:
            listed = ", ".join(structure.name for structure in task.structures)
            raise UsageError(f"--map {text}: the task {task.name} has no structure named {name}. It knows: {listed}.")
        values[int(value)] = known[name.strip()]
    return values or None


def _show_pairs(found: Found, yes: bool) -> None:
    """Show what was matched with what, and ask."""
    width = max((len(case.image.name) for case in found.cases), default=0)
    for case in found.cases:
        say(f"{case.image.name:<{width}}  {case.labels.name if case.labels else ''}  (subject {case.subject})")
    for note in found.notes:
        say(note)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Look at the pairs above; if they are right, give the same command again with --yes.")
    if not typer.confirm("Are these pairs right?"):
        raise UsageError("Nothing was imported. Rename the files so that scan and mask share a part of their names.")


def _tell(cohort: Cohort) -> None:
    console.print(repr(cohort), markup=False)
    for dropped in cohort.manifest.dropped:
        say(f"dropped {dropped.file}: {dropped.reason}")
    for note in cohort.manifest.notes:
        say(note)
    for group in sorted({case.group for case in cohort.cases}):
        cases = [case for case in cohort.cases if case.group == group]
        annotated = sorted({name for case in cases for name in case.annotated})
        subjects = len({case.subject for case in cases})
        console.print(
            f"{group}: {len(cases)} cases of {subjects} subjects; annotated: {', '.join(annotated)}", markup=False
        )


def _show_findings(checked: Checked) -> None:
    console.print(repr(checked.cohort), markup=False)
    for finding in checked.findings:
        console.print(f"{finding.severity}: {finding.place}: {finding.message} {finding.remedy}", markup=False)
    counts = ", ".join(
        f"{(n := checked.count(severity))} {severity}{'' if n == 1 else 's'}"
        for severity in ("error", "warning", "note")
    )
    console.print(counts, markup=False)
