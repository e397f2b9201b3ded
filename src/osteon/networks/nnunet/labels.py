"""What the labels of a trained nnU-Net mean: by name, the structures of a task."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteon.anatomy import Task
from osteon.anatomy.structure import Structure
from osteon.cohort.naming import side_in, structure_named, words_of
from osteon.errors import ModelError, TaskError

MOST_CLASSES = 255
"""Classes are kept as bytes."""


@dataclass(frozen=True)
class Meaning:
    """What the outputs of a network are.

    Parameters
    ----------
    task : Task
    classes : tuple of str
        Structures or groups of the task.
    of_output : tuple of int
        Class of each output, background (0) first.
    notes : tuple of str
        Whole sentences about what was decided.
    """

    task: Task
    classes: tuple[str, ...]
    of_output: tuple[int, ...]
    notes: tuple[str, ...] = ()


def names_of(dataset: Mapping[str, Any], where: Path) -> list[str]:
    """Names of a network's outputs, background first, as ``dataset.json`` says.

    Raises
    ------
    ModelError
        If the labels are none of Osteon's kind: regions that overlap, or gaps between the values.
    """
    table = dataset.get("labels")
    if not isinstance(table, dict) or not table:
        raise ModelError(f"{where} has no table of labels (names to values).")
    if any(isinstance(value, list | tuple) for value in table.values()):
        raise ModelError(f"{where} was trained on regions that overlap; Osteon knows one structure a voxel.")
    values = {int(value): str(name) for name, value in table.items() if str(name).lower() != "ignore"}
    if sorted(values) != list(range(len(values))) or not 2 <= len(values) <= MOST_CLASSES + 1:
        raise ModelError(f"{where} has the labels {sorted(values)}; expected 0 (background), 1, 2 ... up to 255.")
    return [values[number] for number in range(len(values))]


def meaning_of(names: list[str], task: Task | None, mapping: Mapping[int, str], own: str) -> Meaning:
    """Structures that the outputs of a network mean.

    Parameters
    ----------
    names : list of str
        Of the outputs, background first.
    task : Task, optional
        If None, the task of the package that knows every name, sides included; else a task of their own is made.
    mapping : mapping of int to str
        Structures that the user named for some label values.
    own : str
        Name of a task that is made.

    Raises
    ------
    ModelError
        If a task is given and no label means a structure of it.
    TaskError
        If the user named a structure that the task does not know, or a class stands for both sides.
    """
    if task is None:
        every = [_mapped(names, Task.load(name), {}) for name in ([] if mapping else Task.available())]
        whole = [meaning for meaning in every if meaning and not meaning.notes]
        return whole[0] if whole else _own(names, own)
    meaning = _mapped(names, task, mapping)
    if meaning is None:
        raise ModelError(
            f"None of the labels ({', '.join(names[1:8])}) means a structure of the task {task.name}. Leave --task out "
            "to get a task of their own, or say what they mean with --map VALUE=STRUCTURE."
        )
    task.value_of_class(meaning.classes)
    return meaning


def _mapped(names: list[str], task: Task, mapping: Mapping[int, str]) -> Meaning | None:
    known = {s.name for s in task.structures} | {
        s.parent for s in task.structures if s.parent and _is_one(task, s.parent)
    }
    classes: list[str] = []
    of_output, unknown, assumed = [0], [], []
    for value, name in enumerate(names[1:], start=1):
        named = structure_named(task, name)
        if value in mapping:
            meant: str | None = task.by_name(mapping[value]).name
        elif name in known:
            meant = name
        else:
            meant = named.structure
            assumed += [name] if named.side_assumed else []
        if meant is None:
            unknown.append(name)
            of_output.append(0)
            continue
        if meant not in classes:
            classes.append(meant)
        of_output.append(classes.index(meant) + 1)
    notes = [f"{', '.join(unknown)}: not in the task {task.name}, so it becomes background."] if unknown else []
    if assumed:
        notes.append(f"{', '.join(assumed)}: no side is named, so it is taken for the right one. Check it.")
    return Meaning(task, tuple(classes), tuple(of_output), tuple(notes)) if classes else None


def _is_one(task: Task, group: str) -> bool:
    """Whether a result can be written with a group as a class: its structures are levels, not two sides."""
    try:
        task.value_of_class((group,))
    except TaskError:
        return False
    return True


def _own(names: list[str], own: str) -> Meaning:
    """A task made of the labels themselves; sides and mirror partners only where their names say them."""
    slugs: list[str] = []
    for value, name in enumerate(names[1:], start=1):
        slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or f"label-{value}"
        slugs.append(slug if slug.lower() not in {s.lower() for s in slugs} else f"{slug}-{value}")
    sides = {slug: side_in(words_of(name)) for slug, name in zip(slugs, names[1:], strict=True)}
    structures = []
    for value, slug in enumerate(slugs, start=1):
        side = sides[slug]
        partner = _partner(slug, slugs) if side else None
        structures.append(
            Structure(name=slug, value=value, side=side or "midline", mirror=partner, colour=_colour(value))
        )
    task = Task(
        name=own,
        title=f"Structures of the model {own}",
        plane="axial",
        spacing_mm=(1.0, 1.0, 1.0),
        structures=tuple(structures),
    )
    note = f"No task of Osteon has all of these labels, so the model has a task of its own, {own}."
    return Meaning(task, tuple(slugs), tuple(range(len(names))), (note,))


def _partner(slug: str, slugs: list[str]) -> str | None:
    """The one of some names that differs from this one in nothing but left and right."""
    swap = {"left": "right", "right": "left", "l": "r", "r": "l", "lt": "rt", "rt": "lt"}
    other = [swap.get(word, word) for word in words_of(slug)]
    return next((s for s in slugs if s != slug and words_of(s) == other), None)


def _colour(value: int) -> str:
    """Hues a golden angle apart, so that neighbours differ however many there are."""
    red, green, blue = colorsys.hsv_to_rgb(value * 0.618034 % 1, 0.45 + 0.15 * (value % 3), 0.9)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
