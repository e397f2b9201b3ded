"""How well a structure was outlined, whatever name it was given: levels that are one off, sides that are swapped."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np
import pandas as pd

from osteon.cohort import Cohort
from osteon.io import read_labels
from osteon.volume import LabelMap

ANY_NAME = "dice_any_name"
"""Column of the Dice with the structure that covers most of the reference's."""


def best_dice(predicted: LabelMap, reference: LabelMap, structure: str) -> float:
    """Dice of a structure with whichever predicted one covers most of it; 0 where none does.

    Parameters
    ----------
    predicted, reference : LabelMap
        On one grid.
    structure : str
        Name, of the reference.
    """
    mask = reference.mask(structure)
    values, shared = np.unique(predicted.array[mask], return_counts=True)
    shared = shared[values != 0]
    values = values[values != 0]
    if not len(values):
        return 0.0
    most = int(np.argmax(shared))
    return float(2 * shared[most] / (mask.sum() + (predicted.array == values[most]).sum()))


def with_any_name(scores: pd.DataFrame, cohort: Cohort, predicted: Callable[[str], Path]) -> pd.DataFrame:
    """Scores with `ANY_NAME` beside the Dice; not defined where the reference does not have the structure.

    Parameters
    ----------
    scores : DataFrame
        ``case``, ``structure``, ``dice``.
    cohort : Cohort
    predicted : callable
        File of a case's label map.
    """
    cases = {case.name: case for case in cohort.cases}
    found: dict[Hashable, float] = {}
    for name, part in scores[scores["dice"].notna()].groupby("case"):
        said = read_labels(predicted(str(name)), cohort.task)
        true = cohort.labels(cases[str(name)])
        for row, structure in part["structure"].items():
            found[row] = best_dice(said, true, structure)
    return scores.assign(**{ANY_NAME: [found.get(row, np.nan) for row in scores.index]})
