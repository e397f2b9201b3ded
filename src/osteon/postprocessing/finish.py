"""Everything between the network's classes and the label map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.boxes import Box, held_box
from osteon.geometry import axis_of
from osteon.memory import zeros_as_written
from osteon.networks.model import ModelSpec
from osteon.postprocessing.components import bounding_box, without_holes, without_small_parts
from osteon.postprocessing.discs import name_discs
from osteon.postprocessing.instances import split_instances
from osteon.postprocessing.levels import name_levels
from osteon.postprocessing.notes import Notes
from osteon.postprocessing.parts import Labels
from osteon.postprocessing.runs import picture_axes
from osteon.postprocessing.slices import denoise_slices
from osteon.postprocessing.volume import NORMALS, clean_volume
from osteon.volume import LabelMap, Volume

NOTHING = "Nothing that the model knows was found in this scan. Is it of the right part of the body?"


@dataclass(frozen=True)
class Finished:
    """A label map, reasons to look at it, and what was changed of the network's answer."""

    labels: LabelMap
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def finish(classes: Volume, spec: ModelSpec, task: Task) -> Finished:
    """Turn a map of network classes into a label map of the task.

    Classes that belong to the task's levels become instances with levels, and the discs below these take their names
    from them; the others keep their parts above ``smallest_mm3``, with cavities filled. Tasks without levels are
    cleaned in 3-D (`clean_volume`) or slice by slice (`denoise_slices`), as ``method`` says.

    Parameters
    ----------
    classes : Volume
        Class indices on the scan's grid (`predict_classes`).
    spec : ModelSpec
    task : Task
    """
    warnings: list[str] = []
    notes: list[str] = []
    if task.levels is not None:
        labels, warnings = _with_levels(classes, spec, task)
    else:
        labels, changes = _without_levels(classes, spec, task)
        warnings, notes = changes.reasons_to_look(), changes.sentences()
    if not labels.any():
        warnings.append(NOTHING)
    small = labels.astype(np.uint8) if labels.dtype != np.uint8 and labels.max() < 256 else labels
    result = LabelMap(small, classes.affine, classes.nifti_geometry, task=task)
    return Finished(result, tuple(warnings), tuple(notes))


def _without_levels(classes: Volume, spec: ModelSpec, task: Task) -> tuple[Labels, Notes]:
    """Labels of a task of single structures, and what was changed of the network's answer."""
    how = spec.postprocessing
    changes = Notes(classes.voxel_volume_mm3)
    # what is found is a small share of the scan: the rest is neither looked at nor even written
    held = held_box(classes.array) or (slice(0, 0),) * 3
    labels = _values(classes, held, spec, task)
    if how.method == "volume":
        changes = clean_volume(labels[held], classes.cropped(held).affine, task, how)
    if how.method == "slices":
        labels = denoise_slices(labels, axis_of(classes.affine, NORMALS[task.plane]), how.slice_share)
    return labels, changes


def _values(classes: Volume, held: Box, spec: ModelSpec, task: Task) -> Labels:
    """Label values of the classes in a box, 0 elsewhere; in memory as the classes are."""
    value_of_class = task.value_of_class(spec.classes)
    lookup = np.zeros(len(spec.classes) + 1, dtype=np.uint8 if max(value_of_class.values()) < 256 else np.uint16)
    for number, value in value_of_class.items():
        lookup[number] = value
    axes = picture_axes(classes.array)
    labels = zeros_as_written([classes.shape[axis] for axis in axes], lookup.dtype).transpose(np.argsort(axes))
    # picture by picture, since numpy turns what it looks up by into numbers of eight bytes
    for found, picture in zip(labels[held].transpose(axes), classes.array[held].transpose(axes), strict=True):
        found[...] = lookup[picture]
    return labels


def _with_levels(classes: Volume, spec: ModelSpec, task: Task) -> tuple[Labels, list[str]]:
    value_of_class = task.value_of_class(spec.classes)
    levelled, below = _levelled_classes(spec, task)
    labels, warnings = _levels(classes, levelled, spec, task)
    smallest = spec.postprocessing.smallest_mm3
    if below:
        discs = np.isin(classes.array, sorted(below)) & (labels == 0)
        named, more = name_discs(discs, labels, classes.affine, task, smallest)
        labels[named > 0] = named[named > 0]
        warnings = [*warnings, *more]
    smallest /= classes.voxel_volume_mm3
    for number in range(1, len(spec.classes) + 1):
        mask = classes.array == number
        if number in levelled | below or not mask.any():
            continue
        filled = without_holes(without_small_parts(mask, smallest))
        # what another class fills is no hole
        labels[filled & (labels == 0) & np.isin(classes.array, (0, number))] = value_of_class[number]
    return labels, warnings


def _levelled_classes(spec: ModelSpec, task: Task) -> tuple[set[int], set[int]]:
    """Class indices whose structures are levels of one another, and of those that lie below a level."""
    if task.levels is None:
        return set(), set()
    classes = task.class_of_value(spec.classes)
    order, below = ({task.by_name(name).value for name in c} for c in (task.levels.order, task.levels.below))
    return {n for value, n in classes.items() if value in order}, {n for value, n in classes.items() if value in below}


def _levels(classes: Volume, levelled: set[int], spec: ModelSpec, task: Task) -> tuple[NDArray[np.uint16], list[str]]:
    labels = np.zeros(classes.shape, dtype=np.uint16)
    mask = np.isin(classes.array, sorted(levelled))
    if not mask.any():
        return labels, []
    box = bounding_box(mask, margin=1)
    part = classes.cropped(box)
    instances = split_instances(mask[box], classes.spacing_mm, spec.postprocessing.smallest_mm3)
    for number in range(1, int(instances.max()) + 1):
        inner = bounding_box(instances == number)
        filled = without_holes(instances[inner] == number)
        free = np.isin(part.array[inner], (0, *levelled))
        instances[inner][filled & free & (instances[inner] == 0)] = number
    anchor = spec.postprocessing.anchor
    is_anchor = part.array == spec.classes.index(anchor) + 1 if anchor is not None else None
    labels[box], warnings = name_levels(instances, is_anchor, part.affine, task, classes.grid)
    return labels, warnings
