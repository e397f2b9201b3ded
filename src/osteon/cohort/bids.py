"""BIDS with derivatives: ``sub-01/anat/sub-01_T1w.nii.gz`` and ``derivatives/NAME/sub-01/anat/sub-01_dseg.nii.gz``.

The Brain Imaging Data Structure 1.x, its entities and its image segmentations: bids-specification.readthedocs.io.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osteon.anatomy import Task
from osteon.cohort.found import Found, FoundCase, images_in, stem_of
from osteon.cohort.naming import SIDE_WORDS, label_mapping, structure_named
from osteon.cohort.participants import TABLE, Participant, participant, table_rows
from osteon.errors import CohortError

DISCRETE = ("dseg", "seg", "dlabel")
BINARY = ("mask", "roi")
SUFFIXES = (".nii.gz", ".nii")

OF_DERIVATIVES = ("space", "desc", "label", "hemi", "res", "den", "seg", "atlas")
"""Entities that a mask has beside those of its image."""


@dataclass(frozen=True)
class _Named:
    """A file of the data set: its entities (``sub-01`` is ``sub: 01``) and its suffix."""

    path: Path
    entities: Mapping[str, str]
    suffix: str
    further: tuple[str, ...] = field(default=())  # suffixes before the last, as in sub-01_T1w_label-femur_mask

    @property
    def source(self) -> dict[str, str]:
        return {key: value for key, value in self.entities.items() if key not in OF_DERIVATIVES}


def find_bids(source: Path, task: Task, mapping: Mapping[int, int] | None = None) -> Found:
    """Scans of a BIDS data set with the segmentations of its derivatives.

    A segmentation belongs to the scan of the same entities (``sub``, ``ses``, ``acq``, ``run`` ...), and of the same
    suffix where it names one. ``*_dseg`` is a label map, whose values are named by the ``.tsv`` beside it (columns
    ``index`` and ``name``) or are the task's own; ``*_label-NAME[_hemi-R]_mask`` is a binary mask.
    ``participants.tsv`` gives ages, and ``group`` or ``site``.

    Raises
    ------
    CohortError
        If ``source`` is no BIDS data set with derivatives.
    """
    scans = [named for named in _named(source) if named.suffix not in (*DISCRETE, *BINARY)]
    masks = [named for root in _derivatives(source) for named in _named(root)]
    masks = [named for named in masks if named.suffix in (*DISCRETE, *BINARY)]
    if not scans:
        raise CohortError(f"{source} holds no scan such as sub-01/anat/sub-01_T1w.nii.gz; it is no BIDS data set.")
    if not masks:
        raise CohortError(f"{source} holds no segmentation such as derivatives/NAME/sub-01/anat/sub-01_dseg.nii.gz.")
    people = _people(source)
    found = Found("bids", [])
    belonging: dict[Path, list[_Named]] = {scan.path: [] for scan in scans}
    for mask in masks:
        matching = [scan for scan in scans if _belongs(mask, scan)]
        if len(matching) == 1:
            belonging[matching[0].path].append(mask)
        else:
            names = ", ".join(scan.path.name for scan in matching)
            reason = f"it may belong to {names}: name its suffix" if matching else "there is no scan of its entities"
            found.drop(_place(mask.path, source), reason)
    for scan in scans:
        _add(found, scan, belonging[scan.path], people, source, task, mapping)
    return found


def _named(root: Path) -> list[_Named]:
    found = []
    for subject in sorted(root.glob("sub-*")):
        folders = [subject, *(p for p in sorted(subject.rglob("*")) if p.is_dir())] if subject.is_dir() else []
        for path in (path for folder in folders for path in images_in(folder, SUFFIXES)):
            parts = stem_of(path).split("_")
            entities = dict(part.split("-", 1) for part in parts if "-" in part)
            plain = [part for part in parts if "-" not in part]
            if "sub" in entities and plain:
                found.append(_Named(path, entities, plain[-1], tuple(plain[:-1])))
    return found


def _derivatives(source: Path) -> list[Path]:
    """Every folder of derivatives that holds subjects, and the data set itself: some keep masks beside the scans."""
    folder = source / "derivatives"
    return [source, folder, *(p for p in sorted(folder.iterdir()) if p.is_dir())] if folder.is_dir() else [source]


def _belongs(mask: _Named, scan: _Named) -> bool:
    return mask.source == dict(scan.entities) and (not mask.further or scan.suffix in mask.further)


def _add(
    found: Found,
    scan: _Named,
    masks: list[_Named],
    people: dict[str, Participant],
    source: Path,
    task: Task,
    mapping: Mapping[int, int] | None,
) -> None:
    place = _place(scan.path, source)
    maps = [mask for mask in masks if mask.suffix in DISCRETE]
    binary = [] if maps else _structures(found, [mask for mask in masks if mask.suffix in BINARY], source, task)
    if not maps and not binary:
        found.drop(place, "there is no segmentation of it among the derivatives")
        return
    for further in maps[1:]:
        found.drop(_place(further.path, source), f"{scan.path.name} has another label map already, {maps[0].path.name}")
    row = people.get(scan.entities["sub"], Participant())
    found.cases.append(
        FoundCase(
            name=stem_of(scan.path),
            subject=scan.entities["sub"],
            group=row.source or source.name,
            sequence=scan.suffix,
            image=scan.path,
            place=place,
            labels=maps[0].path if maps else None,
            masks=tuple(binary),
            mapping=(mapping if mapping is not None else _table(maps[0].path, source, task, found)) if maps else None,
            annotated=row.annotated,
            age_years=row.age_years,
        )
    )


def _structures(found: Found, masks: list[_Named], source: Path, task: Task) -> list[tuple[str, Path]]:
    """Binary masks by the structure that their label and hemisphere name."""
    named = []
    for mask in masks:
        side = SIDE_WORDS.get(mask.entities.get("hemi", "").lower(), "")
        text = f"{mask.entities.get('label') or mask.entities.get('desc', '')} {side}"
        meant = structure_named(task, text)
        if meant.structure is None:
            found.drop(_place(mask.path, source), f"the task {task.name} knows no structure named {text.strip()}")
            continue
        if meant.side_assumed:
            found.notes.append(f"{mask.path.name} names no side, so it is taken for the right one. Check it.")
        named.append((meant.structure, mask.path))
    return named


def _table(labels: Path, source: Path, task: Task, found: Found) -> dict[int, int] | None:
    """Mapping of a label map's own table, of the one of its derivative, or None where there is neither."""
    beside = labels.with_name(f"{stem_of(labels)}.tsv")
    roots = [parent for parent in labels.parents if parent == source or source in parent.parents]
    common = [root / f"{suffix}.tsv" for root in roots for suffix in DISCRETE]
    common += [path for root in roots for path in sorted(root.glob("*_dseg.tsv")) if not re.search(r"sub-", path.name)]
    path = next((candidate for candidate in (beside, *common) if candidate.is_file()), None)
    if path is None:
        return None
    rows = table_rows(path, ("index", "name"))
    names = {int(row["index"]): row["name"] for row in rows if row["index"].isdigit()}
    mapping, unknown, assumed = label_mapping(task, names)
    for name in unknown:
        found.notes.append(f"{path.name}: {name} is unknown to {task.name}; cases that hold it are dropped.")
    for name in assumed:
        found.notes.append(f"{path.name}: {name} names no side, so it is taken for the right one. Check it.")
    found.notes = list(dict.fromkeys(found.notes))
    return mapping


def _people(source: Path) -> dict[str, Participant]:
    path = source / TABLE
    if not path.is_file():
        return {}
    rows = table_rows(path, ("participant_id",))
    return {
        (who := row["participant_id"].removeprefix("sub-")): participant(
            {**row, "source": row.get("site") or row.get("group", ""), "sequence": ""}, who, path
        )
        for row in rows
    }


def _place(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix()
