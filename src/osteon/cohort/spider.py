"""Import the SPIDER layout: ``images/N_t1.mha``, ``N_t2.mha``, ``N_t2_SPACE.mha`` and ``masks/`` alike.

SPIDER: van der Graaf et al. 2024, doi 10.1038/s41597-024-03090-w.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from osteon.anatomy import Task
from osteon.cohort.manifest import Case, Cohort, Dropped, Manifest, voxels_sha256, write_manifest
from osteon.errors import CohortError, OsteonError
from osteon.io import read, read_labels, write
from osteon.io.whole import folder_written_whole
from osteon.volume import LabelMap, Volume

BODY_MM = (20.0, 2300.0)
"""Shortest and longest edge, in mm, that a scan of a body can have."""

THICKEST_SLICE_MM = 15.0


@dataclass(frozen=True)
class _Participant:
    subject: str
    group: str
    sequence: str


def import_spider(source: str | Path, cohort: str | Path, *, task: Task | None = None) -> Cohort:
    """Bring a folder in the SPIDER layout into a cohort, dropping what cannot be used, with its reason.

    A ``participants.tsv`` in ``source`` or beside the images (columns ``file`` and ``subject``, and if present
    ``source`` and ``sequence``) says which files belong to one subject and wins over file names, by which the number
    before the first underscore is the subject.

    Parameters
    ----------
    source : path
        Holds ``images/`` and ``masks/``.
    cohort : path
        Folder to make; it is replaced only if it is a cohort already.
    task : Task, optional
        ``lumbar-spine`` by default.

    Raises
    ------
    CohortError
        If ``source`` has not that layout, nothing in it can be used, or ``cohort`` is some other folder.
    """
    source, cohort = Path(source), Path(cohort)
    task = task or Task.load("lumbar-spine")
    images, masks = _files(source, "images"), _files(source, "masks")
    foreign = any(cohort.iterdir()) and not (cohort / "cohort.json").is_file() if cohort.is_dir() else cohort.exists()
    if foreign:
        raise CohortError(f"{cohort} exists and is not a cohort; it is left as it is. Choose another folder.")
    participants, notes = _participants(source, images)
    dropped = [Dropped(file=f"images/{n}", reason="there is no mask of this name") for n in images if n not in masks]
    dropped += [Dropped(file=f"masks/{n}", reason="there is no image of this name") for n in masks if n not in images]
    cases: list[Case] = []
    seen: dict[str, str] = {}
    with folder_written_whole(cohort) as part:
        for name in sorted(set(images) & set(masks)):
            try:
                scan, labels = _checked(images[name], masks[name], task)
            except OsteonError as error:
                dropped.append(Dropped(file=f"images/{name}", reason=str(error)))
                continue
            digest = voxels_sha256(scan.array)
            if digest in seen:
                dropped.append(Dropped(file=f"images/{name}", reason=f"it has the same voxels as {seen[digest]}"))
                continue
            seen[digest] = name
            cases.append(_write_case(part, name, scan, labels, participants[name], digest))
        if not cases:
            reasons = "; ".join(f"{d.file}: {d.reason}" for d in dropped[:3])
            raise CohortError(f"Nothing in {source} can be used ({reasons}).")
        manifest = Manifest(
            task=task.name, layout="spider", cases=tuple(cases), dropped=tuple(dropped), notes=tuple(notes)
        )
        write_manifest(part, manifest)
        task.write_beside(part)
    return Cohort(cohort, manifest, task)


def _files(source: Path, folder: str) -> dict[str, Path]:
    if not (source / folder).is_dir():
        raise CohortError(f"{source} has no folder {folder}/; the SPIDER layout is images/N_t1.mha and masks/N_t1.mha.")
    files = sorted(p for p in (source / folder).iterdir() if p.suffix in (".mha", ".mhd"))
    if not files:
        raise CohortError(
            f"{source / folder} holds no .mha file; the SPIDER layout is images/N_t1.mha and masks/N_t1.mha."
        )
    return {path.name: path for path in files}


def _participants(source: Path, images: dict[str, Path]) -> tuple[dict[str, _Participant], list[str]]:
    """Subject, group and sequence of every image, and notes on those that the table does not name."""
    table: dict[str, dict[str, str]] = {}
    tables = [p for p in (source / "participants.tsv", source / "images" / "participants.tsv") if p.is_file()]
    for path in tables:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, delimiter="\t")
            if not {"file", "subject"} <= set(rows.fieldnames or ()):
                raise CohortError(f"{path} must have the columns file and subject, separated by tabs.")
            for row in rows:
                if row["file"] in table and row["subject"] != table[row["file"]]["subject"]:
                    before = "" if len(tables) == 1 else f" (see also {tables[0]})"
                    raise CohortError(f"{path} names {row['file']} twice, with two subjects{before}.")
                table.setdefault(row["file"], row)
    found, notes = {}, []
    for name in images:
        number, _, sequence = name.rsplit(".", 1)[0].partition("_")
        row = table.get(name, {})
        if tables and not row:
            notes.append(f"{name} is not in participants.tsv; its subject is taken from the file name: {number}.")
        found[name] = _Participant(
            subject=(row.get("subject") or number).strip(),
            group=(row.get("source") or source.name).strip(),
            sequence=(row.get("sequence") or sequence or "unknown").strip(),
        )
    return found, notes


def _checked(image: Path, mask: Path, task: Task) -> tuple[Volume, LabelMap]:
    scan, labels = read(image), read_labels(mask, task)
    scan.grid.require_match(labels.grid, "the image", "the mask")
    if not labels.values():
        raise CohortError("the mask is empty")
    edges = [n * s for n, s in zip(scan.shape, scan.spacing_mm, strict=True)]
    if min(edges) < BODY_MM[0] or max(edges) > BODY_MM[1] or max(scan.spacing_mm) > THICKEST_SLICE_MM:
        raise CohortError(
            f"no body has this extent: {' x '.join(f'{e:.0f}' for e in edges)} mm in voxels of "
            f"{' x '.join(f'{s:.2f}' for s in scan.spacing_mm)} mm; the spacing in the header is probably wrong"
        )
    if scan.array.min() == scan.array.max():
        raise CohortError("the image is constant")
    return scan, labels


def _write_case(
    folder: Path, name: str, scan: Volume, labels: LabelMap, participant: _Participant, digest: str
) -> Case:
    case = Case(
        name=Path(name).stem,
        subject=participant.subject,
        group=participant.group,
        sequence=participant.sequence,
        image=f"images/{Path(name).stem}.nii.gz",
        labels=f"labels/{Path(name).stem}.nii.gz",
        annotated=tuple(labels.task.by_value(v).name for v in labels.values()),
        voxels_sha256=digest,
    )
    write(scan, folder / case.image)
    write(labels, folder / case.labels)
    return case
