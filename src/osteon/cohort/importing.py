"""What a layout found is brought into a cohort folder, case by case, so that it can be stopped at any time."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from osteon.anatomy import Task
from osteon.cohort.found import Found, FoundCase
from osteon.cohort.manifest import MANIFEST, Case, Cohort, Dropped, Manifest, voxels_sha256, write_manifest
from osteon.cohort.preparing import prepare
from osteon.errors import CohortError, OsteonError
from osteon.io import write
from osteon.io.whole import folder_written_whole
from osteon.masks.overlay import OverlapRule

Doing = Callable[[float, str], None]

SECONDS_BETWEEN_MANIFESTS = 1.0
"""A killed import loses at most the work of so long."""


def import_found(
    found: Found, source: Path, cohort: Path, task: Task, *, overlap: OverlapRule, doing: Doing | None = None
) -> Cohort:
    """Bring what a layout found into a cohort folder.

    One case at a time is in memory. The manifest names only cases that are complete and is written as the work goes on,
    so that a stopped import leaves a cohort; the same import again redoes only what is missing or has changed. Another
    import into the folder of an older cohort takes its place as one, when it is done.

    Parameters
    ----------
    found : Found
    source : Path
    cohort : Path
        Folder to make; it is replaced only if it is a cohort already.
    task : Task
    overlap : str
        Rule where binary masks overlap, as `osteon.masks.combine` has it.
    doing : callable, optional
        Told how many cases are done, and which comes next.

    Raises
    ------
    CohortError
        If nothing can be used, or ``cohort`` is some other folder.
    """
    _refuse_foreign(cohort)
    _drop_same_names(found)
    origin = _origin(found, source, task, overlap)
    before = _earlier(cohort)
    work = _Work(found, source, task, overlap, origin, doing or (lambda done, name: None))
    if before is not None and before.origin_sha256 != origin:
        with folder_written_whole(cohort) as part:
            task.write_beside(part)
            manifest = work.fill(part, Manifest(task=task.name, layout=found.layout, cases=()))
        return Cohort(cohort, manifest, task)
    cohort.mkdir(parents=True, exist_ok=True)
    task.write_beside(cohort)
    try:
        manifest = work.fill(cohort, before or Manifest(task=task.name, layout=found.layout, cases=()))
    except CohortError:
        if before is None:
            shutil.rmtree(cohort)
        else:
            write_manifest(cohort, before)
        raise
    return Cohort(cohort, manifest, task)


def _refuse_foreign(cohort: Path) -> None:
    foreign = any(cohort.iterdir()) and not (cohort / MANIFEST).is_file() if cohort.is_dir() else cohort.exists()
    if foreign:
        raise CohortError(f"{cohort} exists and is not a cohort; it is left as it is. Choose another folder.")


def _drop_same_names(found: Found) -> None:
    """A case's name names its files; of two cases of one name the later is dropped."""
    taken: set[str] = set()
    kept = []
    for case in found.cases:
        if case.name.lower() in taken:  # some file systems know no case
            found.drop(case.place, f"another scan of the source is named {case.name}; rename one")
        else:
            kept.append(case)
        taken.add(case.name.lower())
    found.cases = kept


def _earlier(cohort: Path) -> Manifest | None:
    """Manifest of an older cohort in the folder; one that cannot be read counts as another origin's."""
    if not (cohort / MANIFEST).is_file():
        return None
    try:
        return Manifest.model_validate_json((cohort / MANIFEST).read_text(encoding="utf-8"))
    except ValueError:  # pydantic's and of UTF-8
        return Manifest(task="", layout="", cases=())


def _origin(found: Found, source: Path, task: Task, overlap: str) -> str:
    facts = "\n".join([found.layout, str(source.resolve()), task.toml(), overlap])
    return hashlib.sha256(facts.encode()).hexdigest()


