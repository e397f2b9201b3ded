"""Which structure of a task a file holds: by its own words, or because the user says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from osteon.anatomy import Structure, Task
from osteon.errors import UsageError

SIDES = {"r": "right", "rt": "right", "right": "right", "l": "left", "lt": "left", "left": "left"}
"""Words that name the patient's side."""


def assigned(files: Sequence[str | Path], task: Task) -> list[tuple[str, Path]]:
    """Structure of each file.

    ``tibia-right=scan7_final.ply`` says it. Otherwise the words of the file's name do: ``07_Tibia_R.ply`` is the
    ``tibia-right``. A side that is not named is asked for, never guessed.

    Parameters
    ----------
    files : sequence of path, or of ``"STRUCTURE=FILE"``
    task : Task

    Returns
    -------
    list of (str, Path)
        In the order given.

    Raises
    ------
    UsageError
        If a name fits no structure, or more than one.
    """
    return [_said(str(file), task) or (_by_words(Path(file), task), Path(file)) for file in files]


def _said(file: str, task: Task) -> tuple[str, Path] | None:
    name, equals, path = file.partition("=")
    if not equals or Path(file).exists():
        return None
    if name not in {structure.name for structure in task.structures}:
        raise UsageError(f"{file}: the task {task.name} has no structure named {name}. {_known(task)}")
    return name, Path(path)


def _by_words(path: Path, task: Task) -> str:
    words = _words(path.name.removesuffix(".gz").rsplit(".", 1)[0])
    fitting = [structure for structure in task.structures if _words(structure.name) <= words]
    longest = max((len(_words(structure.name)) for structure in fitting), default=0)
    best = [structure for structure in fitting if len(_words(structure.name)) == longest]
    if len(best) == 1:
        return best[0].name
    sides = set(SIDES.values())
    near = best or [s for s in task.structures if words & sides == set() and _words(s.name) - sides <= words]
    raise UsageError(f"{path.name} {_why(near)} Say it: {_example(near, task)}={path.name}. {_known(task)}")


def _words(name: str) -> set[str]:
    """Words in small letters; numbers stay with the letters before them, as in L5."""
    spread = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # tibiaRight
    return {SIDES.get(word, word) for word in re.split(r"[^a-z0-9]+", spread.lower()) if word}


def _why(near: list[Structure]) -> str:
    if not near:
        return "names no structure of the task."
    return f"may be {' or '.join(structure.name for structure in near)}."


def _example(near: list[Structure], task: Task) -> str:
    return (near or list(task.structures))[0].name


def _known(task: Task) -> str:
    return f"The task {task.name} knows: {', '.join(structure.name for structure in task.structures)}."
