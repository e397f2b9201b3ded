"""Post-processing in 3-D: sides, neighbouring bones, parts, holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.geometry import FloatArray, axis_of, voxel_volume_mm3
from osteon.networks.model import PostprocessingSpec
from osteon.postprocessing.belonging import belonging
from osteon.postprocessing.components import boxes_of, without_holes
from osteon.postprocessing.neighbours import put_bones_right
from osteon.postprocessing.notes import Notes
from osteon.postprocessing.parts import Labels, Least, Part, parts_of
from osteon.postprocessing.sides import put_sides_right
from osteon.postprocessing.slices import without_small_holes

NORMALS = {"sagittal": 0, "coronal": 1, "axial": 2}
"""World axis across the slices of a plane."""


def clean_volume(labels: Labels, affine: FloatArray, task: Task, how: PostprocessingSpec) -> Notes:
    """Put sides and bones right, then keep of each structure the parts that belong to it, and fill its holes.

    Parameters
    ----------
    labels : (i, j, k) integer ndarray
        The task's values; changed in place.
    affine : (4, 4) ndarray
    task : Task
        Its ``limb``, if it has one, says how bones lie to one another.
    how : PostprocessingSpec
    """
    least = Least(how.smallest_mm3 / voxel_volume_mm3(affine), how.part_share)
    notes = put_sides_right(labels, affine, task, least)
    notes.add(put_bones_right(labels, affine, task, how.near_mm, least))
    long_groups = task.limb.long_groups if task.limb is not None else ()
    boxes = boxes_of(labels)
    present = [(s, labels[boxes[s.value]]) for s in task.structures if s.value in boxes]
    for structure, view in present:
        parts = parts_of(labels, {structure.value: boxes[structure.value]}, affine, least)
        kept = belonging(parts, long=structure.parent in long_groups, near_mm=how.near_mm)
        notes.changed(structure.name, "removed", _remove_others(labels, view, structure.value, kept))
    # only now, because what lay in a hole may have been removed
    across = axis_of(affine, NORMALS[task.plane])
    for structure, view in present:
        notes.changed(structure.name, "filled", fill_holes(view, structure.value, across, how.slice_share))
    return notes


def fill_holes(view: Labels, value: int, across: int, share: float) -> int:
    """Fill small holes in slices and all cavities of a structure, where nothing else is; returns the voxels filled.

    Parameters
    ----------
    view : (i, j, k) integer ndarray
        Labels in a box that holds the structure; changed in place.
    value : int
    across : int
        Array axis that runs across the slices.
    share : float
        Holes below this share of the structure's outline in a slice are small.
    """
    mask: NDArray[np.bool_] = view == value
    added = without_holes(without_small_holes(mask, across, share)) & (view == 0)
    view[added] = value
    return int(np.count_nonzero(added))


def _remove_others(labels: Labels, view: Labels, value: int, kept: list[Part]) -> int:
    """Remove all of a structure, seen in its box, but some parts; returns the voxels removed."""
    mask = view == value
    removed = int(np.count_nonzero(mask)) - sum(part.voxels for part in kept)
    if removed:
        view[mask] = 0
        for part in kept:
            part.write(labels, value)
    return removed