@dataclass
class _Work:
    """One import under way."""

    found: Found
    source: Path
    task: Task
    overlap: OverlapRule
    origin: str
    doing: Doing
    done: dict[str, Case] = field(default_factory=dict)
    dropped: dict[str, Dropped] = field(default_factory=dict)

    def fill(self, folder: Path, before: Manifest) -> Manifest:
        """Do what is not done yet; the manifest in the folder is the one that is returned."""
        # in the order of names, so that of two equal scans the same one stays whatever was done before
        cases = sorted(self.found.cases, key=lambda case: case.name)
        signatures = {case.name: case.signature(self.overlap) for case in cases}
        self._keep(folder, before, signatures)
        todo = [case for case in cases if case.name not in self.done and case.name not in self.dropped]
        self._write(folder, pending=len(todo))
        written = time.monotonic()
        finished = 0
        try:
            for case in todo:
                self.doing(len(cases) - len(todo) + finished, case.name)
                self._bring(folder, case, signatures[case.name])
                finished += 1
                if time.monotonic() - written > SECONDS_BETWEEN_MANIFESTS:
                    self._write(folder, pending=len(todo) - finished)
                    written = time.monotonic()
        finally:
            manifest = self._write(folder, pending=len(todo) - finished)
        if not manifest.cases:
            reasons = "; ".join(f"{d.file}: {d.reason}" for d in manifest.dropped[:3])
            raise CohortError(
                f"Nothing in {self.source} can be used ({reasons}). The masks were taken for those of the task "
                f"{self.task.name}; if they are another's, name it with --task, else mend the files."
            )
        _remove_strangers(folder, manifest.cases)
        return manifest

    def _keep(self, folder: Path, before: Manifest, signatures: dict[str, str]) -> None:
        """Take over what an earlier import of the same files made."""
        for case in before.cases:
            whole = all((folder / file).is_file() for file in (case.image, case.labels))
            if whole and signatures.get(case.name) == case.source_sha256:
                self.done[case.name] = case
        places = {case.place: case.name for case in self.found.cases}
        for dropped in before.dropped:
            name = places.get(dropped.file)
            if name is not None and name not in self.done and signatures[name] == dropped.source_sha256:
                self.dropped[name] = dropped

    def _bring(self, folder: Path, found: FoundCase, signature: str) -> None:
        try:
            prepared = prepare(found, self.task, self.overlap)
        except OsteonError as error:
            self.dropped[found.name] = Dropped(file=found.place, reason=str(error), source_sha256=signature)
            return
        case = Case(
            name=found.name,
            subject=found.subject,
            group=found.group,
            sequence=found.sequence,
            image=f"images/{found.name}.nii.gz",
            labels=f"labels/{found.name}.nii.gz",
            annotated=prepared.annotated,
            voxels_sha256=voxels_sha256(prepared.scan.array),
            age_years=found.age_years,
            notes=prepared.notes,
            source_sha256=signature,
        )
        write(prepared.scan, folder / case.image)
        write(prepared.labels, folder / case.labels)
        self.done[case.name] = case

    def _write(self, folder: Path, pending: int) -> Manifest:
        cases, equal = _without_equal(self.done[name] for name in sorted(self.done))
        places = {case.name: case for case in self.found.cases}
        twins = [
            Dropped(file=places[a].place, reason=f"it has the same voxels as {places[b].image.name}") for a, b in equal
        ]
        manifest = Manifest(
            task=self.task.name,
            layout=self.found.layout,
            cases=cases,
            dropped=(*self.found.dropped, *(self.dropped[name] for name in sorted(self.dropped)), *twins),
            notes=(*self.found.notes, *(f"{case.name}: {note}" for case in cases for note in case.notes)),
            origin_sha256=self.origin,
            pending=pending,
        )
        write_manifest(folder, manifest)
        return manifest


def _without_equal(cases: Iterable[Case]) -> tuple[tuple[Case, ...], list[tuple[str, str]]]:
    """Cases without those that have the voxels of an earlier one, and the names of those with the earlier's."""
    first: dict[str, Case] = {}
    equal = []
    for case in cases:
        if case.voxels_sha256 in first:
            equal.append((case.name, first[case.voxels_sha256].name))
        else:
            first[case.voxels_sha256] = case
    return tuple(first.values()), equal


def _remove_strangers(folder: Path, cases: Iterable[Case]) -> None:
    """Remove files of cases that are gone, and what a killed import left half-written."""
    known = {folder / file for case in cases for file in (case.image, case.labels)}
    for path in (p for part in ("images", "labels") for p in (folder / part).iterdir()):
        if path not in known:
            path.unlink()
