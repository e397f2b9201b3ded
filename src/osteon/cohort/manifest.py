"""Cohort: cases on disk, with a manifest that says whose they are and what was annotated in each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from osteon.anatomy import Task
from osteon.errors import CohortError
from osteon.io import read, read_labels
from osteon.io.whole import written_whole
from osteon.volume import LabelMap, Volume

MANIFEST = "cohort.json"


class Case(BaseModel):
    """One scan of one subject and its labels.

    Parameters
    ----------
    name : str
    subject : str
        Whose scan it is; folds are made of subjects.
    group : str
        Where it comes from (a scanner, a study); splits and sampling balance groups.
    sequence : str
        ``t1``, ``t2`` and so on, as the source names it.
    image, labels : str
        Files, relative to the cohort's folder.
    annotated : tuple of str
        Structures that were annotated in this case; others may be in the scan without a label.
    voxels_sha256 : str
        Of the scan's voxels, to find the same scan under two names.
    age_years : float, optional
        Of the subject, where the source says it.
    notes : tuple of str
        Whole sentences about its import, such as overlaps of its masks.
    source_sha256 : str
        Of the source's files by size and time, to redo only what changed; empty if unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    subject: str
    group: str
    sequence: str
    image: str
    labels: str
    annotated: tuple[str, ...] = Field(min_length=1)
    voxels_sha256: str
    age_years: float | None = None
    notes: tuple[str, ...] = ()
    source_sha256: str = ""


class Dropped(BaseModel):
    """A file of the source that did not become a case, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    reason: str
    source_sha256: str = ""


class Manifest(BaseModel):
    """What ``cohort.json`` holds.

    Parameters
    ----------
    task, layout : str
    cases : tuple of Case
        Sorted by name.
    dropped : tuple of Dropped
    notes : tuple of str
    origin_sha256 : str
        Of source, task and options: an import of the same origin goes on where an earlier one ended.
    pending : int
        Scans of the source that were still to be imported when the import was stopped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    layout: str
    cases: tuple[Case, ...]
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    origin_sha256: str = ""
    pending: int = 0


@dataclass(frozen=True)
class Cohort:
    """A cohort folder, opened.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
    task : Task
    """

    folder: Path
    manifest: Manifest
    task: Task

    @classmethod
    def load(cls, folder: str | Path) -> Cohort:
        """Open a cohort folder.

        Raises
        ------
        CohortError
            If there is no manifest, it is damaged, or a file it names is missing.
        """
        folder = Path(folder)
        path = folder / MANIFEST
        if not path.is_file():
            raise CohortError(f"{folder} is not a cohort: it has no {MANIFEST}. Make one with: osteon cohort import")
        try:
            manifest = Manifest.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            raise CohortError(f"{path} is damaged ({str(error).splitlines()[0]}). Import the cohort again.") from error
        for case in manifest.cases:
            for file in (case.image, case.labels):
                if not (folder / file).is_file():
                    raise CohortError(f"The cohort {folder} names {file}, which is missing. Import the cohort again.")
        return cls(folder, manifest, Task.load_beside(folder, manifest.task))

    def __repr__(self) -> str:
        pending = f"; {self.manifest.pending} not imported yet" if self.manifest.pending else ""
        cases = f"{len(self.cases)} cases of {len(self.subjects)} subjects"
        return f"Cohort({self.folder.name}: {cases}; {self.task.name}{pending})"

    @property
    def cases(self) -> tuple[Case, ...]:
        """All cases, sorted by name."""
        return self.manifest.cases

    @property
    def subjects(self) -> list[str]:
        """All subjects, sorted."""
        return sorted({case.subject for case in self.cases})

    def of_subjects(self, subjects: tuple[str, ...] | list[str]) -> list[Case]:
        """Cases of some subjects."""
        wanted = set(subjects)
        return [case for case in self.cases if case.subject in wanted]

    def scan(self, case: Case) -> Volume:
        """Read a case's scan."""
        return read(self.folder / case.image)

    def labels(self, case: Case) -> LabelMap:
        """Read a case's labels."""
        return read_labels(self.folder / case.labels, self.task)

    def digest(self) -> str:
        """SHA-256 over names, subjects and voxels: what a split or a run was made for."""
        facts = [[c.name, c.subject, c.voxels_sha256, list(c.annotated)] for c in self.cases]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``cohort.json``, whole."""
    with written_whole(folder / MANIFEST) as part:
        part.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def voxels_sha256(array: NDArray[Any]) -> str:
    """SHA-256 of a scan's shape and values, whatever the type they are stored in."""
    digest = hashlib.sha256(repr(array.shape).encode())
    digest.update(array.astype("<f4").tobytes())
    return digest.hexdigest()
