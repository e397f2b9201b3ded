"""``osteon bench``."""

from __future__ import annotations

from typing import Annotated

import typer

from osteon.cli.output import console, print_json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(bench)


def bench(
    engine: Annotated[str, typer.Option(help="auto, torch or openvino.")] = "auto",
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = "lumbar-vertebrae",
    repeats: Annotated[int, typer.Option(help="Fresh processes; medians are shown.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the phantom.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")] = False,
) -> None:
    """Time the whole job on a lumbar phantom, with the share of each stage."""
    from osteon.bench import bench as run

    result = run(engine=engine, model=model, repeats=repeats, seed=seed)
    if json:
        print_json(result.__dict__)
        return
    shape = " x ".join(str(n) for n in result.shape)
    console.print(
        f"osteon segment, {shape} voxels, {result.engine}: {result.process_s:.1f} s as a whole process, "
        f"peak memory {result.peak_memory_mb:.0f} MB (medians of {repeats})"
    )
    for stage, share in result.shares().items():
        console.print(f"  {stage:<22} {result.stages_s[stage]:6.2f} s  {share:6.1%}")
