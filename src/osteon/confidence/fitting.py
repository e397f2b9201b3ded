"""Calibrating: weights, limits and a threshold from scans of known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, lsq_linear

from osteon.confidence.calibration import Calibration
from osteon.confidence.cues import CUES, NAMES, cues_of
from osteon.confidence.evidence import Evidence
from osteon.errors import ModelError

FloatArray = NDArray[np.float64]

FOUND_SHARE = 0.97
"""Share of the poor structures that the threshold is to find where it is chosen; two in a hundred for what is new."""

RIDGE = 10.0
"""Structures' worth of belief that a weight is nothing."""

LEAST = 10
"""Structures above and below the level that calibration needs."""

GOOD_SHARE = 0.95
"""Share of the good structures that lies within the limits beyond which a cue is a reason to look."""

DICE_RANGE = (0.02, 0.985)
"""Dice is cut to this, since its logarithm of odds has no end."""


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


@dataclass(frozen=True)
class Line:
    """A straight line through the cues."""

    centres: FloatArray
    spreads: FloatArray
    weights: FloatArray
    intercepts: dict[str, float]

    def scores(self, cues: FloatArray, groups: Sequence[str]) -> FloatArray:
        """Score of each row of cues."""
        scaled = np.nan_to_num((cues - self.centres) / self.spreads, nan=0.0)
        usual = float(np.mean(list(self.intercepts.values())))
        return np.asarray(scaled @ self.weights + np.array([self.intercepts.get(g, usual) for g in groups]))


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
    line = _line(cues, groups, dice)
    scores = np.empty(len(dice))
    for body in np.unique(bodies):
        held = bodies == body
        others = _line(cues[~held], [g for g, h in zip(groups, held, strict=True) if not h], dice[~held])
        scores[held] = others.scores(cues[held], [g for g, h in zip(groups, held, strict=True) if h])
    corners = _rising(scores, dice)
    expected = np.interp(scores, *corners)
    look_below = _threshold(expected, dice, level)
    absent = [v for s in scans for name, v in s.hidden_cm3.items() if name not in s.missed]
    return Calibration(
        weights_sha256=weights_sha256,
        level=level,
        look_below=look_below,
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
    )


def measured(expected: FloatArray, dice: FloatArray, look_below: float, level: float) -> dict[str, float]:
    """How well expected Dice tells structures below a level from the others, and how far it is off."""
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


def _line(cues: FloatArray, groups: Sequence[str], dice: FloatArray) -> Line:
    centres = np.array([np.nanmedian(c) if not np.isnan(c).all() else 0.0 for c in cues.T])
    spreads = np.array([np.nanstd(c) if not np.isnan(c).all() else 0.0 for c in cues.T])
    spreads[spreads < 1e-6] = 1.0
    names = sorted(set(groups))
    one_of = np.array([[float(g == name) for name in names] for g in groups])
    scaled = np.nan_to_num((cues - centres) / spreads, nan=0.0)
    count = len(NAMES)
    belief = np.sqrt(np.diag([RIDGE] * count + [0.1] * len(names)))
    cut = np.clip(dice, *DICE_RANGE)
    matrix = np.vstack([np.hstack([scaled, one_of]), belief])
    target = np.concatenate([np.log(cut / (1 - cut)), np.zeros(len(belief))])
    free = np.inf
    highest = [0.0 if name not in CUES or CUES[name].worse else free for name in NAMES] + [free] * len(names)
    solved = lsq_linear(matrix, target, bounds=(-np.inf, highest)).x
    intercepts = dict(zip(names, (float(v) for v in solved[count:]), strict=True))
    return Line(centres, spreads, solved[:count], intercepts)


def _rising(scores: FloatArray, dice: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corners of a rising line from score to Dice: middles of the steps of isotonic regression."""
    order = np.argsort(scores, kind="stable")
    steps = isotonic_regression(dice[order])
    edges = steps.blocks
    middles = [float(scores[order][a:b].mean()) for a, b in pairwise(edges)]
    heights = [float(steps.x[a]) for a in edges[:-1]]
    keep = np.concatenate([[True], np.diff(np.round(middles, 4)) > 0])
    if keep.sum() < 2:
        raise ModelError("The evidence does not tell good structures from poor ones at all. Use more scans.")
    return np.round(np.array(middles)[keep], 4), np.round(np.array(heights)[keep], 4)


def _threshold(expected: FloatArray, dice: FloatArray, level: float) -> float:
    """Smallest expected Dice below which enough of the poor structures lie."""
    poor = np.sort(expected[dice < level])
    last = poor[min(len(poor) - 1, int(np.ceil(FOUND_SHARE * len(poor))) - 1)]
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
