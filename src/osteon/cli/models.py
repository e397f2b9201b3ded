"""``osteon models list`` and ``osteon models show``."""

from __future__ import annotations

from typing import Annotated

import typer

from osteon.cli.output import console, say

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
