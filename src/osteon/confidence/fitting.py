"""Calibrating: weights, limits and a threshold from scans of known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.confidence.calibration import Calibration
from osteon.confidence.cues import CUES, NAMES, cues_of
from osteon.confidence.evidence import Evidence
from osteon.confidence.line import FloatArray, line_through, rising
from osteon.errors import ModelError

FOUND_SHARE = 0.97
"""Share of the poor that a threshold is to find where it is chosen; two in a hundred for what is new."""

LEAST = 10
"""Structures above and below the level that calibration needs."""

GOOD_SHARE = 0.95
"""Share of the good structures that lies within the limits beyond which a cue is a reason to look."""


@dataclass(frozen=True)
class KnownScan:
    """A segmented scan whose truth is known.

    Parameters
    ----------
    body : str
        Who was scanned: structures of one body are not judged by one another.
    evidence : tuple of Evidence
        Of what was found.
    dice : dict of str to float
        Of every structure that was found; 0 for one that the scan does not hold.
    hidden_cm3 : dict of str to float
        Of every structure that was not found (`osteon.confidence.evidence.hidden_cm3`).
    missed : frozenset of str
        Which of those the scan holds.
    """

    body: str
    evidence: tuple[Evidence, ...]
    dice: dict[str, float]
    hidden_cm3: dict[str, float]
    missed: frozenset[str]


def fit(scans: Sequence[KnownScan], weights_sha256: str, level: float = 0.8) -> Calibration:
    """Calibrate on scans of known truth.

    A straight line with weights that let no doubt raise the expected Dice, by least squares on the Dice's logarithm of
    odds; then a rising curve (isotonic regression) from its score to Dice. Curve and threshold come from scores that
    each body got from a line through the others.

    Parameters
    ----------
    scans : sequence of KnownScan
    weights_sha256 : str
        Of the model.
    level : float
        Structures with a Dice below this are to be found.

    Raises
    ------
    ModelError
        If too few structures lie above or below the level, or all are of one body.
    """
    groups = [e.group for scan in scans for e in scan.evidence]
    bodies = np.array([scan.body for scan in scans for _ in scan.evidence])
    dice = np.array([scan.dice[e.structure] for scan in scans for e in scan.evidence])
    _refuse_too_few(dice, bodies, level)
    good = _good(dice, groups, level)
    usual = _usual(scans, good)
    cues = np.array([[c[name] for name in NAMES] for scan in scans for c in cues_of(scan.evidence, usual)])
    line = line_through(cues, groups, dice)
    scores = np.empty(len(dice))
    for body in np.unique(bodies):
        held = bodies == body
        others = line_through(cues[~held], [g for g, h in zip(groups, held, strict=True) if not h], dice[~held])
        scores[held] = others.scores(cues[held], [g for g, h in zip(groups, held, strict=True) if h])
    corners = rising(scores, dice)
    expected = np.interp(scores, *corners)
    look_below = _threshold(expected, dice, level)
    of_cases = mean_of_cases([len(scan.evidence) for scan in scans], expected), cases_dice(scans)
    look_at_case_below = _threshold(*of_cases, level)
    absent = [v for s in scans for name, v in s.hidden_cm3.items() if name not in s.missed]
    return Calibration(
        weights_sha256=weights_sha256,
        level=level,
        look_below=look_below,
        look_at_case_below=look_at_case_below,
        missing_cm3=max(1.0, 2 * max(absent, default=0.0)),
        centres=_by_cue(line.centres),
        spreads=_by_cue(line.spreads),
        weights=_by_cue(line.weights),
        intercepts={g: round(v, 5) for g, v in line.intercepts.items()},
        usual=usual,
        limits=_limits(cues, groups, good),
        scores=tuple(float(x) for x in corners[0]),
        dice=tuple(float(x) for x in corners[1]),
        measured=measured(expected, dice, look_below, level),
        measured_cases=measured(*of_cases, look_at_case_below, level),
    )


def cases_dice(scans: Sequence[KnownScan]) -> FloatArray:
    """Mean Dice of the structures that were found in each scan; scans without any are left out."""
    return np.array([np.mean([scan.dice[e.structure] for e in scan.evidence]) for scan in scans if scan.evidence])


def mean_of_cases(counts: Sequence[int], expected: FloatArray) -> FloatArray:
    """Mean of so many structures of each scan in turn; scans without any are left out."""
    ends = np.cumsum(counts)
    return np.array([expected[end - count : end].mean() for end, count in zip(ends, counts, strict=True) if count])


def measured(expected: FloatArray, dice: FloatArray, look_below: float, level: float) -> dict[str, float]:
    """How well expected Dice tells structures (or cases) below a level from the others, and how far it is off."""
    poor, looked = dice < level, expected < look_below
    return {
        "structures": float(len(dice)),
        "poor": float(poor.sum()),
        "poor_found": float((poor & looked).sum()),
        "false_alarms": float((~poor & looked).sum()),
        "mean_absolute_error": round(float(np.abs(expected - dice).mean()), 4),
        "bias": round(float((expected - dice).mean()), 4),
    }


def _refuse_too_few(dice: FloatArray, bodies: NDArray[np.str_], level: float) -> None:
    below = int((dice < level).sum())
    if min(below, len(dice) - below) < LEAST or len(np.unique(bodies)) < 2:
        raise ModelError(
            f"Of {len(dice)} structures of {len(np.unique(bodies))} bodies {below} have a Dice below {level:g}; "
            f"calibration needs at least {LEAST} below and {LEAST} above it, of two bodies or more. Use more scans."
        )


def _good(dice: FloatArray, groups: Sequence[str], level: float) -> NDArray[np.bool_]:
    """Structures above the level; of a group with few of those its best quarter."""
    good = dice >= level
    names = np.array(groups)
    for group in sorted(set(groups)):
        own = names == group
        if (good & own).sum() < LEAST:
            good |= own & (dice >= np.quantile(dice[own], 0.75))
    return np.asarray(good)


def _usual(scans: Sequence[KnownScan], good: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Median of good structures for every number that a cue is the distance from."""
    evidence = [e for e, g in zip((e for s in scans for e in s.evidence), good, strict=True) if g]
    usual: dict[str, dict[str, float]] = {}
    for group in sorted({e.group for e in evidence}):
        for cue in (c for c in CUES.values() if c.scale == "from-usual"):
            values = [e.numbers[cue.number] for e in evidence if e.group == group]
            known = [v for v in values if not np.isnan(v)]
            if known:
                usual.setdefault(group, {})[cue.number] = round(float(np.median(known)), 5)
    return usual


def _threshold(expected: FloatArray, dice: FloatArray, level: float) -> float:
    """Smallest expected Dice below which enough of the poor lie; the level itself where none is poor."""
    poor = np.sort(expected[dice < level])
    if not len(poor):
        return level
    last = poor[max(1, round(FOUND_SHARE * len(poor))) - 1]  # of few, one far off does not decide
    return round(float(last) + 1e-3, 4)


def _limits(cues: FloatArray, groups: Sequence[str], good: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    names = np.array(groups)
    limits: dict[str, dict[str, float]] = {}
    for group in sorted(set(groups)):
        for column, name in enumerate(NAMES):
            values = cues[good & (names == group), column]
            values = values[~np.isnan(values)]
            if len(values) and name in CUES and CUES[name].reason:
                limits.setdefault(group, {})[name] = round(float(np.quantile(values, GOOD_SHARE)), 5)
    return limits


def _by_cue(values: FloatArray) -> dict[str, float]:
    return {name: round(float(v), 5) for name, v in zip(NAMES, values, strict=True)}
