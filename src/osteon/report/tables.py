"""Tables of a page: units in the headings, sensible digits, words for yes and no."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

UNITS = {
    "mm": "mm",
    "mm2": "mm²",
    "mm3": "mm³",
    "cm2": "cm²",
    "cm3": "cm³",
    "deg": "°",
    "degrees": "°",
    "percent": "%",
    "s": "s",
}
"""Last word of a column's name, and the unit as it is written."""


SIDELINES = ("label", "side", "centroid_", "extent_", "border_")
"""Columns that begin so stand at the far right of a page's table: a file wants them, a reader rarely."""


def html_table(table: pd.DataFrame, caption: str, colours: Mapping[str, str]) -> str:
    """Data frame as an HTML table; cells of a ``structure`` column head their row and carry its colour.

    Parameters
    ----------
    table : DataFrame
        The index is not shown.
    caption : str
        For screen readers.
    colours : mapping of str to str
        ``#rrggbb`` by structure name.
    """
    if table.empty:
        return "<p>Nothing to measure.</p>"
    table = table[sorted(table.columns, key=lambda c: str(c).startswith(SIDELINES))]  # a stable sort
    columns = [str(c) for c in table.columns]
    values = list(table.itertuples(index=False, name=None))
    words = {c for n, c in enumerate(columns) if any(isinstance(row[n], str) for row in values)}
    head = "".join(f'<th scope="col"{_aligned(c in words)}>{heading(c)}</th>' for c in columns)
    rows = [
        "<tr>" + "".join(_cell(c, v, colours, c in words) for c, v in zip(columns, row, strict=True)) + "</tr>"
        for row in values
    ]
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f'<caption class="unseen">{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def heading(column: str) -> str:
    """``height_anterior_mm`` becomes ``Height anterior`` with its unit in a span of its own; escaped."""
    words = column.split("_")
    unit = UNITS.get(words[-1]) if len(words) > 1 else None
    name = " ".join(words[:-1] if unit else words)
    name = escape(name[:1].upper() + name[1:]).replace(" dice", " Dice")  # a person's name
    return f'{name} <span class="unit">({unit})</span>' if unit else name


def text_of(column: str, value: Any) -> str:
    """A value in words or with as many digits as it deserves; not escaped."""
    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    number = float(value)
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "infinite" if number > 0 else "minus infinite"
    if float(number).is_integer() and not column.endswith(tuple(f"_{unit}" for unit in UNITS)):
        return f"{number:.0f}"
    if column.endswith(("_mm", "_deg", "_degrees", "_percent", "_cm2")):
        return _signed(f"{number:.1f}")
    if column == "expected_dice":
        return f"{number:.2f}"
    if column.endswith("_cm3"):
        return _signed(f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}")
    return _signed(f"{number:.3f}" if abs(number) < 10 else f"{number:.1f}")


def _signed(text: str) -> str:
    """With a true minus sign; never a minus zero."""
    if float(text) == 0:
        return text.removeprefix("-")
    return text.replace("-", "−")


def _cell(column: str, value: Any, colours: Mapping[str, str], words: bool) -> str:
    text = escape(text_of(column, value))
    if column == "structure":
        colour = colours.get(str(value))
        swatch = f'<span class="swatch" style="background:{colour}"></span>' if colour else ""
        return f'<th scope="row">{swatch}{text}</th>'
    return f"<td{_aligned(words)}>{text or '–'}</td>"


def _aligned(words: bool) -> str:
    """Numbers stand below one another at the right, as the style sheet has it; words begin at the left."""
    return ' class="words"' if words else ""
