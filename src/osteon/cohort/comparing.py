"""Cases of a cohort against each other and against the split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from osteon.cohort.facts import CaseFacts
from osteon.cohort.finding import Finding, Severity
from osteon.cohort.manifest import Case, Cohort
from osteon.cohort.split import SPLIT, Split
from osteon.errors import CohortError

TWIN = 0.999
"""Correlation of the small copies of two scans from which on they may be one scan."""


def of_cohort(cohort: Cohort, facts: dict[str, CaseFacts]) -> Iterator[Finding]:
    """What the manifest tells, and scans that are unlike the others of their group."""
    if cohort.manifest.pending:
        yield Finding(
            "error",
            "unfinished",
            "cohort",
            f"The import was stopped; {cohort.manifest.pending} scans of the source are not in the cohort.",
            "Run the same osteon cohort import again; it goes on where it ended.",
        )
    if not cohort.cases:
        yield Finding("error", "empty", "cohort", "The cohort holds no case.", "Import it again.")
    for dropped in cohort.manifest.dropped:
        yield Finding(
            "note", "dropped", dropped.file, f"It was not imported: {dropped.reason}.", "Mend it if you need it."
        )
    cases = {case.name for case in cohort.cases}
    for note in cohort.manifest.notes:
        name, _, about = note.partition(": ")
        place, message = (name, about) if name in cases else ("cohort", note)
        yield Finding(
            "note", "import", place, message, "All right if it is meant; else mend the source and import again."
        )
    readable = {name: fact for name, fact in facts.items() if not fact.problem}
    groups: dict[str, list[str]] = {}
    for case in cohort.cases:
        if case.name in readable:
            groups.setdefault(case.group, []).append(case.name)
    for group, names in groups.items():
        usual = Counter(readable[name].orientation for name in names).most_common(1)[0][0]
        odd = [name for name in names if readable[name].orientation != usual]
        if odd:
            yield Finding(
                "note",
                "orientation",
                ", ".join(odd[:5]) + (" and others" if len(odd) > 5 else ""),
                f"{len(odd)} of {len(names)} scans of {group} have other axes than {usual}.",
                "Nothing to do if their headers are right: Osteon turns them. Check the sides of one.",
            )
        thickness = float(np.median([max(readable[name].spacing_mm) for name in names]))
        for name in names:
            ratio = max(readable[name].spacing_mm) / thickness
            if not 0.5 <= ratio <= 2.0:
                yield Finding(
                    "warning",
                    "slice spacing",
                    name,
                    f"Its slices are {max(readable[name].spacing_mm):.2f} mm apart; usual here: {thickness:.2f} mm.",
                    "Compare with the slice positions of the DICOM files.",
                )


@dataclass(frozen=True)
class Twins:
    """Two cases that may be one scan.

    Parameters
    ----------
    first, second : Case
    correlation : float
        Of their small copies; 1 if their voxels are equal.
    """

    first: Case
    second: Case
    correlation: float

    @property
    def equal(self) -> bool:
        """Whether the voxels are the same, one by one."""
        return self.first.voxels_sha256 == self.second.voxels_sha256


def twins(cohort: Cohort, facts: dict[str, CaseFacts]) -> list[Twins]:
    """Pairs of cases that may be one scan: equal voxels, or equal but for intensities, a few slices, or resampling."""
    cases = [case for case in cohort.cases if not facts[case.name].problem]
    if len(cases) < 2:
        return []
    small = np.stack([facts[case.name].small() for case in cases]).astype(np.float32)
    small -= small.mean(axis=1, keepdims=True)
    small /= np.linalg.norm(small, axis=1, keepdims=True) + 1e-9
    alike = np.triu(small @ small.T, k=1)
    digests = np.unique([case.voxels_sha256 for case in cases], return_inverse=True)[1]
    alike[np.triu(digests[:, None] == digests[None, :], k=1)] = 1.0
    return [Twins(cases[a], cases[b], float(alike[a, b])) for a, b in np.argwhere(alike >= TWIN)]


def of_twins(pairs: list[Twins]) -> Iterator[Finding]:
    """A finding for each pair; worst where one scan counts as two subjects."""
    for pair in pairs:
        persons = pair.first.subject != pair.second.subject
        same = "have the same voxels" if pair.equal else f"look the same (correlation {pair.correlation:.4f})"
        who = f", and count as two subjects ({pair.first.subject}, {pair.second.subject})." if persons else "."
        severity: Severity = "error" if pair.equal and persons else "warning" if pair.equal or persons else "note"
        yield Finding(
            severity,
            "duplicate",
            f"{pair.first.name}, {pair.second.name}",
            f"The two scans {same}{who}",
            "If they are one scan, remove one, or give both one subject in participants.tsv; then import again.",
        )


def of_split(cohort: Cohort, pairs: list[Twins]) -> Iterator[Finding]:
    """Subjects, and scans that may be the same, on two sides of a fold; a split of another state of the cohort."""
    path = cohort.folder / SPLIT
    if not path.is_file():
        return
    again = "Split the cohort again: osteon cohort split."
    try:
        # as it stands, so that a split that contradicts itself is told in full
        folds = [
            {side: set(fold.get(side, ())) for side in ("train", "validation", "test")}
            for fold in json.loads(path.read_text(encoding="utf-8"))["folds"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Finding("error", "split", SPLIT, "The split is damaged.", again)
        return
    for number, fold in enumerate(folds):
        for one, other in combinations(fold, 2):
            for subject in sorted(fold[one] & fold[other]):
                yield Finding(
                    "error",
                    "split",
                    f"{SPLIT}, fold {number}",
                    f"Subject {subject} stands in {one} and in {other}.",
                    again,
                )
        side_of = {subject: side for side, subjects in fold.items() for subject in subjects}
        for pair in pairs:
            sides = side_of.get(pair.first.subject), side_of.get(pair.second.subject)
            if None not in sides and sides[0] != sides[1]:
                yield Finding(
                    "error",
                    "split",
                    f"{SPLIT}, fold {number}",
                    f"{pair.first.name} is in {sides[0]}; {pair.second.name}, maybe the same scan, is in {sides[1]}.",
                    "Give both one subject in participants.tsv, import and split again.",
                )
    tested = Counter(subject for fold in folds for subject in fold["test"])
    for subject in sorted(s for s, times in tested.items() if times > 1):
        yield Finding("error", "split", SPLIT, f"Subject {subject} is tested in more than one fold.", again)
    try:
        Split.load(path, cohort)
    except CohortError as error:
        yield Finding("error", "split", SPLIT, str(error), again)
