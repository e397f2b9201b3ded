"""``osteon evaluate`` and ``osteon measure``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from osteon.cli.output import console, print_json, print_table, say

TaskOption = Annotated[str, typer.Option(help="Task that gives the label values meaning: a name or a .toml file.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(evaluate)
    app.command()(measure)


def evaluate(
    predicted: Annotated[Path, typer.Argument(help="Label map, or a folder of them or of segmented cases.")],
    reference: Annotated[Path, typer.Argument(help="Reference label map or folder, matched by case name.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="CSV file, one row a case and structure.")],
    task: TaskOption = "lumbar-spine",
    structures: Annotated[
        list[str] | None,
        typer.Option(help="Only structures of this name or pattern, such as 'vertebra-*'; repeatable."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Compare label maps with references: Dice, IoU, volumes and distances of each structure."""
    from osteon.anatomy import Task
    from osteon.metrics import detection, summarise, without_partner
    from osteon.metrics import evaluate as run

    meaning = Task.load(task)
    table = run(
        predicted, reference, task=meaning, out=out, structures=meaning.matching(structures) if structures else None
    )
    found, summary = detection(table), summarise(table)
    if json:
        print_json({"summary": summary.to_dict("records"), "detection": found.to_dict("records")})
        return
    everything = summary[summary["structure"] == "all"].drop(columns="structure")
    print_table(
        "Agreement over all structures", everything[["score", "n", "mean", "sd", "minimum", "median", "maximum"]], 3
    )
    print_table("Found under their own name (Dice above 0.5)", found, 3)
    for status, cases in without_partner(table).items():
        if cases:
            say(f"{status}: {', '.join(cases)}")
    console.print(f"{out}", markup=False)


def measure(
    labels: Annotated[Path, typer.Argument(help="Label map.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="CSV file, one row a structure.")],
    task: TaskOption = "lumbar-spine",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Measure the structures of a label map: volumes, places, heights of vertebral bodies."""
    from osteon.anatomy import Task
    from osteon.io import read_labels
    from osteon.measurement import measure as run
    from osteon.measurement import write_measurements

    table = run(read_labels(labels, Task.load(task)))
    write_measurements(table, out)
    if json:
        print_json(table.to_dict("records"))
        return
    print_table(str(out), table[["structure", "volume_cm3", "touches_border"]])
