"""Binary masks -> one label map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from osteon.anatomy import Task
from osteon.errors import TaskError, UsageError
from osteon.masks.frames import on_grid
from osteon.masks.overlay import Overlap, OverlapRule, Overlay, check_rule
from osteon.volume import LabelMap, Volume

MANY_VALUES = 16
"""A mask holds one value besides zero; with more than this many it is a scan or something else."""


@dataclass(frozen=True, eq=False)
class Combined:
    """One label map, and what happened on the way.

    Parameters
    ----------
    labels : LabelMap
    overlaps : tuple of Overlap
        Every pair of structures that claimed the same voxels.
    notes : tuple of str
        Whole sentences: what was resampled, empty, or lost all its voxels.
    """

    labels: LabelMap
    overlaps: tuple[Overlap, ...]
    notes: tuple[str, ...]


def combine(
    masks: Iterable[tuple[str, Volume]], task: Task, overlap: OverlapRule = "background", *, like: Volume | None = None
) -> Combined:
    """Lay binary masks over one another to one label map.

    One mask after the other is in memory if ``masks`` is a generator. Several masks of one structure unite.

    Parameters
    ----------
    masks : iterable of (str, Volume)
        Name of a structure of the task, and its mask: any value but zero is inside.
    task : Task
    overlap : "background", "priority" or "nearest"
        Where structures overlap: nobody's voxels; the structure that is given first; or the structure whose own voxels
        are nearer. Boundaries where two structures overlap are uncertain; ``background`` leaves them out, as the
        multi-class masks of the leg study did.
    like : Volume, optional
        The scan; the label map has its grid. If missing, the first mask's.

    Returns
    -------
    Combined

    Raises
    ------
    TaskError
        If a name is no structure of the task.
    UsageError
        If there is no mask, the rule is unknown, or a file is a scan and not a mask.
    GeometryError
        If a mask of another grid does not lie in the scan's world.
    """
    check_rule(overlap)
    target, overlay = like, None
    notes: list[str] = []
    names = [structure.name for structure in task.structures]
    for name, mask in masks:
        if name not in names:
            raise TaskError(f"The task {task.name} has no structure named {name}. It knows: {', '.join(names)}.")
        notes += _odd_values(name, mask)
        target = target if target is not None else mask
        overlay = overlay or Overlay(target.grid, len(names))
        inside, box = on_grid(mask, target, f"The mask {name}")
        if inside.any() and not mask.grid.matches(target.grid):
            notes.append(f"{name} lies on another grid and was resampled to the scan's.")
        overlay.add(name, inside, box)
    if target is None or overlay is None:
        raise UsageError("There is no mask to combine. Give at least one file.")
    return settled(overlay, overlap, target, task, notes)


def settled(overlay: Overlay, rule: OverlapRule, target: Volume, task: Task, notes: list[str]) -> Combined:
    """The label map of structures laid over one another, on a scan's grid."""
    owner, overlaps = overlay.settled(rule)
    values = np.array([0, *(task.by_name(name).value for name in overlay.names)])
    table = values.astype(np.uint8 if values.max() < 256 else np.uint16)
    array = owner if owner.dtype == table.dtype else np.zeros(owner.shape, dtype=table.dtype)
    counts = np.zeros(len(values), dtype=np.int64)
    for to, plane in zip(array[overlay.box], owner[overlay.box], strict=True):  # numpy indexes by eight bytes a voxel
        counts += np.bincount(plane.ravel(), minlength=len(values))
        np.take(table, plane, out=to, mode="clip")  # the clipping never happens, and unlike a check needs no buffer
    notes = notes + [
        f"{name} has no voxel in the label map: it is empty, smaller than a voxel, or lies wholly within others."
        for name, count in zip(overlay.names, counts[1:], strict=True)
        if not count
    ]
    labels = LabelMap(array, target.affine, target.nifti_geometry, task=task)
    return Combined(labels, tuple(overlaps), tuple(notes))


def _odd_values(name: str, mask: Volume) -> list[str]:
    """Say if a mask is none: a scan is refused, a label map noted."""
    low, high = (mask.array.min(), mask.array.max()) if mask.array.size else (0, 0)
    if low >= 0 and (mask.array.dtype == np.bool_ or (high <= 1 and mask.array.dtype.kind in "ui")):
        return []
    values = np.unique(mask.array)
    values = values[values != 0]
    if len(values) > MANY_VALUES:
        raise UsageError(
            f"The mask {name} holds {len(values)} different values from {values.min():g} to {values.max():g}: it is a "
            "scan, a probability map or a map of many labels. Give a mask, with zero outside and one value inside."
        )
    if len(values) > 1:
        listed = ", ".join(f"{value:g}" for value in values)
        return [f"The mask {name} holds several values ({listed}); all of them count as inside."]
    return []
