"""The leg study's own base directory, in its raw form and in its processed form.

Raw: ``Raw DICOM MRI Scans/6_AutoBindWATER_650_9B/`` with ``Raw NIFITI Segmentation Masks (3D Slicer
Output)/6_RR_fibula_9B.nii``: number and code name the subject, ``R`` or ``L`` the side. Processed: ``nnUNet
Data/scans`` and ``multiclass_masks/msk_006.nii.gz``, or binary masks in ``nnUNet Data/masks/TIBIA`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from osteon.anatomy import Task
from osteon.cohort.found import Found, FoundCase, images_in, stem_of
from osteon.cohort.naming import Side, side_in, structure_named, words_of
from osteon.cohort.participants import Participants, read_participants
from osteon.errors import CohortError
from osteon.io.formats import holds_dicom

RAW_SCANS = "Raw DICOM MRI Scans"
RAW_MASKS = "Raw NIFITI Segmentation Masks (3D Slicer Output)"
PROCESSED = "nnUNet Data"

MULTICLASS = {1: "tibia", 2: "femur", 3: "fibula", 4: "pelvis"}
"""Label values of the study's multi-class masks."""

RAW_NAME = re.compile(r"^(?P<number>\d+)_(?P<middle>.+)_(?P<code>[0-9A-Za-z]+)$")
COPY = re.compile(r"_aug\d+$")


@dataclass(frozen=True)
class _RawMask:
    number: int
    code: str
    structure: str
    path: Path


def find_workspace(source: Path, task: Task, mapping: Mapping[int, int] | None = None) -> Found:
    """Cases of the study's base directory; of a subject in both forms the raw one is taken, which knows place and side.

    Raises
    ------
    CohortError
        If neither form is there.
    """
    raw = (source / RAW_SCANS).is_dir() and (source / RAW_MASKS).is_dir()
    processed = (source / PROCESSED / "scans").is_dir()
    if not raw and not processed:
        raise CohortError(
            f"{source} is not the study's base directory: it has neither {RAW_SCANS}/ with {RAW_MASKS}/ nor "
            f"{PROCESSED}/scans/."
        )
    found = Found("workspace", [])
    participants = read_participants([source])
    masks = _raw_masks(source, task, found) if raw else []
    if raw:
        _find_raw(source, masks, participants, found)
    if processed:
        _find_processed(source, task, mapping, masks, participants, found)
    return found


def _raw_masks(source: Path, task: Task, found: Found) -> list[_RawMask]:
    masks = []
    for path in images_in(source / RAW_MASKS):
        place, parts = f"{RAW_MASKS}/{path.name}", RAW_NAME.match(stem_of(path))
        if parts is None:
            found.drop(place, "its name is not NUMBER_SIDE_BONE_CODE, as in 6_RR_fibula_9B.nii")
            continue
        meant = structure_named(task, parts["middle"])
        if meant.structure is None:
            found.drop(place, f"{parts['middle']} names no structure of the task {task.name}, or no clear side")
            continue
        if meant.side_assumed:
            found.notes.append(f"{path.name} names no side, so it is taken for the right one. Check it.")
        masks.append(_RawMask(int(parts["number"]), parts["code"].upper(), meant.structure, path))
    return masks


def _find_raw(source: Path, masks: list[_RawMask], participants: Participants, found: Found) -> None:
    used: set[Path] = set()
    folder = source / RAW_SCANS
    scans = [p for p in sorted(folder.iterdir()) if p.is_dir() and holds_dicom(p, below=True)] + images_in(folder)
    for scan in scans:
        place, parts = f"{RAW_SCANS}/{scan.name}", RAW_NAME.match(stem_of(scan))
        if parts is None:
            found.drop(place, "its name is not NUMBER_SEQUENCE_CODE, as in 6_AutoBindWATER_650_9B")
            continue
        number, code = int(parts["number"]), parts["code"].upper()
        own = [mask for mask in masks if mask.code == code and mask.number == number]
        if not own:
            found.drop(place, f"there is no mask of number {number} and code {code} in {RAW_MASKS}")
            continue
        used |= {mask.path for mask in own}
        row = participants.of(scan.name)
        found.cases.append(
            FoundCase(
                name=stem_of(scan),
                subject=row.subject or f"{number}_{code}",
                group=row.source or source.name,
                sequence=row.sequence or parts["middle"],
                image=scan,
                place=place,
                masks=tuple((mask.structure, mask.path) for mask in own),
                annotated=row.annotated,
                age_years=row.age_years,
            )
        )
    for mask in (m for m in masks if m.path not in used):
        found.drop(f"{RAW_MASKS}/{mask.path.name}", f"there is no scan of number {mask.number} and code {mask.code}")


