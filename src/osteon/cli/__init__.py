"""Commands: parse, call one function, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.text import Text

from osteon.cli import (
    application,
    bench,
    cohort,
    export,
    images,
    mask,
    models,
    phantom,
    results,
    segmentation,
    study,
    training,
)
from osteon.cli.output import console, progress, say
from osteon.errors import OsteonError

STOPPED = 130
"""Exit code after Ctrl-C, by the custom of shells: 128 and the signal's number."""

app = typer.Typer(
    name="osteon",
    help="Segment bones in MRI: DICOM in; label map, meshes, measurements and a report out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
segmentation.add_to(app)
images.add_to(app)
results.add_to(app)
export.add_to(app)
training.add_to(app)
app.add_typer(mask.app, name="mask")
app.add_typer(cohort.app, name="cohort")
app.add_typer(phantom.app, name="phantom")
app.add_typer(study.app, name="study")
app.add_typer(models.app, name="models")
bench.add_to(app)
application.add_to(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        console.print(f"osteon {version('osteon')}", markup=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Segment bones in MRI: DICOM in; label map, meshes, measurements and a report out."""


def main() -> None:
    """Entry point: a user's mistake is printed as one message, without a traceback."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app(prog_name="osteon")
    except OsteonError as error:
        progress.print(Text.assemble(("error: ", "bold red"), str(error)))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(STOPPED)
    except SystemExit as end:
        if end.code == STOPPED:  # typer itself ends so on Ctrl-C, without a word
            _say_stopped()
        raise


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """End as an exception does, so that half-written outputs are removed: schedulers send SIGTERM when time is up."""
    _say_stopped()
    sys.exit(128 + number)


def _say_stopped() -> None:
    say("stopped; what was finished is complete, nothing half-written remains.")
