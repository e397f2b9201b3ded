"""The figure of a study: the subjects of each arm, and the differences with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon.io.whole import written_whole

BLUE, ORANGE, GREY = "#1f6f8b", "#c8641b", "0.45"
DOTS = "Dice: subjects (dots), mean ± SD"
LEGEND = "orange: whatever the name"
ROW_INCHES = 0.42
DPI = 110


@dataclass(frozen=True, eq=False)
class StudyFigure:
    """What is drawn.

    Parameters
    ----------
    title : str
    dots : DataFrame
        ``arm``, ``subject``, ``dice``, ``any_name``; empty if nothing was scored.
    differences : DataFrame
        ``score``, ``arm``, ``against``, ``mean_difference``, ``low``, ``high``.
    titles : mapping of str to str
        By arm.
    places : mapping of str to float
        Arm to its place on the axis.
    axis : str
    """

    title: str
    dots: pd.DataFrame = field(default_factory=pd.DataFrame)
    differences: pd.DataFrame = field(default_factory=pd.DataFrame)
    titles: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, float] = field(default_factory=dict)
    axis: str = ""


def draw_study(path: Path, content: StudyFigure, facts: pd.DataFrame) -> None:
    """Draw a study as PNG, whole: `study_figure` in a file."""
    with written_whole(path) as part:
        study_figure(content, facts).canvas.print_figure(part, dpi=DPI, format="png")


def study_figure(content: StudyFigure, facts: pd.DataFrame) -> Any:
    """A study, drawn.

    Parameters
    ----------
    content : StudyFigure
        Without dots, the time and memory of ``facts`` are drawn instead.
    facts : DataFrame
        ``title``, ``seconds_a_scan``, ``memory_applying_mb``: a row an arm.

    Returns
    -------
    matplotlib.figure.Figure
        On a canvas of its own, which no screen is needed for.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(facts)
    figure = Figure(figsize=(11, max(3.2, 1.2 + ROW_INCHES * rows)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    if content.dots.empty:
        _bars(left, facts["title"].tolist(), facts["seconds_a_scan"].to_numpy(), "seconds a scan")
        _bars(right, [""] * rows, facts["memory_applying_mb"].to_numpy() / 1000, "peak memory (GB)")
    elif len(content.places) > 1:
        _curve(left, content)
        compared = content.differences["arm"] if len(content.differences) else ()
        _intervals(right, content, list(dict.fromkeys(compared)))
        right.yaxis.tick_right()
    else:
        _rows(left, content)
        # arm beside arm, whose names stand on the left: long ones would leave no room for the axes
        _intervals(right, content, _arms(content))
        right.tick_params(labelleft=False, left=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    return figure


def _arms(content: StudyFigure) -> list[str]:
    return list(dict.fromkeys(content.dots["arm"]))


def _rows(axes: Any, content: StudyFigure) -> None:
    """A row an arm: a dot a subject, mean and standard deviation, and the mean under any name."""
    arms = _arms(content)
    for row, arm in enumerate(arms):
        own = content.dots[content.dots["arm"] == arm]
        values = own["dice"].to_numpy(dtype=float)
        # subjects of equal Dice beside each other, in no random order
        offsets = (np.arange(len(values)) % 5 - 2) * 0.06
        axes.plot(values, row + offsets, "o", color=BLUE, alpha=0.45, markersize=4, markeredgewidth=0)
        deviation = values.std(ddof=1) if len(values) > 1 else 0.0
        axes.errorbar(values.mean(), row, xerr=deviation, fmt="D", color="black", markersize=5, capsize=3, linewidth=1)
        axes.plot(own["any_name"].mean(), row, "|", color=ORANGE, markersize=16, markeredgewidth=2.5)
    axes.set(yticks=range(len(arms)), yticklabels=[content.titles[arm] for arm in arms], ylim=(len(arms) - 0.5, -0.5))
    axes.set(xlim=(-0.02, 1.02), xlabel=f"{DOTS}\n{LEGEND}")


def _curve(axes: Any, content: StudyFigure) -> None:
    """Dice against the place on the axis."""
    dots = content.dots[content.dots["arm"].isin(content.places)]
    means = (
        dots.groupby("arm").agg(mean=("dice", "mean"), sd=("dice", "std"), any_name=("any_name", "mean")).fillna(0.0)
    )
    means = means.assign(place=[content.places[str(arm)] for arm in means.index]).sort_values("place")
    where = dots["arm"].map(dict(content.places)).to_numpy(dtype=float)
    axes.plot(where, dots["dice"], "o", color=BLUE, alpha=0.45, markersize=4, markeredgewidth=0)
    axes.errorbar(means["place"], means["mean"], yerr=means["sd"], fmt="D-", color="black", markersize=5, capsize=3)
    axes.plot(means["place"], means["any_name"], "_-", color=ORANGE, markersize=14, markeredgewidth=2.5)
    ticks = means["place"].tolist()
    axes.set(xscale="log", ylim=(-0.02, 1.02), xlabel=content.axis, ylabel=DOTS)
    axes.set_title(LEGEND, fontsize="small", color=ORANGE)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def _intervals(axes: Any, content: StudyFigure, arms: Sequence[str]) -> None:
    """Mean differences with their intervals, against none, a row an arm; the orange ones under any name."""
    if not len(content.differences):
        axes.set_axis_off()
        return
    axes.axvline(0, color=GREY, linewidth=1)
    for (_, table), colour, shift in zip(
        content.differences.groupby("score", sort=False), (BLUE, ORANGE), (-0.1, 0.1), strict=False
    ):
        rows = np.array([arms.index(arm) for arm in table["arm"]]) + shift
        middles = table["mean_difference"].to_numpy(dtype=float)
        reach = np.abs(np.vstack([table["low"] - middles, table["high"] - middles]).astype(float))
        axes.errorbar(middles, rows, xerr=np.nan_to_num(reach), fmt="o", color=colour, capsize=3, linewidth=1.4)
    names = [content.titles[arm] for arm in arms]
    axes.set(yticks=range(len(arms)), yticklabels=names, ylim=(len(arms) - 0.5, -0.5))
    against = list(dict.fromkeys(content.differences["against"]))
    whom = content.titles[against[0]] if len(against) == 1 else "its counterpart"
    axes.set_xlabel(f"difference in Dice to\n{whom}\n(95 % interval of the mean over subjects)")


def _bars(axes: Any, names: Sequence[str], values: Any, what: str) -> None:
    bars = axes.barh(range(len(names)), values, color=BLUE, height=0.6)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5), xlabel=what)
    axes.margins(x=0.15)
