"""nnU-Net's raw data, version 2: ``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz``, ``dataset.json``.

Isensee et al. 2021, doi 10.1038/s41592-020-01008-z; the format as nnunetv2's documentation describes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from osteon.anatomy import Task
from osteon.cohort.found import Found, FoundCase, images_in, stem_of
from osteon.cohort.naming import BACKGROUND, label_mapping
from osteon.cohort.participants import TABLE, Participants, read_participants
from osteon.errors import CohortError

PARTS = (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"))
DATASET = "dataset.json"
SPLITS = "splits_final.json"

CHANNEL = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")


def find_nnunet(source: Path, task: Task, mapping: Mapping[int, int] | None = None) -> Found:
    """Cases of a raw dataset of nnU-Net (version 2); each channel becomes a case of its own.

    Label values are mapped by the names in ``dataset.json``. A ``participants.tsv`` (``file`` is an image's or a case's
    name) says which cases belong to one subject; without it every case is a subject. A ``splits_final.json`` beside
    ``dataset.json`` is taken over as folds.

    Parameters
    ----------
    source : Path
        A folder ``Dataset001_Name``.
    task : Task
    mapping : mapping of int to int, optional
        From the labels' values to the task's, instead of the names.

    Raises
    ------
    CohortError
        If ``source`` is no such dataset, or its labels are not the task's.
    """
    document = _json(source / DATASET, dict, "nnU-Net's raw data have a dataset.json beside imagesTr/ and labelsTr/")
    found = Found("nnunet", [])
    mapping = mapping if mapping is not None else _mapping(document, task, source, found)
    participants = read_participants([source])
    channels = _channels(document)
    for images, labels in PARTS:
        _find_part(source, images, labels, channels, participants, mapping, found)
    if not found.cases:
        raise CohortError(f"{source} holds no pair of imagesTr/CASE_0000.nii.gz and labelsTr/CASE.nii.gz.")
    if not participants.given:
        found.notes.append(
            f"There is no {TABLE}: every case counts as a subject of its own. If a person has several, write the table "
            "(columns file and subject) and import again."
        )
    found.folds = _folds(source, found)
    return found


def _find_part(
    source: Path,
    images: str,
    labels: str,
    channels: dict[int, str],
    participants: Participants,
    mapping: Mapping[int, int],
    found: Found,
) -> None:
    if not (source / images).is_dir():
        return
    known = {stem_of(path): path for path in (images_in(source / labels) if (source / labels).is_dir() else [])}
    used = set()
    for image in images_in(source / images):
        place = f"{images}/{image.name}"
        parts = CHANNEL.match(stem_of(image))
        if parts is None:
            found.drop(place, "its name does not end in a channel, as in CASE_0000.nii.gz")
            continue
        case, channel = parts["case"], int(parts["channel"])
        if case not in known:
            found.drop(place, f"there is no {labels}/{case}")
            continue
        used.add(case)
        name = case if len(channels) == 1 else f"{case}_{channel:04d}"
        row = participants.of(image.name)
        row = row if row.subject else participants.of(case)
        found.cases.append(
            FoundCase(
                name=name,
                subject=row.subject or case,
                group=row.source or source.name,
                sequence=row.sequence or channels.get(channel, "unknown"),
                image=image,
                place=place,
                labels=known[case],
                mapping=mapping,
                annotated=row.annotated,
                age_years=row.age_years,
            )
        )
    for case in sorted(set(known) - used):
        found.drop(f"{labels}/{known[case].name}", f"there is no {images}/{case}_0000")


def _mapping(document: dict[str, Any], task: Task, source: Path, found: Found) -> dict[int, int]:
    table = document.get("labels")
    if not isinstance(table, dict) or not table:
        raise CohortError(f"{source / DATASET} has no table of labels (names to values).")
    names: dict[int, str] = {}
    for name, value in table.items():
        # version 1 had values to names; regions are lists of values, of which only single ones name a label
        name, value = (value, name) if isinstance(value, str) and str(name).isdigit() else (name, value)
        values = value if isinstance(value, list) else [value]
        if len(values) == 1 and str(values[0]).isdigit():
            names[int(values[0])] = str(name)
            if str(name).lower() in BACKGROUND[1:]:
                found.notes.append(f"Voxels that the dataset ignores (label {name}) become background.")
    mapping, unknown, assumed = label_mapping(task, names)
    if unknown:
        raise CohortError(
            f"{source / DATASET} names {', '.join(unknown)}, which the task {task.name} does not know "
            f"({', '.join(s.name for s in task.structures)}). Choose the task with --task, or say what each value "
            "means with --map VALUE=STRUCTURE."
        )
    if assumed:
        found.notes.append(f"{', '.join(assumed)}: no side is named, so it is taken for the right one. Check it.")
    return mapping


def _channels(document: dict[str, Any]) -> dict[int, str]:
    table = document.get("channel_names") or document.get("modality") or {}
    pairs = table.items() if isinstance(table, dict) else []
    return {int(number): str(name) for number, name in pairs if str(number).isdigit()} or {0: "unknown"}


def _folds(source: Path, found: Found) -> list[tuple[list[str], list[str]]]:
    """Folds of ``splits_final.json`` with the names that the cases got."""
    if not (source / SPLITS).is_file():
        return []
    folds = _json(source / SPLITS, list, "a list of folds, each with train and val")
    names: dict[str, list[str]] = {}
    for case in found.cases:
        for known in {case.name, stem_of(case.image)[: -len("_0000")]}:
            names.setdefault(known, []).append(case.name)
    made = []
    for fold in folds:
        if not isinstance(fold, dict) or not all(isinstance(fold.get(side), list) for side in ("train", "val")):
            raise CohortError(f"{source / SPLITS} is not a list of folds, each with train and val.")
        train, validation = (
            [name for case in fold[side] for name in names.get(str(case), [])] for side in ("train", "val")
        )
        made.append((train, validation))
    return made


def _json(path: Path, kind: type, expected: str) -> Any:
    if not path.is_file():
        raise CohortError(f"There is no {path}: {expected}.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CohortError(f"{path} is damaged: it is no JSON. Copy it again.") from error
    if not isinstance(document, kind):
        raise CohortError(f"{path} cannot be used; expected: {expected}.")
    return document
