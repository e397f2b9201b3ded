"""The SPIDER layout: ``images/N_t1.mha``, ``N_t2.mha``, ``N_t2_SPACE.mha`` and ``masks/`` alike.

SPIDER: van der Graaf et al. 2024, doi 10.1038/s41597-024-03090-w.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from osteon.anatomy import Task
from osteon.cohort.found import Found, FoundCase, images_in
from osteon.cohort.importing import import_found
from osteon.cohort.manifest import Cohort, Dropped
from osteon.cohort.participants import TABLE, Participants, read_participants
from osteon.errors import CohortError

LAYOUT = "images/N_t1.mha and masks/N_t1.mha"


def find_spider(source: Path, mapping: Mapping[int, int] | None = None) -> Found:
    """Cases of a folder in the SPIDER layout.

    A ``participants.tsv`` in ``source`` or beside the images (columns ``file`` and ``subject``, and if present
    ``source``, ``sequence``, ``age`` and ``annotated``) says which files belong to one subject and wins over file
    names, by which the number before the first underscore is the subject.

    Parameters
    ----------
    source : Path
        Holds ``images/`` and ``masks/``.
    mapping : mapping of int to int, optional
        From the masks' values to the task's.

    Raises
    ------
    CohortError
        If ``source`` has not that layout.
    """
    images, masks = _files(source, "images"), _files(source, "masks")
    participants = read_participants([source, source / "images"])
    dropped = [Dropped(file=f"images/{n}", reason="there is no mask of this name") for n in images if n not in masks]
    dropped += [Dropped(file=f"masks/{n}", reason="there is no image of this name") for n in masks if n not in images]
    cases = [
        _case(images[name], masks[name], source, participants, mapping) for name in sorted(set(images) & set(masks))
    ]
    return Found("spider", cases, dropped, _notes(list(images), participants))


def import_spider(source: str | Path, cohort: str | Path, *, task: Task | None = None) -> Cohort:
    """Bring a folder in the SPIDER layout into a cohort, dropping what cannot be used, with its reason.

    Parameters
    ----------
    source : path
        Holds ``images/`` and ``masks/``; see `find_spider`.
    cohort : path
        Folder to make; it is replaced only if it is a cohort already.
    task : Task, optional
        ``lumbar-spine`` by default.

    Raises
    ------
    CohortError
        If ``source`` has not that layout, nothing in it can be used, or ``cohort`` is some other folder.
    """
    task = task or Task.load("lumbar-spine")
    return import_found(find_spider(Path(source)), Path(source), Path(cohort), task, overlap="background")


def _files(source: Path, folder: str) -> dict[str, Path]:
    if not (source / folder).is_dir():
        raise CohortError(f"{source} has no folder {folder}/; the SPIDER layout is {LAYOUT}.")
    files = images_in(source / folder, (".mha", ".mhd"))
    if not files:
        raise CohortError(f"{source / folder} holds no .mha file; the SPIDER layout is {LAYOUT}.")
    return {path.name: path for path in files}


def _case(
    image: Path, labels: Path, source: Path, participants: Participants, mapping: Mapping[int, int] | None
) -> FoundCase:
    number, _, sequence = image.stem.partition("_")
    row = participants.of(image.name)
    return FoundCase(
        name=image.stem,
        subject=row.subject or number,
        group=row.source or source.name,
        sequence=row.sequence or sequence or "unknown",
        image=image,
        place=f"images/{image.name}",
        labels=labels,
        mapping=mapping,
        annotated=row.annotated,
        age_years=row.age_years,
    )


def _notes(names: list[str], participants: Participants) -> list[str]:
    if not participants.given:
        return []
    return [
        f"{name} is not in {TABLE}; its subject is taken from the file name: {Path(name).stem.partition('_')[0]}."
        for name in names
        if name not in participants.rows
    ]
