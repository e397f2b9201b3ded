"""Cues: numbers of the evidence on a scale that a straight line can use, and what each says to a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, nan, sqrt
from typing import Literal

import numpy as np

from osteon.confidence.evidence import Evidence

OF_SCAN = "of-scan"
"""Mean of the other structures' ``unsure``: where the neighbours fail, a structure fails, too."""


@dataclass(frozen=True)
class Cue:
    """One number of the evidence.

    Parameters
    ----------
    number : str
        Of `Evidence.numbers`.
    scale : "log", "root", "plain" or "from-usual"
        ``log`` and ``root`` spread small numbers; ``from-usual`` is the distance from the group's usual value.
    reason : str
        What is said of a structure in which it is unusually high; "" if nothing.
    worse : bool
        Whether more of it can only mean a worse structure.
    """

    number: str
    scale: Literal["log", "root", "plain", "from-usual"]
    reason: str = ""
    worse: bool = True


CUES: dict[str, Cue] = {
    "unsure": Cue("soft_dice", "log", "the network is unsure of it"),
    "doubt-inside": Cue("doubt_inside", "log", "the network doubts parts of what was kept"),
    "doubt-outside": Cue("doubt_outside", "log", "the network suspects more of it than was kept"),
    "outline": Cue("outline", "log", "its outline is unsure"),
    "unrest": Cue("unrest", "log", "the answer changes much from slice to slice"),
    "changed": Cue("changed", "root", "much of it was changed after the network"),
    "apart": Cue("apart", "root", "the network found it in several parts"),
    "gaps": Cue("gaps", "plain", "slices in its middle do not hold it"),
    "sides": Cue("sides", "root", "left and right differ much in volume"),
    "shape": Cue("slender", "from-usual", "its volume does not go with its length"),
    "cut": Cue("cut", "plain", "it reaches the border of the scan", worse=False),
    "thin": Cue("thin", "log", worse=False),
    "size": Cue("volume_cm3", "log", worse=False),
}
"""By name. Those without a reason tell how hard a structure is, not whether it is right."""

NAMES = (*CUES, OF_SCAN)


def cues_of(scan: Sequence[Evidence], usual: Mapping[str, Mapping[str, float]]) -> list[dict[str, float]]:
    """Cues of the structures of one scan; NaN where the number is not defined.

    Parameters
    ----------
    scan : sequence of Evidence
        All structures of the scan.
    usual : mapping
        Usual value of a number by group and name, for cues ``from-usual``.
    """
    found = []
    for evidence in scan:
        normal = usual.get(evidence.group, {})
        found.append({name: _scaled(cue, evidence.numbers, normal) for name, cue in CUES.items()})
    for number, cues in enumerate(found):
        others = [c["unsure"] for n, c in enumerate(found) if n != number and not np.isnan(c["unsure"])]
        cues[OF_SCAN] = float(np.mean(others)) if others else nan
    return found


def _scaled(cue: Cue, numbers: Mapping[str, float], usual: Mapping[str, float]) -> float:
    value = numbers.get(cue.number, nan)
    if cue.number == "soft_dice":
        value = 1 - value
    if cue.scale == "log":
        return log(value + 0.01)
    if cue.scale == "root":
        return sqrt(value)
    return abs(value - usual.get(cue.number, nan)) if cue.scale == "from-usual" else value