def _find_processed(
    source: Path,
    task: Task,
    mapping: Mapping[int, int] | None,
    raw_masks: list[_RawMask],
    participants: Participants,
    found: Found,
) -> None:
    """Scans ``msk_006``; those of a subject whose raw form was found are passed over."""
    taken = {int(case.subject.split("_")[0]): case for case in found.cases if case.subject.split("_")[0].isdigit()}
    codes = {mask.number: mask.code for mask in raw_masks}
    multiclass = source / PROCESSED / "multiclass_masks"
    whole = {stem_of(path): path for path in (images_in(multiclass) if multiclass.is_dir() else [])}
    binary = _binary_masks(source, task)
    for scan in images_in(source / PROCESSED / "scans"):
        name, place = stem_of(scan), f"{PROCESSED}/scans/{scan.name}"
        number = next((int(n) for n in re.findall(r"\d+", COPY.sub("", name))), None)
        if COPY.search(name):
            found.drop(place, "it is an augmented copy; Osteon augments while it trains")
        elif number is None:
            found.drop(place, "its name holds no number, as msk_006.nii.gz does")
        elif number in taken:
            found.notes.append(f"{scan.name} was passed over: {taken[number].name} is the same subject's raw scan.")
        elif name not in whole and number not in binary:
            found.drop(place, f"there is no multiclass_masks/{scan.name} and no mask of number {number} in masks/")
        else:
            row = participants.of(scan.name)
            sides: set[str] = {task.by_name(m.structure).side for m in raw_masks if m.number == number}
            sides |= {task.by_name(structure).side for structure, _ in binary.get(number, [])}
            labels = whole.get(name)
            found.cases.append(
                FoundCase(
                    name=name,
                    subject=row.subject or (f"{number}_{codes[number]}" if number in codes else str(number)),
                    group=row.source or source.name,
                    sequence=row.sequence or "processed",
                    image=scan,
                    place=place,
                    labels=labels,
                    masks=() if labels else tuple(binary[number]),
                    mapping=(mapping if mapping is not None else _mapping(task, sides, name, found))
                    if labels
                    else None,
                    annotated=row.annotated,
                    age_years=row.age_years,
                )
            )


def _mapping(task: Task, sides: set[str], name: str, found: Found) -> dict[int, int]:
    """The study's values to the task's, of the side that the subject's binary masks name."""
    side: Side = "left" if sides == {"left"} else "right"
    if len(sides) != 1:
        found.notes.append(f"{name}: nothing names one side, so its masks are taken for the right one's. Check it.")
    values = {0: 0}
    for value, bone in MULTICLASS.items():
        meant = structure_named(task, f"{bone} {side}").structure
        if meant is None:
            raise CohortError(f"The task {task.name} knows no {bone}; the study's masks need the task leg-bones.")
        values[value] = task.by_name(meant).value
    return values


def _binary_masks(source: Path, task: Task) -> dict[int, list[tuple[str, Path]]]:
    """Masks of ``nnUNet Data/masks/BONE/`` by number; their side as their names say it."""
    folder = source / PROCESSED / "masks"
    found: dict[int, list[tuple[str, Path]]] = {}
    bones = [p for p in sorted(folder.iterdir()) if p.is_dir()] if folder.is_dir() else []
    for path in (path for bone in bones for path in images_in(bone)):
        number = next((int(n) for n in re.findall(r"\d+", stem_of(path))), None)
        side = side_in(words_of(stem_of(path)))
        meant = structure_named(task, f"{path.parent.name} {side or ''}")
        if number is not None and meant.structure is not None and not COPY.search(stem_of(path)):
            found.setdefault(number, []).append((meant.structure, path))
    return found
