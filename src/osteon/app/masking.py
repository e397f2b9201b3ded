"""Masks, label maps and surfaces dropped on a case: what they are, where they lie, and one label map of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from osteon.anatomy import Task
from osteon.errors import OsteonError, UsageError
from osteon.io import read, read_labels
from osteon.io.surface_file import SURFACE_SUFFIXES, Space, read_surface_file
from osteon.masks import assigned, combine, surfaces_to_labels
from osteon.masks.overlay import OverlapRule
from osteon.masks.placement import placed
from osteon.volume import LabelMap, Volume

Kind = Literal["surface", "mask", "labels"]

MOST_VALUES = 256
"""A file of more whole numbers than this is a scan."""

COARSE_MM = 3.0
"""Surfaces are tried on a thinned scan: it is only looked at."""


@dataclass(frozen=True)
class Given:
    """One dropped file.

    Parameters
    ----------
    path : Path
    kind : "surface", "mask" or "labels"
    structure : str
        What a surface or mask is of; empty if its name does not say.
    values : tuple of int
        Label values of a label map, without 0.
    space : "RAS", "LPS" or None
        World of a surface's coordinates, if its file says it.
    """

    path: Path
    kind: Kind
    structure: str = ""
    values: tuple[int, ...] = ()
    space: Space | None = None


def look_at(path: Path, task: Task) -> Given:
    """What a file is, and which structure its name says.

    Raises
    ------
    OsteonError
        If it is neither a surface, a mask nor a label map.
    """
    if path.suffix.lower() in SURFACE_SUFFIXES:
        return Given(path, "surface", _structure(path, task), space=read_surface_file(path).space)
    values = np.unique(read(path).array)
    if len(values) > MOST_VALUES or (values != np.round(values)).any():
        raise UsageError(f"{path.name} holds grey values, not labels: it is a scan. Add it on the page of scans.")
    held = tuple(int(value) for value in values if value != 0)
    if not held:
        raise UsageError(f"{path.name} is empty: no voxel in it is labelled.")
    if len(held) == 1 and _structure(path, task):
        return Given(path, "mask", _structure(path, task))
    return Given(path, "mask") if len(held) == 1 else Given(path, "labels", values=held)


def worlds_of(given: Sequence[Given], scan: Volume) -> tuple[Space | None, str]:
    """World in which surfaces lie, and what decided; None where only the user can know."""
    try:
        found = placed([read_surface_file(one.path) for one in given], scan)
    except UsageError:
        return None, "The files do not say in which world their coordinates are, and both fit the scan."
    except OsteonError as error:
        return None, str(error)
    return found[0].space, found[0].how


def labels_from(
    given: Sequence[Given],
    scan: Volume,
    task: Task,
    *,
    mapping: dict[int, int] | None = None,
    overlap: OverlapRule = "background",
    space: Space | None = None,
) -> tuple[LabelMap, tuple[str, ...]]:
    """One label map on the scan's grid, and what to know about it.

    Parameters
    ----------
    given : sequence of Given
        All surfaces, all masks, or one label map; each surface and mask with its structure.
    scan : Volume
    task : Task
    mapping : dict of int to int, optional
        From a label map's values to the task's; 0 for background.
    overlap : "background", "priority" or "nearest"
    space : "RAS" or "LPS", optional
        World of the surfaces' coordinates.

    Raises
    ------
    OsteonError
        If they are of several kinds, or do not lie in the scan.
    """
    kinds = {one.kind for one in given}
    if len(kinds) != 1 or (kinds == {"labels"} and len(given) > 1):
        raise UsageError("Drop surfaces, or binary masks, or one label map; not several kinds at once.")
    if any(not one.structure for one in given if one.kind != "labels"):
        raise UsageError("Say for each file which structure it is.")
    named = [(one.structure, one.path) for one in given]
    if kinds == {"surface"}:
        made = surfaces_to_labels(named, scan, task, overlap=overlap, space=space)
        facts = [f"{one.file.name}: {note}." for one in made.surfaces for note in one.notes]
        shared = [f"{o.first} and {o.second} overlap in {o.volume_mm3 / 1000:.2f} cm3." for o in made.overlaps]
        return made.labels, (*facts, *shared, *made.notes)
    if kinds == {"mask"}:
        laid = combine(((name, read(path)) for name, path in named), task, overlap, like=scan)
        shared = [f"{o.first} and {o.second} overlap in {o.volume_mm3 / 1000:.2f} cm3." for o in laid.overlaps]
        return laid.labels, (*shared, *laid.notes)
    labels = read_labels(given[0].path, task, mapping)
    if not scan.grid.matches(labels.grid):
        labels = labels.reoriented(scan.orientation)
    scan.grid.require_match(labels.grid, "The scan", given[0].path.name)
    return LabelMap(labels.array, scan.affine, scan.nifti_geometry, task=task), ()


def for_looking(given: Sequence[Given], scan: Volume, task: Task, space: Space | None) -> tuple[Volume, LabelMap]:
    """A scan and the labels over it, before anybody has said what they mean: colours only tell them apart."""
    names = [structure.name for structure in task.structures]
    shown = [
        Given(one.path, one.kind, one.structure or names[number % len(names)], one.values)
        for number, one in enumerate(given)
    ]
    mapping = None
    if given[0].kind == "labels":
        known = [structure.value for structure in task.structures]
        strangers = [value for value in given[0].values if value not in known]
        mapping = {value: value for value in given[0].values if value in known}
        mapping |= {value: known[number % len(known)] for number, value in enumerate(strangers)}
    if given[0].kind == "surface":
        scan = scan.thinned(COARSE_MM)
    return scan, labels_from(shown, scan, task, mapping=mapping, space=space)[0]


def _structure(path: Path, task: Task) -> str:
    try:
        return assigned([path], task)[0][0]
    except UsageError:
        return ""  # its name does not say, or not which side: the user does
