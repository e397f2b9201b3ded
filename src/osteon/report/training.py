"""The page of a training: how it was done, how it went, how good each subject is, and what that looks like."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from osteon.anatomy import Task
from osteon.report.drawing import outlined
from osteon.report.frame import jpeg, section, write_page
from osteon.report.slices import Stack, window
from osteon.report.tables import html_table
from osteon.report.training_charts import box_plot
from osteon.volume import LabelMap, Volume

PICTURE_PIXELS = 420


@dataclass(frozen=True, eq=False)
class ComparedCase:
    """A case with what people and the network see in it.

    Parameters
    ----------
    caption : str
    scan : Volume
    reference, predicted : LabelMap
        On the scan's grid.
    """

    caption: str
    scan: Volume
    reference: LabelMap
    predicted: LabelMap


@dataclass(frozen=True, eq=False)
class TrainingContent:
    """What the page tells.

    Parameters
    ----------
    title, subtitle : str
    task : Task
    notes : sequence of str
        What a reader must know before the numbers, whole sentences.
    facts : mapping of str to str
        Data, time, memory.
    settings : mapping of str to str
        Keys of the configuration that are not the defaults.
    dice : DataFrame
        ``subject``, ``structure``, ``dice``: a row each.
    subjects : DataFrame
        One row a subject.
    curves : sequence of Path
        Pictures of the curves.
    cases : sequence of ComparedCase
        Best, median and worst.
    """

    title: str
    subtitle: str
    task: Task
    dice: pd.DataFrame
    subjects: pd.DataFrame
    notes: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    curves: Sequence[Path] = ()
    cases: Sequence[ComparedCase] = ()


def write_training_page(path: Path, content: TrainingContent) -> None:
    """Write a self-contained HTML page, whole."""
    colours = {s.name: s.colour for s in content.task.structures}
    parts = {
        "Dice of each structure": box_plot(content.dice, colours),
        "Subjects, worst first": html_table(content.subjects, "Subjects", {}),
        "Best, median and worst": "".join(_pair(case, content.task) for case in content.cases),
        "Curves": _curves(content.curves),
        "How it was done": listed(content.facts),
        "Settings that are not the defaults": listed(content.settings),
    }
    body = [notes(content.notes), *(section(title, inner) for title, inner in parts.items() if inner)]
    write_page(
        path,
        body,
        brand="Osteon training",
        heading=content.title,
        subtitle=content.subtitle,
        title=content.title,
        styles=("page.css", "training.css"),
    )


def notes(sentences: Sequence[str]) -> str:
    """What a reader must know before the numbers."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    head = "<h2>Before you read the numbers</h2>"
    return f'<section class="warnings">{head}<ul>{items}</ul></section>' if sentences else ""


def listed(facts: Mapping[str, str]) -> str:
    """Facts with their names, as a table."""
    rows = "".join(f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in facts.items())
    return f'<table class="facts"><tbody>{rows}</tbody></table>' if rows else ""


def _curves(files: Sequence[Path]) -> str:
    return "".join(
        f'<figure><img class="curves" loading="lazy" alt="Loss and Dice against epochs."'
        f' src="data:image/png;base64,{b64encode(file.read_bytes()).decode("ascii")}">'
        f"<figcaption>{escape(file.parent.name)}</figcaption></figure>"
        for file in files
    )


def _pair(case: ComparedCase, task: Task) -> str:
    """The same slice twice: outlined by people, and by the network."""
    plane = "coronal" if task.plane == "axial" else task.plane
    union = np.where(case.reference.array > 0, case.reference.array, case.predicted.array)
    # in the slice that tells most of both
    chosen = Stack.of(case.scan, LabelMap(union, case.scan.affine, task=task), plane, WHOLE_MM).middle()
    limits = window(case.scan, case.reference)
    figures = []
    for who, labels in (("people", case.reference), ("the network", case.predicted)):
        stack = Stack.of(case.scan, labels, plane, WHOLE_MM)
        scale = PICTURE_PIXELS / max(stack.size_mm)
        size = max(1, round(stack.size_mm[0] * scale)), max(1, round(stack.size_mm[1] * scale))
        picture = outlined(stack, chosen, task, limits, size)
        figures.append(
            f'<figure><img loading="lazy" width="{size[0]}" height="{size[1]}" alt="Outlines of {who}."'
            f' src="{jpeg(picture)}">'
            f"<figcaption>{who}</figcaption></figure>"
        )
    return f'<div class="pair"><h3>{escape(case.caption)}</h3>{"".join(figures)}</div>'


WHOLE_MM = 1e6
"""Margin around labels: all of the slice, so that both pictures show the same."""
