"""Box plots of Dice over subjects, one row a structure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 170, 90, 14, 26


def box_plot(dice: pd.DataFrame, colours: Mapping[str, str]) -> str:
    """Box from the lower to the upper quartile with the median, whiskers to the extremes, and a dot for each subject.

    Parameters
    ----------
    dice : DataFrame
        ``subject``, ``structure``, ``dice``; a subject's scans are averaged.
    colours : mapping of str to str
        ``#rrggbb`` by structure.
    """
    dice = dice.dropna(subset=["dice"])
    if dice.empty:
        return ""
    names = list(dict.fromkeys(dice["structure"]))
    low = min(0.9, float(np.floor(dice["dice"].min() * 10)) / 10)
    height = TOP + ROW * len(names) + 26

    def x(value: float) -> float:
        return LEFT + (value - low) / (1 - low) * (WIDTH - LEFT - RIGHT)

    ticks = "".join(
        f'<path class="grid" d="M{x(tick):.1f} {TOP}V{height - 26}"/>'
        f'<text class="tick" x="{x(tick):.1f}" y="{height - 9}" text-anchor="middle">{tick:.1f}</text>'
        for tick in np.arange(round(low * 10), 11) / 10
    )
    rows = []
    for number, name in enumerate(names):
        means = dice[dice["structure"] == name].groupby("subject")["dice"].mean()
        y, colour = TOP + ROW * (number + 0.5), colours.get(name, "#1f6f8b")
        least, first, median, third, most = (x(v) for v in means.quantile([0, 0.25, 0.5, 0.75, 1]))
        dots = "".join(
            f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="2.6"><title>{escape(str(who))}: {value:.3f}</title></circle>'
            for who, value in means.items()
        )
        rows.append(
            f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>'
            f'<path class="whisker" d="M{least:.1f} {y:.1f}H{first:.1f}M{third:.1f} {y:.1f}H{most:.1f}"/>'
            f'<rect class="box" x="{first:.1f}" y="{y - 8:.1f}" width="{max(third - first, 1):.1f}" height="16" '
            f'fill="{colour}" stroke="{colour}"/><path class="median" d="M{median:.1f} {y - 8:.1f}v16"/>{dots}'
            f'<text class="tick" x="{WIDTH - RIGHT + 12}" y="{y + 4:.1f}">{means.mean():.3f} (n = {len(means)})</text>'
        )
    return (
        f'<svg class="boxes" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Dice of each structure">'
        f"{ticks}{''.join(rows)}</svg>"
        '<p class="hint">Each dot is a subject (point at it for its name); the box holds the middle half; the mean at '
        "the right.</p>"
    )
