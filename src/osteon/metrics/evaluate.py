"""Agreement of label maps on disk with reference label maps, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from osteon.anatomy import Task
from osteon.errors import UsageError
from osteon.io import read_labels
from osteon.io.whole import written_whole
from osteon.metrics.agreement import COLUMNS, agreement
from osteon.metrics.cases import find_cases
from osteon.metrics.summary import NO_PREDICTION, NO_REFERENCE

_SHOWN = 3  # case names in an error


def evaluate(
    predicted: Path, reference: Path, *, task: Task, out: Path | None = None, structures: Sequence[str] | None = None
) -> pd.DataFrame:
    """Compare predicted with reference label maps: two files, or folders matched by case name.

    A case is a file ``NAME.nii.gz`` (or .nii, .mha, .mhd, .nrrd, .nhdr) or a folder ``NAME`` that holds
    ``segmentation.nii.gz``. Two files are one case whatever their names are; it is called after the reference.

    Parameters
    ----------
    predicted, reference : Path
        Label maps on the same grid, case by case.
    task : Task
        Gives the label values their meaning.
    out : Path, optional
        CSV file to write the table to, whole or not at all.
    structures : sequence of str, optional
        Structures or groups to compare; else all of the task.

    Returns
    -------
    DataFrame
        ``case`` and the columns of `osteon.metrics.agreement`, one row a case and structure. A case without partner
        has one row with no structure and the status ``no prediction`` or ``no reference``.

    Raises
    ------
    UsageError
        If no case has a partner.
    ReadError, GeometryError, TaskError
        If a file cannot be read, lies on another grid than its partner, or holds labels that the task does not know.
    """
    ours, theirs = _paired(predicted, reference)
    parts = []
    for case in sorted({*ours, *theirs}):
        if case in ours and case in theirs:
            part = _compare(ours[case], theirs[case], task, structures)
        else:
            status = NO_REFERENCE if case in ours else NO_PREDICTION
            part = pd.DataFrame([{"structure": "", "status": status}], columns=list(COLUMNS))
        part.insert(0, "case", case)
        parts.append(part)
    # a column that is all NaN in one part must not decide the type of the whole
    table = pd.concat([p.astype(object) for p in parts], ignore_index=True).infer_objects()
    if out is not None:
        with written_whole(out) as file:
            table.to_csv(file, index=False, float_format="%.4f")
    return table


def _paired(predicted: Path, reference: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    ours, theirs = find_cases(predicted), find_cases(reference)
    if predicted.is_file() and reference.is_file():
        return dict(zip(theirs, ours.values(), strict=True)), theirs
    if not set(ours) & set(theirs):
        raise UsageError(
            f"No case of {predicted} has the name of a case of {reference}: {_named(ours)} against {_named(theirs)}. "
            "Name the files alike; the ending does not matter."
        )
    return ours, theirs


def _compare(predicted: Path, reference: Path, task: Task, structures: Sequence[str] | None) -> pd.DataFrame:
    ours, theirs = read_labels(predicted, task), read_labels(reference, task)
    ours.grid.require_match(theirs.grid, str(predicted), str(reference))
    return agreement(ours, theirs, structures)


def _named(cases: dict[str, Path]) -> str:
    more = len(cases) - _SHOWN
    return ", ".join(list(cases)[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
