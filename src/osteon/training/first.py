"""Slices in which a configuration's classes can be told apart: what it begins with where nobody chose, and a doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from osteon.anatomy import Task
from osteon.preprocessing import Preprocessing
from osteon.training.config import TrainingConfig

AXIAL = {"plane": "axial", "spacing_mm": (1.5, 1.5)}
WIDE = {"rows": 192, "columns": 288}
"""Crops of axial slices: a body is wider than deep, and only both legs together show which is the left one."""


def first_tables(task: Task, classes: Sequence[str]) -> dict[str, Any]:
    """Tables of a configuration from which to begin, for classes of a task: axial and wide where left and right differ.

    Parameters
    ----------
    task : Task
    classes : sequence of str
        Structures or groups.
    """
    if not _both_sides(task, classes):
        return {}
    return {"preprocessing": AXIAL, "sampling": WIDE}


def crops_of(how: Preprocessing) -> dict[str, int]:
    """Table ``sampling`` from which to begin, where a model has decided how scans are seen."""
    return WIDE if how.plane == "axial" else {}


def blind_to_sides(config: TrainingConfig, task: Task) -> str | None:
    """A sentence for a configuration that asks for left and right in slices that do not show the side; else None."""
    volumes = config.network.planned or config.network.patch is not None
    if volumes or config.preprocessing.plane != "sagittal" or not _both_sides(task, config.classes):
        return None
    return (
        "Left and right are classes of their own here, but a sagittal slice does not show on which side it lies: set "
        'plane = "axial" in [preprocessing], and crops as wide as the body in [sampling].'
    )


def _both_sides(task: Task, classes: Sequence[str]) -> bool:
    asked = set(classes)
    return {"left", "right"} <= {s.side for s in task.structures if s.name in asked or s.parent in asked}
