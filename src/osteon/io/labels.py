"""Label maps: a file's values become a task's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import TaskError
from osteon.io.formats import read, smallest_unsigned
from osteon.volume import LabelMap

if TYPE_CHECKING:
    from osteon.anatomy import Task

LARGEST = 10_000_000
"""Values further apart than this are no labels (FreeSurfer's largest is near 15,000)."""


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
    array = _whole_numbers(volume.array, path)
    low = int(array.min())
    place = array.astype(np.int64) - low if low else array  # where a value stands in the tables below
    if int(array.max()) - low > LARGEST:
        raise TaskError(
            f"{path} holds values from {low} to {int(array.max())}, too far apart for labels. "
            "Check that it is a label map."
        )
    present = np.zeros(int(array.max()) - low + 1, dtype=np.bool_)
    present[place] = True
    values = [low + int(n) for n in np.flatnonzero(present)]
    mapped = _mapped(values, task, mapping, path)
    table = np.zeros(len(present), dtype=smallest_unsigned(max(mapped)))
    table[present] = mapped
    return LabelMap(table[place], volume.affine, volume.nifti_geometry, task=task)


def _whole_numbers(array: NDArray[Any], path: str | Path) -> NDArray[Any]:
    if array.dtype.kind != "f":
        return array
    broken = (array != np.round(array)) | (np.abs(array) > LARGEST)
    if broken.any():
        raise TaskError(
            f"{path} holds the value {float(array[broken][0]):g}, which is no label: labels are whole numbers. "
            "It may be a scan or a probability map; if it is a label map, save it without interpolation."
        )
    return array.astype(np.int32)


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
