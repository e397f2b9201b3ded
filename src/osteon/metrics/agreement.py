"""Agreement of two label maps on one grid, structure by structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.errors import TaskError
from osteon.metrics.overlap import overlap
from osteon.metrics.surface_distance import bounding_box, surface_distances
from osteon.volume import LabelMap

DEFINED = "defined"
MISSING = "missing in prediction"
EXTRA = "not in reference"

TOLERANCE_MM = 1.0
"""Tolerance of the normalised surface Dice in ``surface_dice_1mm``."""

SCORES = (
    "dice",
    "iou",
    "volume_reference_cm3",
    "volume_predicted_cm3",
    "volume_error_cm3",
    "volume_error_percent",
    "hausdorff95_mm",
    "average_surface_distance_mm",
    "surface_dice_1mm",
)

COLUMNS = ("structure", "status", *SCORES)


def agreement(predicted: LabelMap, reference: LabelMap, structures: Sequence[str] | None = None) -> pd.DataFrame:
    """Compare two label maps, one row a structure.

    A structure that the prediction misses has Dice and IoU 0 and no distances; one that the reference does not have
    keeps its predicted volume, and neither overlap nor distances are defined; one that neither has makes no row.

    Parameters
    ----------
    predicted, reference : LabelMap
        Of one task, on one grid.
    structures : sequence of str, optional
        Names of structures, or of groups (a structure's parent), which are compared as one; else all of the task.

    Returns
    -------
    DataFrame
        Columns ``structure``, ``status`` (``defined``, ``missing in prediction``, ``not in reference``) and `SCORES`;
        NaN where a score is not defined.

    Raises
    ------
    GeometryError
        If the grids differ.
    TaskError
        If the tasks differ or a structure is unknown.
    """
    if predicted.task.name != reference.task.name:
        raise TaskError(
            f"The prediction is of the task {predicted.task.name} and the reference of {reference.task.name}; "
            "only label maps of one task can be compared."
        )
    predicted.grid.require_match(reference.grid, "The prediction", "the reference")
    rows = [{"structure": name, **_scores(p, r, reference)} for name, p, r in _pairs(predicted, reference, structures)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _pairs(
    predicted: LabelMap, reference: LabelMap, structures: Sequence[str] | None
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Name and both masks, in the box around all labels, of each structure that at least one of the two holds."""
    task = reference.task
    names = [s.name for s in task.structures] if structures is None else list(structures)
    values = {name: [s.value for s in task.structures if name in (s.name, s.parent)] for name in names}
    unknown = [name for name in names if not values[name]]
    if unknown:
        raise TaskError(
            f"The task {task.name} has no structure or group named {', '.join(unknown)}; "
            f"it knows {', '.join(s.name for s in task.structures)}."
        )
    anything = (predicted.array != 0) | (reference.array != 0)
    if not anything.any():
        return
    box = bounding_box(anything)
    p, r = predicted.array[box], reference.array[box]
    present = {int(v) for v in np.union1d(p, r)}
    for name in names:
        here = [v for v in values[name] if v in present]
        if here:
            yield name, _mask(p, here), _mask(r, here)


def _mask(array: NDArray[np.integer], values: list[int]) -> NDArray[np.bool_]:
    # a comparison is several times faster than isin, and one value is the usual case
    return np.asarray(array == values[0]) if len(values) == 1 else np.isin(array, values)


def _scores(predicted: NDArray[np.bool_], reference: NDArray[np.bool_], where: LabelMap) -> dict[str, float | str]:
    shared = overlap(predicted, reference, where.voxel_volume_mm3)
    status = MISSING if not shared.predicted else EXTRA if not shared.reference else DEFINED
    row: dict[str, float | str] = {
        "status": status,
        "dice": nan if status == EXTRA else shared.dice,
        "iou": nan if status == EXTRA else shared.iou,
        "volume_reference_cm3": shared.volume_reference_cm3,
        "volume_predicted_cm3": shared.volume_predicted_cm3,
        "volume_error_cm3": shared.volume_error_cm3,
        "volume_error_percent": shared.volume_error_percent,
        "hausdorff95_mm": nan,
        "average_surface_distance_mm": nan,
        "surface_dice_1mm": nan,
    }
    if status == DEFINED:
        distances = surface_distances(predicted, reference, where.spacing_mm)
        row["hausdorff95_mm"] = distances.hausdorff_mm(95)
        row["average_surface_distance_mm"] = distances.average_mm()
        row["surface_dice_1mm"] = distances.dice(TOLERANCE_MM)
    return row
