"""Commands: parse, call one function, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from osteon.cli import bench, cohort, images, models, phantom, results, segmentation, training
from osteon.errors import OsteonError

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
training.add_to(app)
app.add_typer(cohort.app, name="cohort")
app.add_typer(phantom.app, name="phantom")
app.add_typer(models.app, name="models")
bench.add_to(app)


def main() -> None:
    """Entry point: a user's mistake is printed as one message, without a traceback."""
    try:
        app()
    except OsteonError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[bold red]error:[/] {_plain(error)}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; what was finished is complete, nothing half-written remains.")
        sys.exit(130)


def _plain(error: Exception) -> str:
    return str(error).replace("[", r"\[")
