"""Label values of the bones of a body map, sides told by position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.synthesis.parts import CODE
from osteon.synthesis.templates.regions import halves


def labelled(parts: NDArray[np.uint8], spacing_mm: tuple[float, float, float], task: Task) -> NDArray[np.uint8]:
    """Values of a task with sides for the bones of a map of parts.

    Parameters
    ----------
    parts : (i, j, k) uint8 ndarray
        The first axis runs to the patient's right.
    spacing_mm : (3,) tuple of float
    task : Task
        Its structures' parents are names of parts, as those of ``leg-bones`` are.

    Raises
    ------
    GeometryError
        If a bone does not fall into a right and a left half.
    """
    values = np.zeros(parts.shape, dtype=np.uint8)
    for group in sorted({s.parent for s in task.structures if s.parent is not None}):
        mask = parts == CODE[group]
        if mask.any():
            right, left = halves(mask, spacing_mm)
            for structure in task.structures:
                if structure.parent == group:
                    values[right if structure.side == "right" else left] = structure.value
    return values
