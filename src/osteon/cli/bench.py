"""``osteon bench``."""

from __future__ import annotations

from typing import Annotated

import typer

from osteon.cli.output import console, print_json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(bench)


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark, or all; see --list.")] = "lumbar",
    engine: Annotated[str, typer.Option(help="auto, torch or openvino.")] = "auto",
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder; the usual by default.")] = "",
    repeats: Annotated[int, typer.Option(help="How often each is timed; medians are shown.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the phantom.")] = 0,
    list_: Annotated[bool, typer.Option("--list", help="List the benchmarks.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Measure speed and memory on this machine: the whole job, or what else --list names."""
    from osteon.bench import BENCHMARKS, Asked
    from osteon.bench import bench as run

    if list_:
        for known, benchmark in BENCHMARKS.items():
            console.print(f"{known}: {benchmark.about}", markup=False)
        return
    documents = []
    for result in run(name, Asked(engine, model, repeats, seed)):
        documents.append(result.document())
        if not json:
            for line in result.lines():
                console.print(line, markup=False)
    if json:
        print_json(documents if len(documents) != 1 else documents[0])
