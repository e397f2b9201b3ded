"""Label maps: a file's values become a task's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from osteon.errors import TaskError
from osteon.io.formats import read, smallest_unsigned
from osteon.volume import LabelMap

if TYPE_CHECKING:
    from osteon.anatomy import Task


def read_labels(path: str | Path, task: Task, mapping: dict[int, int] | None = None) -> LabelMap:
    """Read a label map and give it the meaning of a task.

    Parameters
    ----------
    path : str or Path
    task : Task
    mapping : dict, optional
        From the file's values to the task's (or to 0, background). Every value in the file but 0 must then be in it.

    Returns
    -------
    LabelMap
        In the smallest unsigned type.

    Raises
    ------
    TaskError
        If values are not whole numbers, are negative, or do not belong to the task.
    """
    volume = read(path)
    array = volume.array
    if array.dtype.kind == "f":
        broken = array != np.round(array)
        if broken.any():
            raise TaskError(
                f"{path} holds the value {float(array[broken][0]):g}, which is no label: labels are whole numbers. "
                "It may be a scan or a probability map; if it is a label map, save it without interpolation."
            )
    values, places = np.unique(array, return_inverse=True)
    mapped = _mapped([int(v) for v in values], task, mapping, path)
    table = np.array(mapped, dtype=smallest_unsigned(max(mapped)))
    return LabelMap(table[places].reshape(array.shape), volume.affine, volume.nifti_geometry, task=task)


def _mapped(values: list[int], task: Task, mapping: dict[int, int] | None, path: str | Path) -> list[int]:
    """The task's value for each of the file's."""
    known = {s.value for s in task.structures}
    table = {v: v for v in known} if mapping is None else dict(mapping)
    strange = sorted(set(table.values()) - known - {0})
    if strange:
        raise TaskError(f"The mapping leads to {strange}, which the task {task.name} does not know: {sorted(known)}.")
    table.setdefault(0, 0)
    negative = [v for v in values if v < 0 and v not in table]
    if negative:
        raise TaskError(
            f"{path} holds the negative value {negative[0]}, which is no label: labels are 0 (background) and up. "
            "It may be a scan and not a label map."
        )
    unknown = [v for v in values if v not in table]
    if unknown:
        listed = ", ".join(str(v) for v in unknown[:10]) + (", ..." if len(unknown) > 10 else "")
        raise TaskError(
            f"{path} holds the values {listed}, which {'the task ' + task.name if mapping is None else 'the mapping'} "
            f"does not know (known: {sorted(table)}). Map them to the task's values, or to 0 for background."
        )
    return [table[v] for v in values]
