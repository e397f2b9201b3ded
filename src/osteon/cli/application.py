"""``osteon app``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from osteon.cli.output import console, say
from osteon.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("app")(open_app)


def open_app(
    workspace: Annotated[
        Path | None, typer.Argument(help="Folder to work in, made if missing; else it is chosen in the browser.")
    ] = None,
    port: Annotated[int, typer.Option(help="Where the app listens.", min=1024, max=65535)] = 8770,
    host: Annotated[
        str, typer.Option(help="Other than 127.0.0.1 only to let other machines in; then a password is asked for.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """Open the app in the browser: add scans, segment, look, correct, measure. Nothing leaves the machine."""
    try:
        from osteon.app.access import LOOPBACK
        from osteon.app.server import serve
    except ImportError as error:
        raise UsageError(
            "The app needs packages that are not installed. Install them with: pip install 'osteon[app]'."
        ) from error
    password = None
    if host not in LOOPBACK:
        say(
            f"Listening on {host} lets every machine that reaches this one see and change the workspace, if it knows "
            "the password. The connection is not encrypted: use it in a trusted network only, or through an SSH tunnel."
        )
        password = typer.prompt("Password for the app", hide_input=True, confirmation_prompt=True, err=True)
    serve(
        workspace,
        host=host,
        port=port,
        password=password,
        open_browser=browser,
        said=lambda line: console.print(line, markup=False),
    )
