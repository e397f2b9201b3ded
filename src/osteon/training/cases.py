"""Cases prepared once for a training, in files that are read where they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.cohort import Case, Cohort
from osteon.preprocessing import working_labels, working_volume
from osteon.training.config import TrainingConfig
from osteon.training.targets import IGNORE, targets
from osteon.volume import Volume


@dataclass(frozen=True)
class PreparedCase:
    """A case as the network sees it.

    Parameters
    ----------
    case : Case
    task : Task
    working : Volume
        (slice, row, column), float32.
    target : (slice, row, column) uint8 ndarray
    annotated : (class,) bool ndarray
        Whether each class, background first, was annotated in this case.
    """

    case: Case
    task: Task
    working: Volume
    target: NDArray[np.uint8]
    annotated: NDArray[np.bool_]

    @property
    def labelled_slices(self) -> NDArray[np.int_]:
        """Slices in which something is annotated."""
        held = ((self.target > 0) & (self.target != IGNORE)).any(axis=(1, 2))
        return np.flatnonzero(held)


def prepare_cases(
    cohort: Cohort, cases: Sequence[Case], config: TrainingConfig, scratch: Path, said: Callable[[str], None]
) -> list[PreparedCase]:
    """Read and prepare cases; those in which none of the classes was annotated are left out, and that is said.

    Their arrays lie in files of the folder ``scratch``, of which the system keeps in memory what it has room for: a
    training takes no more memory with a large cohort than with a small one.
    """
    prepared = []
    for case in cases:
        annotated = annotated_classes(case, cohort.task, config)
        if not annotated[1:].any():
            said(f"{case.name} is left out: none of {', '.join(config.classes)} was annotated in it.")
            continue
        working = working_volume(cohort.scan(case), config.preprocessing)
        target = targets(working_labels(cohort.labels(case), working), config.classes)
        if not config.loss.partial_labels:
            annotated[:] = True
        working = replace(working, array=_on_disk(working.array, scratch))
        prepared.append(PreparedCase(case, cohort.task, working, _on_disk(target, scratch), annotated))
    return prepared


def _on_disk(array: NDArray[Any], folder: Path) -> NDArray[Any]:
    """An array of the same values that lies in a new file of a folder and is read when it is looked at."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(file, array)
    mapped: NDArray[Any] = np.load(file, mmap_mode="c")  # writable, as torch wants it, but never written back
    return mapped


def annotated_classes(case: Case, task: Task, config: TrainingConfig) -> NDArray[np.bool_]:
    """Whether each class, background first, was annotated in a case; a group was if one of its structures was."""
    class_of_value = task.class_of_value(config.classes)
    found = {class_of_value.get(task.by_name(name).value, 0) for name in case.annotated}
    return np.isin(np.arange(len(config.classes) + 1), [0, *found])
