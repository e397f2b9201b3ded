"""``osteon models``: list, show, add and remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from osteon.cli.output import console, say
from osteon.errors import UsageError

app = typer.Typer(help="The models in this installation.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List the models, each with what it segments."""
    from osteon.networks.model import Model

    names = Model.available()
    if not names:
        say("No model is shipped with this installation; give a model of your own by its folder.")
    for name in names:
        console.print(f"{name}: {Model.load(name).spec.title}", markup=False)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name or folder of a model.")]) -> None:
    """Print a model's card: data, licence, training, results, failures."""
    from osteon.networks.model import Model

    console.print(Model.load(name).card(), markup=False)


@app.command()
def add(
    source: Annotated[Path, typer.Argument(help="Folder or zip file of a model of Osteon or of a trained nnU-Net.")],
    name: Annotated[str, typer.Option(help="Name that it gets; its own or its file's by default.")] = "",
    task: Annotated[
        str | None,
        typer.Option(help="nnU-Net: the task whose structures its labels are, by name; found by default."),
    ] = None,
    meaning: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="VALUE=STRUCTURE", help="nnU-Net: what a label value means; repeatable."),
    ] = None,
    configuration: Annotated[
        str | None, typer.Option(help="nnU-Net: which one, where several were trained, such as 3d_fullres.")
    ] = None,
    fold: Annotated[
        list[str] | None, typer.Option(help="nnU-Net: only this fold; repeatable. All together by default.")
    ] = None,
    licence: Annotated[str, typer.Option(help="nnU-Net: licence of the weights, as published.")] = "not stated",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an added model of this name.")] = False,
) -> None:
    """Add a model from a file or folder, to be known by its name. Nothing is downloaded, no code in it is run."""
    from osteon.anatomy import Task
    from osteon.networks.added import add_model
    from osteon.networks.nnunet.importing import Wanted

    if meaning and task is None:
        raise UsageError("--map names structures of a task; say of which with --task.")
    wanted = Wanted(
        name=name,
        task=Task.load(task) if task else None,
        mapping=dict(_pair(pair) for pair in meaning or ()),
        configuration=configuration,
        folds=tuple(fold or ()),
        licence=licence,
    )
    model = add_model(source, wanted, overwrite=overwrite)
    say(f"{model.spec.name}: {', '.join(model.spec.classes)} (task {model.spec.task})")
    console.print(model.spec.name, markup=False)


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Name of a model that was added.")]) -> None:
    """Remove a model that was added; those of the package stay."""
    from osteon.networks.added import remove_model

    say(f"removed {remove_model(name)}")


@app.command()
def quantise(
    model: Annotated[str, typer.Argument(help="Name or folder of a model.")],
    cohort: Annotated[Path, typer.Argument(help="Cohort with a split: training scans calibrate, test scans judge.")],
    bodies: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of bodies of the training: half of the slices are made from them; repeatable."),
    ] = None,
    slices: Annotated[int, typer.Option(help="Calibrate on so many slices.", min=1)] = 300,
    seed: Annotated[int, typer.Option(help="Which slices.")] = 0,
) -> None:
    """Make a network in eight bits beside a model's own; it is used by itself only if it is as good (needs nncf)."""
    from osteon.quantisation import quantise as run

    verdict = run(model, cohort, bodies=bodies or (), slices=slices, seed=seed, said=say)
    for sentence in verdict.sentences():
        console.print(sentence, markup=False)


def _pair(text: str) -> tuple[int, str]:
    value, _, structure = text.partition("=")
    if not value.strip().isdigit() or not structure.strip():
        raise UsageError(f"--map {text} is not VALUE=STRUCTURE, such as 3=femur-right.")
    return int(value), structure.strip()
