"""Finding: something that is or may be wrong with a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """Something that is or may be wrong.

    Parameters
    ----------
    severity : "error", "warning" or "note"
        An error has to be mended before training; a warning is to be looked at; a note is to be known.
    kind : str
        One or two words that name it.
    place : str
        Case, and structure where it is one's, or the cohort.
    message : str
        One sentence: what was found.
    remedy : str
        One sentence: what to do.
    """

    severity: Severity
    kind: str
    place: str
    message: str
    remedy: str
