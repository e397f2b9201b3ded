"""The layouts of training data that can be imported, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from osteon.anatomy import Task
from osteon.cohort.bids import find_bids
from osteon.cohort.found import Found
from osteon.cohort.importing import Doing, import_found
from osteon.cohort.manifest import Cohort
from osteon.cohort.nnunet import find_nnunet
from osteon.cohort.pairs import find_pairs
from osteon.cohort.spider import find_spider
from osteon.cohort.split import adopt_folds
from osteon.cohort.workspace import find_workspace
from osteon.errors import CohortError, UsageError
from osteon.masks.overlay import OverlapRule

LAYOUTS = ("spider", "nnunet", "bids", "pairs", "workspace")

USUAL_TASK = {"workspace": "leg-bones"}
"""Task of a layout's masks if none is named; of other layouts ``lumbar-spine``."""


def usual_task(layout: str) -> Task:
    """Task of a layout's masks if the user names none."""
    return Task.load(USUAL_TASK.get(layout, "lumbar-spine"))


def find_cases(
    layout: str, source: Sequence[str | Path], task: Task, *, mapping: Mapping[int, int] | None = None
) -> Found:
    """What of a source would be imported, and as whose scan; nothing but names and tables is read.

    Parameters
    ----------
    layout : "spider", "nnunet", "bids", "pairs" or "workspace"
    source : sequence of path
        One folder; for ``pairs`` one or two.
    task : Task
    mapping : mapping of int to int, optional
        From the label maps' values to the task's, 0 for background.

    Raises
    ------
    UsageError
        If the layout is unknown.
    CohortError
        If the source has not that layout.
    """
    folders = [Path(folder) for folder in source]
    if layout not in LAYOUTS:
        raise UsageError(f"There is no layout {layout}. Known: {', '.join(LAYOUTS)}.")
    if layout == "pairs":
        return find_pairs(folders, mapping)
    if len(folders) != 1:
        raise UsageError(f"The layout {layout} is one folder; {len(folders)} were given.")
    if not folders[0].is_dir():
        raise CohortError(f"There is no folder {folders[0]}. Check the spelling.")
    if layout == "spider":
        return find_spider(folders[0], mapping)
    finders = {"nnunet": find_nnunet, "bids": find_bids, "workspace": find_workspace}
    return finders[layout](folders[0], task, mapping)


def import_cohort(
    layout: str,
    source: str | Path | Sequence[str | Path],
    cohort: str | Path,
    *,
    task: Task | None = None,
    mapping: Mapping[int, int] | None = None,
    overlap: OverlapRule = "background",
    doing: Doing | None = None,
) -> Cohort:
    """Bring training data of a known layout into a cohort folder; what cannot be used is dropped with its reason.

    The cohort holds copies; the source is not touched. A stopped import leaves a cohort of what was done, and the same
    import again redoes only what is missing or has changed.

    Parameters
    ----------
    layout : "spider", "nnunet", "bids", "pairs" or "workspace"
    source : path, or sequence of paths
        One folder; for ``pairs`` also two, scans first.
    cohort : path
        Folder to make; it is replaced only if it is a cohort already.
    task : Task, optional
        ``leg-bones`` for ``workspace`` and ``lumbar-spine`` otherwise.
    mapping : mapping of int to int, optional
        From the label maps' values to the task's, 0 for background.
    overlap : "background", "priority" or "nearest"
        Where binary masks overlap.
    doing : callable, optional
        Told how many cases are done, and which comes next.

    Raises
    ------
    UsageError
        If the layout or the overlap rule is unknown.
    CohortError
        If ``source`` has not that layout, nothing in it can be used, or ``cohort`` is some other folder.
    """
    folders = [Path(source)] if isinstance(source, str | Path) else [Path(folder) for folder in source]
    task = task or usual_task(layout)
    if overlap not in get_args(OverlapRule):
        raise UsageError(f"There is no overlap rule {overlap}. Known: {', '.join(get_args(OverlapRule))}.")
    found = find_cases(layout, folders, task, mapping=mapping)
    made = import_found(found, folders[0], Path(cohort), task, overlap=overlap, doing=doing)
    return adopt_folds(made, found.folds) if found.folds else made
