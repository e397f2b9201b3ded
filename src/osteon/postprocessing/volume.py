"""Post-processing in 3-D: sides, neighbouring bones, parts, holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.boxes import Box
from osteon.geometry import FloatArray, axis_of, voxel_volume_mm3
from osteon.networks.model import PostprocessingSpec
from osteon.postprocessing.belonging import belonging
from osteon.postprocessing.components import without_holes
from osteon.postprocessing.neighbours import put_bones_right
from osteon.postprocessing.notes import Notes
from osteon.postprocessing.parts import Labels, Least, Part, Parted
from osteon.postprocessing.runs import picture_axes
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
    parted = Parted(labels, affine, least)
    notes = put_sides_right(parted, task)
    notes.add(put_bones_right(parted, task, how.near_mm))
    long_groups = task.limb.long_groups if task.limb is not None else ()
    kept = {}
    for structure in task.structures:
        kept[structure.value] = belonging(
            parted.parts([structure.value]), long=structure.parent in long_groups, near_mm=how.near_mm
        )
    removed = _keep(labels, kept)
    for structure in task.structures:
        notes.changed(structure.name, "removed", int(removed[structure.value]))
    # only now, because what lay in a hole may have been removed
    across = axis_of(affine, NORMALS[task.plane])
    for structure in task.structures:
        if kept[structure.value]:
            view = labels[_around(kept[structure.value])]
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


def _keep(labels: Labels, kept: dict[int, list[Part]]) -> NDArray[np.int64]:
    """Leave nothing in ``labels`` but some parts of each structure; returns the voxels removed, by value."""
    across, down, along = picture_axes(labels)
    removed = np.zeros(max(kept) + 1, dtype=np.int64)
    # slice by slice, so that no second array of the volume's size is in memory
    for number, before in enumerate(labels.transpose(across, down, along)):
        after = np.zeros_like(before)
        for value, parts in kept.items():
            for part in parts:
                if part.box[across].start <= number < part.box[across].stop:
                    mask = part.mask.transpose(across, down, along)[number - part.box[across].start]
                    after[part.box[down], part.box[along]][mask] = value
        lost = before[before != after]
        if lost.size:
            removed += np.bincount(lost, minlength=len(removed))
            before[...] = after
    return removed


def _around(parts: list[Part]) -> Box:
    """Box around some parts."""
    i, j, k = (
        slice(min(part.box[axis].start for part in parts), max(part.box[axis].stop for part in parts))
        for axis in range(3)
    )
    return i, j, k
