"""What tells apart the volumes that one series may hold: Dixon image, echo, phase, acquisition, time point."""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from typing import Any

IMAGE_WORDS = {
    "water": ("W", "WATER"),
    "fat": ("F", "FAT"),
    "in-phase": ("IP", "IN_PHASE", "INPHASE", "IN PHASE"),
    "opposed-phase": ("OP", "OPP_PHASE", "OUT_PHASE", "OPPOSED_PHASE", "OPP PHASE", "OUTPHASE", "OUT OF PHASE"),
}
"""Values of Image Type, from the third on, by which scanners name the four images of a Dixon scan."""

IMAGE_TEXT = {
    "water": r"water(?![ _-]?(sat|sup|exc))|[ _-]w$",
    "fat": r"fat(?![ _-]?(sat|sup|frac))|[ _-]f$",
    "in-phase": r"in[ _-]?phase|[ _-](in|ip)$",
    "opposed-phase": r"(opp|out|opposed)[ _-]?(of[ _-]?)?phase|[ _-](opp|op|out)$",
}
"""The same in descriptions. Fat and water that are only saturated or suppressed are another matter."""

COMPONENTS = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary"}

ORDER = (
    "image",
    "component",
    "echo",
    "time",
    "b value",
    "acquisition",
    "trigger",
    "stack",
    "inversion",
    "flip",
    "type",
)
"""Marks in the order in which they are tried, the plainest first."""

STATION_MARKS = ("stack", "acquisition", "time")
"""Marks that may tell the stations of a scan apart."""


def marks_of(header: dict[str, Any]) -> dict[str, Hashable]:
    """Marks of one slice, by the names in `ORDER` and two more that only describe it, repetition and sequence.

    The header is flat: functional groups are unfolded.
    """
    kind = tuple(str(value).strip().upper() for value in _listed(header, "ImageType"))
    return {
        "image": dixon_image(kind, str(header.get("SeriesDescription") or "")),
        "component": _component(header, kind),
        "echo": _number(header, "EffectiveEchoTime", "EchoTime"),
        "time": _number(header, "TemporalPositionIndex", "TemporalPositionIdentifier"),
        "b value": _number(header, "DiffusionBValue"),
        "acquisition": _number(header, "FrameAcquisitionNumber", "AcquisitionNumber"),
        "trigger": _number(header, "NominalCardiacTriggerDelayTime", "TriggerTime"),
        "stack": str(header.get("StackID") or ""),
        "inversion": _number(header, "InversionTime"),
        "flip": _number(header, "FlipAngle"),
        "type": kind,
        "repetition": _number(header, "RepetitionTime"),
        "sequence": " ".join(str(value) for value in _listed(header, "ScanningSequence")),
    }


def contrast_of(marks: dict[str, Hashable]) -> str:
    """The contrast of a slice in words, as far as its header says: ``"water, TE 80 ms, TR 3000 ms"``."""
    words = [str(marks[name]) for name in ("image", "component") if marks[name] and marks[name] != "magnitude"]
    times = {"TE": marks["echo"], "TR": marks["repetition"], "TI": marks["inversion"]}
    return ", ".join([*words, *(f"{name} {value:g} ms" for name, value in times.items() if value)])


@lru_cache  # the slices of a series share both
def dixon_image(kind: tuple[str, ...], description: str) -> str:
    """Which image of a Dixon scan: ``"water"``, ``"fat"``, ``"in-phase"``, ``"opposed-phase"``, or nothing.

    Image Type decides; the series' description only where Image Type names none.
    """
    for word, values in IMAGE_WORDS.items():
        if any(value in values for value in kind[2:]):
            return word
    fitting = [word for word, text in IMAGE_TEXT.items() if re.search(text, description.strip(), re.IGNORECASE)]
    return fitting[0] if len(fitting) == 1 else ""


def _component(header: dict[str, Any], kind: tuple[str, ...]) -> str:
    """Magnitude, phase, real or imaginary; nothing where it is not said."""
    said = str(header.get("ComplexImageComponent") or "").lower()
    if said:
        return said
    letters = {COMPONENTS[part] for value in kind[2:] for part in value.split("_") if part in COMPONENTS}
    return letters.pop() if len(letters) == 1 else ""


def _number(header: dict[str, Any], *names: str) -> float | None:
    for name in names:
        for value in _listed(header, name):
            try:
                return float(value)
            except (TypeError, ValueError):
                continue
    return None


def _listed(header: dict[str, Any], name: str) -> list[Any]:
    """Values of an element, also where there is one or none."""
    value = header.get(name)
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str | int | float) else list(value)
