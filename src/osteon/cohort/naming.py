"""From the words of file names and label tables to a task's structures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from osteon.anatomy import Task

Side = Literal["right", "left"]

SIDE_WORDS: dict[str, Side] = {
    "right": "right",
    "rt": "right",
    "r": "right",
    "rr": "right",
    "left": "left",
    "lt": "left",
    "l": "left",
    "ll": "left",
}
MIXED_SIDES = ("rl", "lr")
"""Tokens that may mean either side, or both: a side is never guessed."""

BACKGROUND = ("background", "clear", "none", "ignore")


@dataclass(frozen=True)
class Named:
    """What some words name.

    Parameters
    ----------
    structure : str, optional
        None if the words name nothing of the task, or more than one thing.
    side_assumed : bool
        Whether the words say no side and the right one's structure was taken, as for cohorts that label one side only.
    """

    structure: str | None
    side_assumed: bool = False


def words_of(text: str) -> list[str]:
    """Lower-case words of a name: parted by anything but letters and digits, and where ``tibiaRight`` changes case."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


def side_in(words: list[str]) -> Side | None:
    """The one side that words name; None if they name none, or both."""
    sides = {SIDE_WORDS[word] for word in words if word in SIDE_WORDS}
    return sides.pop() if len(sides) == 1 and not set(words) & set(MIXED_SIDES) else None


def structure_named(task: Task, text: str) -> Named:
    """The structure of a task that a name such as ``TIBIA_R``, ``right femur`` or ``disc_L5_S1`` means.

    All words of a structure's name must be there, in any order, or run together as in ``tibiaright``; of several
    structures the one with most words is meant.
    """
    words = words_of(text)
    plain = {SIDE_WORDS.get(word, word) for word in words}
    if not set(words) & set(MIXED_SIDES):
        whole = "".join(words)
        exact = [s.name for s in task.structures if "".join(words_of(s.name)) == whole]
        said = exact or _most_words(task, plain)
        if len(said) == 1:
            return Named(said[0])
        if not said and side_in(words) is None and not plain & {"right", "left"}:
            assumed = _most_words(task, plain | {"right"})
            if len(assumed) == 1:
                return Named(assumed[0], side_assumed=True)
    return Named(None)


def _most_words(task: Task, plain: set[str]) -> list[str]:
    named = [(len(own), s.name) for s in task.structures if (own := set(words_of(s.name))) <= plain]
    most = max((count for count, _ in named), default=0)
    return [name for count, name in named if count == most]


def label_mapping(task: Task, names: dict[int, str]) -> tuple[dict[int, int], list[str], list[str]]:
    """From a label table's values to the task's, by name.

    Parameters
    ----------
    task : Task
    names : dict of int to str
        Value to name; background and ignored values map to 0.

    Returns
    -------
    mapping : dict of int to int
    unknown : list of str
        Names that mean no structure of the task.
    assumed : list of str
        Names without a side that were taken for the right side.
    """
    mapping: dict[int, int] = {}
    unknown, assumed = [], []
    for value, name in sorted(names.items()):
        if value == 0 or "".join(words_of(name)) in BACKGROUND:
            mapping[value] = 0
            continue
        named = structure_named(task, name)
        if named.structure is None:
            unknown.append(name)
            continue
        if named.side_assumed:
            assumed.append(name)
        mapping[value] = task.by_name(named.structure).value
    return mapping, unknown, assumed
