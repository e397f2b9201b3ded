"""A cohort as nnU-Net's raw data, version 2, with its folds by subject."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from osteon.anatomy import Task
from osteon.cohort.manifest import Case, Cohort
from osteon.cohort.nnunet import DATASET, SPLITS
from osteon.cohort.participants import TABLE
from osteon.cohort.split import Split, split
from osteon.errors import UsageError
from osteon.io import write
from osteon.io.formats import smallest_unsigned
from osteon.io.whole import folder_written_whole
from osteon.volume import Volume

DATASET_NAME = re.compile(r"^Dataset\d{3}_[A-Za-z0-9_-]+$")
USUAL_FOLDS = 5


def export_nnunet(
    cohort: Cohort, folder: str | Path, *, folds: Split | None = None, seed: int = 0, classes: Sequence[str] = ()
) -> Path:
    """Write a cohort as a raw dataset of nnU-Net, which `import_cohort` reads back.

    Label values become 1, 2, 3 ... in the task's order, as nnU-Net wants them, with their names in ``dataset.json``.
    ``splits_final.json`` holds the folds, made of subjects; nnU-Net looks for it in its folder of preprocessed data.
    Test subjects of a split go to ``imagesTs`` and ``labelsTs``. ``participants.tsv`` keeps what nnU-Net has no place
    for: subjects, groups, sequences, ages, and what was annotated.

    Parameters
    ----------
    cohort : Cohort
    folder : path
        To make; named as nnU-Net wants it, such as ``Dataset001_Legs``.
    folds : Split, optional
        Of this cohort; if missing, five folds (or as many as there are subjects) are made with ``seed``.
    seed : int
    classes : sequence of str
        Structures or groups of the task, which become the values 1, 2, 3 ... instead of every structure's own.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UsageError
        If the folder's name is not nnU-Net's, or it exists and is not empty.
    CohortError
        If the cohort has fewer than two subjects.
    """
    folder = Path(folder)
    if not DATASET_NAME.match(folder.name):
        raise UsageError(f"nnU-Net wants a folder named like Dataset001_Legs; {folder.name} is none.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder; it is left as it is. Choose another place.")
    folds = folds or split(cohort, kind="k-fold", folds=min(USUAL_FOLDS, len(cohort.subjects)), seed=seed)
    held_out = set(folds.folds[0].test) if folds.kind == "holdout" else set()
    present = {name for case in cohort.cases for name in case.annotated}
    names = list(classes) or [s.name for s in cohort.task.structures if s.name in present]
    values = cohort.task.class_of_value(names)
    with folder_written_whole(folder) as part:
        for case in cohort.cases:
            _write_case(cohort, case, part, values, test=case.subject in held_out)
        training = sum(case.subject not in held_out for case in cohort.cases)
        _write_json(part / DATASET, _document(cohort.task, names, training, folder.name))
        _write_json(part / SPLITS, _folds(cohort, folds))
        (part / TABLE).write_text(_table(cohort), encoding="utf-8")
    return folder


def _write_case(cohort: Cohort, case: Case, part: Path, values: Mapping[int, int], *, test: bool) -> None:
    images, labels = (part / f"{kind}{'Ts' if test else 'Tr'}" for kind in ("images", "labels"))
    images.mkdir(exist_ok=True)
    shutil.copyfile(cohort.folder / case.image, images / f"{case.name}_0000.nii.gz")
    label_map = cohort.labels(case)
    highest = max(structure.value for structure in cohort.task.structures)
    table = np.zeros(highest + 1, dtype=smallest_unsigned(max(values.values())))
    for value, number in values.items():
        table[value] = number
    write(Volume(table[label_map.array], label_map.affine, label_map.nifti_geometry), labels / f"{case.name}.nii.gz")


def _document(task: Task, names: Sequence[str], training: int, name: str) -> dict[str, Any]:
    return {
        # one channel for all sequences: nnU-Net normalises each scan by itself unless a channel is named CT
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, **{label: number for number, label in enumerate(names, start=1)}},
        "numTraining": training,
        "file_ending": ".nii.gz",
        "name": name,
        "description": task.title,
    }


def _folds(cohort: Cohort, folds: Split) -> list[dict[str, list[str]]]:
    """Names of the cases on each side; the tested subjects of a k-fold split are nnU-Net's validation."""

    def names(subjects: tuple[str, ...]) -> list[str]:
        return sorted(case.name for case in cohort.of_subjects(subjects))

    if folds.kind == "holdout":
        return [{"train": names(f.train), "val": names(f.validation)} for f in folds.folds]
    return [{"train": names(f.train), "val": names(f.test + f.validation)} for f in folds.folds]


def _table(cohort: Cohort) -> str:
    rows = [["file", "subject", "source", "sequence", "age", "annotated"]]
    for c in cohort.cases:
        age = "" if c.age_years is None else f"{c.age_years:g}"
        rows.append([f"{c.name}_0000.nii.gz", c.subject, c.group, c.sequence, age, ",".join(c.annotated)])
    return "".join("\t".join(row) + "\n" for row in rows)


def _write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
