"""Corrections by hand: checked, counted, saved as a new version; the version before stays as it was."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.app.workspace import Origin, Workspace, usable_name
from osteon.case_folder import CasePaths
from osteon.errors import UsageError
from osteon.io import read, read_labels, write
from osteon.io.whole import folder_written_whole
from osteon.volume import LabelMap

VERSION = re.compile(r"(?P<root>.+)-corrected-(?P<number>\d+)")


@dataclass(frozen=True)
class Correction:
    """What was painted.

    Parameters
    ----------
    runs : (n, 3) ndarray of int
        First voxel, how many, and their new label value; voxels are numbered with i fastest, as NIfTI stores them.
    """

    runs: NDArray[np.int64]

    @classmethod
    def of(cls, numbers: list[int]) -> Correction:
        """Triples in a row; `UsageError` if they are none."""
        if len(numbers) % 3 or not numbers:
            raise UsageError(
                "A correction is a list of first voxel, count and label value; this is not. Save it again."
            )
        try:
            return cls(np.array(numbers, dtype=np.int64).reshape(-1, 3))
        except OverflowError as error:
            raise UsageError("A correction holds a number that no voxel has. Reload the page.") from error

    def applied(self, labels: LabelMap) -> LabelMap:
        """The label map with the new values.

        Raises
        ------
        UsageError
            If it names voxels outside the scan or values that the task does not know.
        """
        start, count, value = self.runs.T
        size = labels.array.size
        if (start < 0).any() or (count < 1).any() or (count > size).any() or (start > size - count).any():
            raise UsageError("The correction names voxels outside this scan. Reload the page and paint again.")
        if count.sum() > size:
            raise UsageError("The correction names voxels more than once. Reload the page and paint again.")
        known = {0, *(s.value for s in labels.task.structures)}
        strange = sorted(set(value.tolist()) - known)
        if strange:
            raise UsageError(f"The correction holds the label {strange[0]}, which {labels.task.name} does not know.")
        largest = max(int(value.max()), int(labels.array.max(initial=0)))
        array = labels.array.astype(np.uint8 if largest < 256 else np.uint16).ravel(order="F")
        for first, number, new in self.runs:
            array[first : first + number] = new
        return LabelMap(array.reshape(labels.shape, order="F"), labels.affine, labels.nifti_geometry, task=labels.task)


def save_correction(workspace: Workspace, case: str, base: str, correction: Correction) -> str:
    """Save a corrected version of a result beside it, and return the version's name.

    Raises
    ------
    OsteonError
        If the correction does not fit, or changes nothing.
    """
    paths = workspace.result(case, base)
    before = read_labels(paths.segmentation, workspace.task(paths))
    after = correction.applied(before)
    changes = _changes(before, after)
    if not changes:
        raise UsageError("Nothing was changed, so there is no new version to save.")
    origin = workspace.origin(paths)
    return _save(workspace, case, base, after, Origin(origin.task, "hand", base, (*origin.changes, *changes)))


def add_labels(workspace: Workspace, case: str, name: str, labels: LabelMap) -> None:
    """Save a label map from a file as a result of a case; it lies on the scan's grid.

    Raises
    ------
    UsageError, GeometryError
        If the name is taken, or the label map lies elsewhere.
    """
    usable_name(name)
    if workspace.paths.result(name, case).exists():
        raise UsageError(f"{case} already has a result named {name}. Choose another name.")
    read(workspace.scan(case)).grid.require_match(labels.grid, "The scan", "the label map")
    _write(workspace, case, name, labels, Origin(labels.task.name, "file", name))


def next_version(base: str, taken: list[str]) -> str:
    """Name of the next corrected version of a result."""
    match = VERSION.fullmatch(base)
    root = match["root"] if match else base
    numbers = [int(m["number"]) for m in (VERSION.fullmatch(name) for name in taken) if m and m["root"] == root]
    return usable_name(f"{root}-corrected-{max(numbers, default=0) + 1}")


def _save(workspace: Workspace, case: str, base: str, labels: LabelMap, origin: Origin) -> str:
    name = next_version(base, workspace.results(case))
    _write(workspace, case, name, labels, origin)
    return name


def _write(workspace: Workspace, case: str, name: str, labels: LabelMap, origin: Origin) -> None:
    task: Task = labels.task
    with folder_written_whole(workspace.paths.result(name, case)) as part:
        write(labels, CasePaths(part).segmentation)
        origin.write(part, task)


def _changes(before: LabelMap, after: LabelMap) -> list[dict[str, Any]]:
    """What each structure gained and lost, in the task's order."""
    changed = before.array != after.array
    old, new = before.array[changed], after.array[changed]
    when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    rows = []
    for structure in before.task.structures:
        added, removed = int((new == structure.value).sum()), int((old == structure.value).sum())
        if added or removed:
            rows.append(
                {
                    "when": when,
                    "structure": structure.name,
                    "added_voxels": added,
                    "removed_voxels": removed,
                    "added_cm3": added * before.voxel_volume_mm3 / 1000,
                    "removed_cm3": removed * before.voxel_volume_mm3 / 1000,
                }
            )
    return rows
