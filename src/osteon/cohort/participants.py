"""The table that says whose scans are whose: ``participants.tsv``."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from osteon.errors import CohortError

TABLE = "participants.tsv"

OLDEST_YEARS = 130.0


@dataclass(frozen=True)
class Participant:
    """What a row says of one file; empty where it says nothing."""

    subject: str = ""
    source: str = ""
    sequence: str = ""
    age_years: float | None = None
    annotated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Participants:
    """Rows by file name; ``given`` is whether there is a table at all."""

    given: bool = False
    rows: dict[str, Participant] = field(default_factory=dict)

    def of(self, file: str) -> Participant:
        """Row of a file, or an empty one."""
        return self.rows.get(file, Participant())


def read_participants(folders: Sequence[Path]) -> Participants:
    """Read ``participants.tsv`` of each folder that has one.

    Columns, separated by tabs: ``file`` and ``subject``; if wanted ``source`` (group), ``sequence``, ``age`` in years
    and ``annotated`` (structures, separated by commas or spaces).

    Raises
    ------
    CohortError
        If a needed column is missing, a file has two subjects, or an age is none.
    """
    tables = [folder / TABLE for folder in folders if (folder / TABLE).is_file()]
    rows: dict[str, Participant] = {}
    for path in tables:
        for row in table_rows(path, ("file", "subject")):
            name, found = row["file"], participant(row, row["subject"], path)
            if name in rows and rows[name].subject != found.subject:
                before = "" if len(tables) == 1 else f" (see also {tables[0]})"
                raise CohortError(f"{path} names {name} twice, with two subjects{before}.")
            rows.setdefault(name, found)
    return Participants(bool(tables), rows)


def participant(row: dict[str, str], subject: str, path: Path) -> Participant:
    """A row's facts about one subject; ``path`` is named in errors."""
    return Participant(
        subject=subject,
        source=row.get("source") or "",
        sequence=row.get("sequence") or "",
        age_years=_age(row, subject, path),
        annotated=tuple(name for name in re.split(r"[,;\s]+", row.get("annotated") or "") if name),
    )


def table_rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a table of tab-separated columns, without white space around values.

    Raises
    ------
    CohortError
        If a needed column is missing or the file is not text.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t")
            if not set(needed) <= set(reader.fieldnames or ()):
                raise CohortError(f"{path} must have the columns {' and '.join(needed)}, separated by tabs.")
            return [{k: (v or "").strip() for k, v in row.items() if isinstance(k, str)} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CohortError(f"{path} is not a table of text in UTF-8. Save it again as tab-separated text.") from error


def _age(row: dict[str, str], subject: str, path: Path) -> float | None:
    text = row.get("age_years") or row.get("age") or ""
    if text.lower() in ("", "n/a", "na", "nan", "-", "?"):
        return None
    try:
        age = float(text.replace(",", ".").rstrip("yY"))
    except ValueError:
        age = math.nan
    if not 0 <= age <= OLDEST_YEARS:
        raise CohortError(f"{path} gives {subject} the age {text}; ages are in years, 0 to {OLDEST_YEARS:.0f}.")
    return age
