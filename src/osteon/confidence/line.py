"""The line of a calibration: from cues to a score, and from the score to Dice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, lsq_linear

from osteon.confidence.cues import CUES, NAMES
from osteon.errors import ModelError

FloatArray = NDArray[np.float64]

RIDGE = 10.0
"""Structures' worth of belief that a weight is nothing."""

DICE_RANGE = (0.02, 0.985)
"""Dice is cut to this, since its logarithm of odds has no end. To count what is lost for less than the rest makes the
line sharper near 0.8 on the bodies it was made with, but then what is lost may pass for good on new ones."""


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


def line_through(cues: FloatArray, groups: Sequence[str], dice: FloatArray) -> Line:
    """Straight line through the logarithm of the odds of Dice, by least squares; no doubt may raise it.

    Parameters
    ----------
    cues : (structure, cue) ndarray
        NaN where a cue is not defined; it counts as the middle then.
    groups : sequence of str
    dice : (structure,) ndarray
    """
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


def rising(scores: FloatArray, dice: FloatArray) -> tuple[FloatArray, FloatArray]:
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
