"""Task: a named set of structures, read from TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from osteon.anatomy.limb import Limb
from osteon.anatomy.structure import Structure
from osteon.errors import TaskError

TASK_FILE = "task.toml"
"""Name of a user's own task in the folder of a cohort or model made for it."""


class Levels(BaseModel):
    """How the instances of one group are named by their order along the body.

    Parameters
    ----------
    group : str
        Parent of the structures that are levels of one another.
    order : tuple of str
        Structure names from the lowest up.
    below : tuple of str
        The structure below each of these, such as its disc, in the same order; none where a task has no such things.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    order: tuple[str, ...]
    below: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """The series of structures that are numbered from the lowest up."""
        return (self.order, self.below) if self.below else (self.order,)


class Task(BaseModel):
    """A named set of structures, with the plane and grid it is usually worked in.

    Parameters
    ----------
    name, title : str
    plane : "axial", "coronal" or "sagittal"
        Slices are taken across this plane's normal.
    spacing_mm : (3,) tuple of float
        Usual voxel edges: in plane (two), across.
    structures : tuple of Structure
    levels : Levels, optional
        For tasks whose structures are numbered from the lowest up.
    limb : Limb, optional
        For tasks of paired bones: how they lie to one another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    plane: Literal["axial", "coronal", "sagittal"]
    spacing_mm: tuple[float, float, float]
    structures: tuple[Structure, ...] = Field(min_length=1)
    levels: Levels | None = None
    limb: Limb | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        by_name = {s.name: s for s in self.structures}
        if len(by_name) < len(self.structures):
            raise ValueError("two structures share a name")
        if len({s.value for s in self.structures}) < len(self.structures):
            raise ValueError("two structures share a label value")
        for structure in self.structures:
            if structure.mirror is None:
                continue
            partner = by_name.get(structure.mirror)
            if partner is None or partner.mirror != structure.name:
                raise ValueError(f"{structure.name} and {structure.mirror} are not each other's mirror partner")
            if {structure.side, partner.side} != {"left", "right"}:
                raise ValueError(f"mirror partners {structure.name} and {partner.name} are not left and right")
        unknown = [n for column in (self.levels.columns if self.levels else ()) for n in column if n not in by_name]
        if unknown:
            raise ValueError(f"levels name unknown structures: {', '.join(unknown)}")
        if self.levels and self.levels.below and len(self.levels.below) != len(self.levels.order):
            raise ValueError("levels.below must name one structure for each of levels.order, or be left out")
        groups = {s.parent for s in self.structures if s.mirror is not None}
        unknown = [group for group in (self.limb.groups if self.limb else ()) if group not in groups]
        if unknown:
            raise ValueError(f"limb names groups without a right and a left structure: {', '.join(unknown)}")
        return self

    def __repr__(self) -> str:
        return f"Task({self.name}: {len(self.structures)} structures, {self.plane})"

    __str__ = __repr__

    @classmethod
    def load(cls, name_or_path: str | Path) -> Task:
        """Read a task: one of the package's by name, or a TOML file by path.

        Raises
        ------
        TaskError
            If it does not exist or contradicts itself.
        """
        path = Path(name_or_path)
        if path.suffix == ".toml":
            if not path.is_file():
                raise TaskError(f"There is no task file {path}.")
            return cls.from_toml(path.read_text(encoding="utf-8"), str(path))
        source = resources.files("osteon.anatomy") / "tasks" / f"{name_or_path}.toml"
        if str(name_or_path) not in cls.available():
            raise TaskError(
                f"There is no task named {name_or_path}. Known: {', '.join(cls.available())}; "
                "a task of your own is given as the path of its .toml file."
            )
        return cls.from_toml(source.read_text(encoding="utf-8"), str(name_or_path))

    @classmethod
    def from_toml(cls, text: str, where: str) -> Task:
        """Parse and check a task's TOML; ``where`` is named in errors."""
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise TaskError(f"The task {where} is not valid TOML: {error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the table"
            raise TaskError(f"The task {where} cannot be used: {place}: {first['msg']}.") from error

    @classmethod
    def load_beside(cls, folder: Path, name: str) -> Task:
        """Read the task of a cohort or model: the ``task.toml`` in its folder, else the package's of that name."""
        own = folder / TASK_FILE
        return cls.load(own if own.is_file() else name)

    def write_beside(self, folder: Path) -> None:
        """Write ``task.toml`` into the folder of a cohort or model, unless the package has this very task."""
        if self.name in self.available() and Task.load(self.name) == self:
            return
        (folder / TASK_FILE).write_text(self.toml(), encoding="utf-8")

    def toml(self) -> str:
        """TOML of this task, as `from_toml` reads it."""

        def lines(content: dict[str, Any]) -> list[str]:
            # JSON's strings, numbers and arrays are TOML's
            return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]

        content = self.model_dump(mode="json", exclude_none=True)
        structures = content.pop("structures")
        tables = {key: content.pop(key) for key in ("levels", "limb") if key in content}
        text = lines(content)
        for key, table in tables.items():
            text += ["", f"[{key}]", *lines(table)]
        for structure in structures:
            text += ["", "[[structures]]", *lines(structure)]
        return "\n".join(text) + "\n"

    @staticmethod
    def available() -> list[str]:
        """Names of the tasks in the package."""
        folder = resources.files("osteon.anatomy") / "tasks"
        return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))

    def by_name(self, name: str) -> Structure:
        """Structure of a name; `TaskError` if there is none."""
        for structure in self.structures:
            if structure.name == name:
                return structure
        raise TaskError(f"The task {self.name} has no structure named {name}.")

    def by_value(self, value: int) -> Structure:
        """Structure of a label value; `TaskError` if there is none."""
        for structure in self.structures:
            if structure.value == value:
                return structure
        raise TaskError(f"The task {self.name} has no structure of value {value}.")

    def matching(self, patterns: Sequence[str]) -> list[str]:
        """Names of the structures that match one of some patterns, such as ``vertebra-*``, in the task's order.

        Raises
        ------
        TaskError
            If a pattern matches nothing.
        """
        for pattern in patterns:
            if not any(fnmatchcase(s.name, pattern) for s in self.structures):
                names = ", ".join(s.name for s in self.structures)
                raise TaskError(f"No structure of the task {self.name} matches {pattern}. It knows: {names}.")
        return [s.name for s in self.structures if any(fnmatchcase(s.name, pattern) for pattern in patterns)]

    def mirrored_values(self) -> dict[int, int]:
        """Label value of each structure that has a mirror partner, to the partner's."""
        return {s.value: self.by_name(s.mirror).value for s in self.structures if s.mirror is not None}

    def mirrored_classes(self, classes: Sequence[str]) -> NDArray[np.uint8]:
        """Network class to the class of its mirror partner, for all 256: what a flip does to a map of classes.

        Raises
        ------
        TaskError
            If one of a pair of partners is a class and the other is not.
        """
        swap = np.arange(256, dtype=np.uint8)
        partner = {s.name: s.mirror for s in self.structures if s.mirror is not None}
        for number, name in enumerate(classes, start=1):
            if name in partner:
                if partner[name] not in classes:
                    raise TaskError(
                        f"{name} is a class but its mirror partner {partner[name]} is not; flips would mix them."
                    )
                swap[number] = list(classes).index(partner[name]) + 1
        return swap

    def class_of_value(self, classes: Sequence[str]) -> dict[int, int]:
        """Label value to network class index, from 1.

        A structure belongs to the class of its own name, else to that of its parent, else to the background. So
        ``["vertebra-L5", "vertebra"]`` gives the lowest vertebra a class of its own and all others another.

        Raises
        ------
        TaskError
            If a class is neither a structure nor a group of this task.
        """
        known = {s.name for s in self.structures} | {s.parent for s in self.structures}
        for name in classes:
            if name not in known:
                raise TaskError(f"The task {self.name} has no structure or group named {name}.")
        index = {name: number for number, name in enumerate(classes, start=1)}
        found = {s.value: index.get(s.name) or index.get(s.parent or "") for s in self.structures}
        return {value: number for value, number in found.items() if number is not None}

    def value_of_class(self, classes: Sequence[str]) -> dict[int, int]:
        """Network class index to the label value it is written as; classes of levels have none, they are named later.

        Raises
        ------
        TaskError
            If a class stands for several structures that are no levels of one another, such as both tibiae: which of
            them a voxel belongs to would be a guess.
        """
        columns = self.levels.columns if self.levels else ()
        levels = {self.by_name(name).value for column in columns for name in column}
        found: dict[int, int] = {}
        for value, number in self.class_of_value(classes).items():
            if value in levels:
                continue
            if number in found:
                raise TaskError(
                    f"The class {classes[number - 1]} stands for several structures of the task {self.name} "
                    f"({self.by_value(found[number]).name}, {self.by_value(value).name}), which a result must tell "
                    "apart. Give each of them a class of its own."
                )
            found[number] = value
        return found
