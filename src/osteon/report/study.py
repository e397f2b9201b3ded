"""The page of a study: figure, tables, and how it was done."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from osteon.report.frame import section, write_page
from osteon.report.tables import html_table
from osteon.report.training import listed, notes


@dataclass(frozen=True, eq=False)
class StudyContent:
    """What the page tells.

    Parameters
    ----------
    title, question : str
    tables : mapping of str to DataFrame
        Of strings, by heading.
    figure : Path
        A picture; passed over if it is not there.
    notes : sequence of str
        What a reader must know before the numbers, whole sentences.
    facts : mapping of str to str
        How it was done.
    """

    title: str
    question: str
    tables: Mapping[str, pd.DataFrame]
    figure: Path
    notes: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def write_study_page(path: Path, content: StudyContent) -> None:
    """Write a self-contained HTML page, whole."""
    body = [notes(content.notes), _picture(content.figure)]
    body += [section(title, html_table(table, title, {})) for title, table in content.tables.items()]
    body.append(section("How it was done", listed(content.facts)))
    write_page(
        path,
        body,
        brand="Osteon study",
        heading=content.title,
        subtitle=content.question,
        title=content.title,
        styles=("page.css", "training.css"),
    )


def _picture(file: Path) -> str:
    if not file.is_file():
        return ""
    source = b64encode(file.read_bytes()).decode("ascii")
    return f'<figure><img class="curves" alt="The arms, drawn." src="data:image/png;base64,{source}"></figure>'
