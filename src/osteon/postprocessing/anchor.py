"""Which body of a column is the lowest level, from which the others are counted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from osteon.postprocessing.column import Body

DOUBT = 0.02
"""Share of a body that the network may have given a wrong class, however sure it looks."""

BELOW_NATS = 1.75
"""What it costs to take the lower bodies for the sacrum: a piece of it was found in 7 scans of 47."""

SIZE, SIZE_SPREAD = -0.2, 0.3
"""Logarithm of the lowest level's volume over the median of those above it, as networks see them: mean and spread."""

STEP, STEP_SPREAD = 1.0, 0.06
"""Distance from the lowest level to the next over the median of those above: mean and spread in annotations."""

STRANGE_NATS = 4.0
"""What size and distance may cost at most: a lowest level may be found in part; the network knows more."""


def lowest_level(bodies: Sequence[Body]) -> int:
    """Which body is the lowest level; those below it belong to the sacrum.

    The network tells the lowest level by its looks, and so it is wrong where the upper sacrum looks alike. What it says
    of *all* bodies is taken together with what is known of spines: the lowest vertebra is hardly smaller than the next,
    and as far from it as those above from one another, while of the sacrum a smaller piece is found, closer by.

    Parameters
    ----------
    bodies : sequence of Body
        The column from the lowest body up, at least one, with their shares of the anchor's class.

    Notes
    -----
    The sum of logarithms of likelihoods, as if the clues were independent (naive Bayes). The numbers above were set on
    47 scans of 43 training subjects of the public lumbar sets, each seen by a network that had not learned from it.
    """
    return max(range(len(bodies)), key=lambda n: _evidence(bodies, n))


def _evidence(bodies: Sequence[Body], lowest: int) -> float:
    """Logarithm of how likely all that was found is if this body is the lowest level."""
    shares = np.clip([body.anchor_share for body in bodies[lowest:]], DOUBT, 1 - DOUBT)
    evidence = float(np.log(shares[0]) + np.log(1 - shares[1:]).sum())
    if lowest > 0:
        evidence -= BELOW_NATS
    above = bodies[lowest + 1 :]
    if len(above) < 2:
        return evidence
    size = np.log(bodies[lowest].voxels / np.median([body.voxels for body in above]))
    steps = [float(np.linalg.norm(b.centre_mm - a.centre_mm)) for a, b in pairwise(bodies[lowest:])]
    step = steps[0] / np.median(steps[1:])
    # large ones are no clue: of those above only a part may be found, or none of one between
    strange = 0.5 * min(0.0, (size - SIZE) / SIZE_SPREAD) ** 2 + 0.5 * min(0.0, (step - STEP) / STEP_SPREAD) ** 2
    return evidence - min(float(strange), STRANGE_NATS)
