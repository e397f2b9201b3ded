"""How commands speak: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

console = Console(highlight=False, soft_wrap=True)
progress = Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """One line about the work, on stderr."""
    progress.print(message, markup=False)


def print_json(document: Any) -> None:
    """One JSON document on stdout; numbers that JSON lacks (NaN, infinity) are null."""
    # ASCII, because a Windows terminal's own encoding may lack a letter of a file name
    sys.stdout.write(json.dumps(_plain(document), indent=1, allow_nan=False, default=str) + "\n")


@contextmanager
def progress_bar(doing: str, total: float) -> Iterator[Callable[[float, str], None]]:
    """Show how far the work is and the time left, on a terminal; elsewhere nothing.

    Yields a function that takes how much of ``total`` is done and what is being done. Lines of `say` appear above.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("so far, left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress, transient=True, disable=not progress.is_terminal) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done, now: bar.update(task, completed=done, description=now)


def print_table(title: str, frame: pd.DataFrame, decimals: int = 2) -> None:
    """A data frame as a table; numbers right-aligned and rounded."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in frame.columns:
        table.add_column(str(name), justify="right" if frame[name].dtype.kind in "fi" else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{v:.{decimals}f}" if isinstance(v, float) else str(v) for v in row))
    console.print(table)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
