"""Order bodies from the lowest up and give them their levels' names."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.geometry import FloatArray, Grid, transform_points
from osteon.postprocessing.anchor import lowest_level
from osteon.postprocessing.column import Body, bodies_of, in_column
from osteon.postprocessing.components import Instances, Mask

ANCHOR_SHARE = 0.5
"""With a smaller share of the anchor's class than this, the lowest level is worth a look."""

GAP = 1.6
"""Neighbouring bodies further apart than this many usual distances have a body missing between them."""

SACRUM_MM = 15.0
"""The scan must reach so far below the lowest body for the sacrum to be in view."""


def name_levels(
    instances: Instances, anchor: Mask | None, affine: FloatArray, task: Task, scan: Grid
) -> tuple[NDArray[np.uint16], list[str]]:
    """Label values of bodies by their order from the lowest up.

    Parameters
    ----------
    instances : (i, j, k) uint16 ndarray
        Bodies, from 1.
    anchor : (i, j, k) bool ndarray, optional
        Voxels of the class that only the lowest level has.
    affine : (4, 4) ndarray
    task : Task
        With ``levels``.
    scan : Grid
        The whole scan's, of which the array may be a box: says whether the sacrum can be in view.

    Returns
    -------
    labels : (i, j, k) uint16 ndarray
        The task's label values.
    warnings : list of str
        Reasons to look at the levels.
    """
    order = task.levels.order if task.levels else ()
    bodies, strays = in_column(bodies_of(instances, anchor, affine))
    labels = np.zeros(instances.shape, dtype=np.uint16)
    if not bodies:
        return labels, []
    warnings: list[str] = []
    if strays:
        warnings.append(f"Left out {strays} {'part' if strays == 1 else 'parts'} beside the spine.")
    bodies = _from_the_anchor(bodies, anchor is not None, order[0], warnings)
    _warn_about_the_sacrum(np.isin(instances, bodies[0].numbers), affine, scan, order[0], warnings)
    for place, body in zip(_places(bodies, order, warnings), bodies, strict=True):
        if place < len(order):
            labels[np.isin(instances, body.numbers)] = task.by_name(order[place]).value
        else:
            warnings.append(f"A body above {order[-1]} is left out: the task has no name for it.")
    return labels, warnings


def _from_the_anchor(bodies: Sequence[Body], asked: bool, lowest: str, warnings: list[str]) -> list[Body]:
    """Bodies from the anchor up; what lies below it belongs to the sacrum."""
    if not asked:
        return list(bodies)
    best = lowest_level(bodies)
    if (share := bodies[best].anchor_share) < ANCHOR_SHARE:
        which = "the lowest body found" if best == 0 else "that one"
        warnings.append(
            f"No body looks like {lowest} ({share:.0%} of the likeliest does): levels are counted from {which} and may "
            "all be shifted. Check them."
        )
    if best > 0:
        what = "a body" if best == 1 else f"{best} bodies"
        warnings.append(f"Left out {what} below {lowest}, taken for the sacrum. Check the lowest level.")
    return list(bodies[best:])


def _warn_about_the_sacrum(lowest: Mask, affine: FloatArray, scan: Grid, name: str, warnings: list[str]) -> None:
    bottom = float(scan.corners_mm()[:, 2].min())
    below = float(transform_points(affine, np.argwhere(lowest))[:, 2].min()) - bottom
    if below < SACRUM_MM:
        warnings.append(
            f"The scan ends {max(0.0, below):.0f} mm below {name}, so the sacrum that levels are counted from is not "
            "in view: all levels may be shifted. Check them."
        )


def _places(bodies: Sequence[Body], order: Sequence[str], warnings: list[str]) -> list[int]:
    """Place of each body in the order of levels, leaving room where one is missing."""
    if len(bodies) < 3:
        return list(range(len(bodies)))
    steps = [float(np.linalg.norm(b.centre_mm - a.centre_mm)) for a, b in pairwise(bodies)]
    # the lower quartile: a missing level makes a step longer, none makes it shorter
    usual = float(np.quantile(steps, 0.25, method="lower"))
    places = [0]
    for step in steps:
        skipped = max(1, round(step / usual)) - 1 if step > GAP * usual else 0
        if skipped:
            missing = ", ".join(order[p] for p in range(places[-1] + 1, places[-1] + 1 + skipped) if p < len(order))
            warnings.append(
                f"Nothing was found where {missing} should be; the levels above it are counted across the gap."
            )
        places.append(places[-1] + 1 + skipped)
    return places
