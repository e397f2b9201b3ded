"""A workspace: the folder that holds the cases, models and results of one study."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osteon.anatomy import Task
from osteon.app.paths import WorkspacePaths
from osteon.errors import OsteonError, UsageError
from osteon.io.whole import written_whole
from osteon.networks.model import Model

if TYPE_CHECKING:
    from osteon.case_folder import CasePaths

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,78}[A-Za-z0-9_-]|[A-Za-z0-9]")
"""Names of cases and results: they become names of files on any system."""

RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that Windows gives to devices."""

ABOUT = "result.json"
"""What the app knows of a result: its task, what it was made from, what was changed."""


class UnknownError(OsteonError):
    """Something that is asked for is not in the workspace."""


@dataclass(frozen=True)
class Origin:
    """How a result came about.

    Parameters
    ----------
    task : str
    made_by : str
        ``model``, ``hand`` (a correction) or ``file`` (a label map that was added).
    base : str
        The result that was corrected, or the model.
    changes : tuple of dict
        Every correction since the model's result, the first first: when, structure, voxels, cm3.
    """

    task: str
    made_by: str
    base: str
    changes: tuple[dict[str, Any], ...] = field(default=())

    def write(self, folder: Path, task: Task) -> None:
        """Write it into a result's folder, with the task where that is the user's own."""
        task.write_beside(folder)
        with written_whole(folder / ABOUT) as part:
            document = {"task": self.task, "made_by": self.made_by, "base": self.base, "changes": list(self.changes)}
            part.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def usable_name(name: str) -> str:
    """The name, if a file may have it on every system.

    Raises
    ------
    UsageError
        If not.
    """
    if not NAME.fullmatch(name) or RESERVED.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{name[:80]!r} cannot be a name here. Use up to 80 letters, digits, blanks, dots, dashes and underscores, "
            "beginning with a letter or digit; no patient's name."
        )
    return name


class Workspace:
    """An opened workspace.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.paths = WorkspacePaths(folder)

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Workspace:
        """Open a folder as a workspace, or make it.

        Raises
        ------
        UsageError
            If it is not there (and not to be made), no folder, or may not be written.
        """
        if not folder.is_absolute():
            raise UsageError(f"{folder} is not a whole path. Give it from the root or the drive on.")
        if not folder.exists() and not create:
            raise UsageError(f"There is no folder {folder}. Check the spelling, or choose to create it.")
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file. A workspace is a folder.")
        opened = cls(folder.resolve())
        try:
            for place in (opened.paths.scans, opened.paths.results, opened.paths.jobs, opened.paths.uploads):
                place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be written: {error.strerror or error}. Choose another folder."
            ) from error
        return opened

    def cases(self) -> list[str]:
        """Names of the cases, sorted."""
        suffix = ".nii.gz"
        files = self.paths.scans.glob(f"*{suffix}") if self.paths.scans.is_dir() else []
        return sorted(f.name[: -len(suffix)] for f in files if NAME.fullmatch(f.name[: -len(suffix)]))

    def scan(self, case: str) -> Path:
        """The scan of a case; `UnknownError` if there is no such case."""
        if case not in self.cases():
            raise UnknownError("There is no such case in this workspace. Reload the page.")
        return self.inside(self.paths.scan(case))

    def results(self, case: str) -> list[str]:
        """Names of the results of a case, the latest last."""
        from osteon.case_folder import CasePaths  # not before it is needed: workers must be ready soon

        folders = [p for p in self.paths.results.glob("*") if NAME.fullmatch(p.name)]
        done = [p / case for p in folders if (p / case / CasePaths(p).segmentation.name).is_file()]
        return [p.parent.name for p in sorted(done, key=lambda p: (p.stat().st_mtime_ns, p.parent.name))]

    def result(self, case: str, name: str) -> CasePaths:
        """Files of one result; `UnknownError` if there is none."""
        from osteon.case_folder import CasePaths

        self.scan(case)
        if name not in self.results(case):
            raise UnknownError("There is no such result of this case. Reload the page.")
        paths = CasePaths(self.inside(self.paths.result(name, case)))
        files = (paths.segmentation, paths.meshes, paths.measurements, paths.preview, paths.report, paths.record)
        for file in (*files, paths.folder / ABOUT, *paths.meshes.glob("*")):
            self.inside(file)
        return paths

    def origin(self, paths: CasePaths) -> Origin:
        """How a result came about; of one that the command line made, by its ``run.json``."""
        about = paths.folder / ABOUT
        if about.is_file():
            document = json.loads(about.read_text(encoding="utf-8"))
            return Origin(document["task"], document["made_by"], document["base"], tuple(document["changes"]))
        if not paths.record.is_file():
            raise UnknownError(f"{paths.folder.name} does not say which task its labels belong to. Segment it again.")
        model = str(json.loads(paths.record.read_text(encoding="utf-8"))["arguments"]["model"])
        return Origin(self.model(model).task.name, "model", model)

    def task(self, paths: CasePaths) -> Task:
        """The task of a result's labels."""
        return Task.load_beside(paths.folder, self.origin(paths).task)

    def tasks(self) -> list[Task]:
        """Shipped tasks, and those that models have brought."""
        shipped = [Task.load(name) for name in Task.available()]
        known = {task.name for task in shipped}
        own = {model.task.name: model.task for model in self.models() if model.task.name not in known}
        return [*shipped, *own.values()]

    def task_named(self, name: str) -> Task:
        """One of `tasks`; `UnknownError` if there is none."""
        for task in self.tasks():
            if task.name == name:
                return task
        raise UnknownError(f"There is no task named {name[:80]}. Choose one from the list.")

    def models(self) -> list[Model]:
        """Shipped models, the workspace's own and those that were trained in it, as far as they can be opened."""
        found = [Model.load(name) for name in Model.available()]
        trained = sorted(self.paths.runs.glob("*/model"))
        for folder in [*sorted(self.paths.models.glob("*")), *trained]:
            try:
                found.append(Model.load(self.inside(folder)))
            except OsteonError:
                continue  # a folder that is no model, or leads elsewhere, is no business of this list
        return found

    def model(self, name: str) -> Model:
        """A model by its name; `UnknownError` if there is none."""
        for model in self.models():
            if model.spec.name == name:
                return model
        raise UnknownError(f"There is no model named {name[:80]} here. Choose one from the list.")

    def inside(self, path: Path) -> Path:
        """The path, if no link leads out of the workspace."""
        if not path.resolve().is_relative_to(self.paths.folder):
            raise UnknownError("This file is a link that leads out of the workspace; it is not opened.")
        return path
