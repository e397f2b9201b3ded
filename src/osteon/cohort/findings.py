"""What is wrong with one case, judged by its facts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from osteon.anatomy import Task
from osteon.cohort.facts import CaseFacts
from osteon.cohort.finding import SEVERITIES, Finding
from osteon.cohort.manifest import Case
from osteon.cohort.plausible import tallest_mm
from osteon.cohort.preparing import BODY_MM, THICKEST_SLICE_MM
from osteon.cohort.structure_findings import of_sides, of_structure

SHIFT_MM, SHIFT_GAIN = 3.0, 1.3
"""A mask that would fit the image so many times as well so far away is warned of."""

SHIFT_GAIN_TOLD = 10
"""Where a mask tells next to nothing as it lies, how many times better it could be means little."""

FEW_STRUCTURES = 4

CLIPPED_SHARE = 0.02
FEWEST_GREYS = 16
CT_AIR = -500.0


def findings_of(case: Case, facts: CaseFacts, task: Task) -> Iterator[Finding]:
    """Everything that one case's facts tell, in the order of `osteon.cohort.check`."""
    if facts.problem:
        yield Finding("error", "unreadable", case.name, facts.problem, "Mend or replace the files and import again.")
        return
    yield from _geometry(case, facts)
    yield from _intensity(case, facts)
    yield from _labels(case, facts, task)
    yield from _gathered(case, [f for found in facts.structures for f in of_structure(case, found, task)])
    yield from of_sides(case, facts, task)
    distance = float(np.linalg.norm(facts.shift_mm))
    if distance >= SHIFT_MM and facts.shift_gain >= SHIFT_GAIN:
        yield Finding(
            "warning",
            "shifted mask",
            case.name,
            f"The mask would fit the image {_times(facts.shift_gain)} as well {distance:.0f} mm away "
            f"({_direction(facts.shift_mm)}).",
            "Lay the mask over the scan; if it lies beside the bones, save it again on the scan's own grid.",
        )


def _geometry(case: Case, facts: CaseFacts) -> Iterator[Finding]:
    if facts.without_geometry:
        yield Finding(
            "error",
            "no geometry",
            case.name,
            "The header gives no voxel size and no place (an identity matrix): lengths, volumes and sides are unsure.",
            "Import the scan from its DICOM files, or from a format that keeps the geometry.",
        )
    tallest, size = tallest_mm(case.age_years), max(facts.size_mm)
    age = f"a person of {case.age_years:g} years" if case.age_years is not None else "a person"
    if size > min(1.15 * tallest, BODY_MM[1]) or max(facts.spacing_mm) > THICKEST_SLICE_MM:
        yield Finding(
            "error",
            "slice spacing",
            case.name,
            f"The scan is {size / 1000:.2f} m long, and {age} is at most {tallest / 1000:.2f} m tall; its voxels are "
            f"{' x '.join(f'{s:.2f}' for s in facts.spacing_mm)} mm.",
            "The slice spacing in the header is probably wrong: take it from the slice positions of the DICOM files.",
        )


def _intensity(case: Case, facts: CaseFacts) -> Iterator[Finding]:
    if facts.grey_values <= 1:
        yield Finding("error", "intensity", case.name, "The scan is constant.", "Import the scan again.")
    elif facts.grey_values <= FEWEST_GREYS:
        yield Finding(
            "warning",
            "intensity",
            case.name,
            f"The scan holds only {facts.grey_values} grey values.",
            "Check that it is the scan and not a mask or a picture of 4 bits.",
        )
    elif facts.clipped_share > CLIPPED_SHARE:
        yield Finding(
            "warning",
            "intensity",
            case.name,
            f"{facts.clipped_share:.0%} of the voxels have the very highest intensity: the scan was cut off.",
            "Export it again without a window (as stored on the scanner).",
        )
    if facts.lowest < CT_AIR:
        yield Finding(
            "warning",
            "intensity",
            case.name,
            f"Its dark voxels have the value {facts.lowest:.0f}, as air in CT.",
            "Osteon's models are for MRI; keep CT in a cohort of its own.",
        )


def _labels(case: Case, facts: CaseFacts, task: Task) -> Iterator[Finding]:
    present = {structure.name for structure in facts.structures}
    if not present:
        yield Finding("error", "labels", case.name, "The label map is empty.", "Draw the mask, or leave the case out.")
    for name in sorted(set(case.annotated) - present) if present else []:
        yield Finding(
            "note",
            "labels",
            f"{case.name}, {name}",
            "The structure is listed as annotated and has no voxel.",
            "All right if it is not in view; otherwise draw it, or take it out of the column annotated.",
        )
    for name in sorted(present - set(case.annotated)):
        yield Finding(
            "error",
            "labels",
            f"{case.name}, {name}",
            "The label map holds a structure that is not listed as annotated: the files have changed.",
            "Import the cohort again.",
        )


def _gathered(case: Case, findings: list[Finding]) -> Iterator[Finding]:
    """Findings of structures; of one kind in more than a few, one finding of the case, which has one cause."""
    for kind in dict.fromkeys(finding.kind for finding in findings):
        same = [finding for finding in findings if finding.kind == kind]
        if len(same) <= FEW_STRUCTURES:
            yield from same
            continue
        severity = min((finding.severity for finding in same), key=SEVERITIES.index)
        names = ", ".join(finding.place.removeprefix(f"{case.name}, ") for finding in same)
        yield Finding(
            severity,
            kind,
            case.name,
            f"{len(same)} structures ({names}). The first: {same[0].message}",
            f"So many at once have one cause, such as a wrong voxel size or a mask of another scan. {same[0].remedy}",
        )


def _times(gain: float) -> str:
    return f"{gain:.1f} times" if gain < SHIFT_GAIN_TOLD else f"more than {SHIFT_GAIN_TOLD} times"


def _direction(shift_mm: tuple[float, float, float]) -> str:
    words = (("to the left", "to the right"), ("back", "forward"), ("down", "up"))
    told = [f"{abs(mm):.0f} mm {pair[mm > 0]}" for mm, pair in zip(shift_mm, words, strict=True) if abs(mm) >= 0.5]
    return ", ".join(told)
