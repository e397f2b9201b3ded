"""One case of a source becomes a scan with labels on its grid, or a sentence says why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from osteon.anatomy import Task
from osteon.cohort.found import FoundCase
from osteon.errors import CohortError
from osteon.io import read, read_labels
from osteon.masks import combine
from osteon.masks.overlay import OverlapRule
from osteon.volume import LabelMap, Volume

BODY_MM = (20.0, 2300.0)
"""Shortest and longest edge, in mm, that a scan of a body can have."""

THICKEST_SLICE_MM = 15.0


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case, read and checked.

    Parameters
    ----------
    scan : Volume
    labels : LabelMap
        On the scan's grid.
    annotated : tuple of str
        Structures, in the task's order.
    notes : tuple of str
        Whole sentences.
    """

    scan: Volume
    labels: LabelMap
    annotated: tuple[str, ...]
    notes: tuple[str, ...] = ()


def prepare(found: FoundCase, task: Task, overlap: OverlapRule) -> Prepared:
    """Read a case of a source.

    Raises
    ------
    OsteonError
        If it cannot be used; the message says why.
    """
    scan = read(found.image)
    notes: list[str] = []
    if found.labels is not None:
        mapping = dict(found.mapping) if found.mapping is not None else None
        labels = _placed(read_labels(found.labels, task, mapping), scan)
    else:
        labels = _combined(found.masks, task, scan, overlap, notes)
    if not labels.values():
        raise CohortError("the mask is empty")
    refuse_impossible(scan)
    if is_without_geometry(scan):
        notes.append(
            "its header gives neither voxel size nor place (an identity matrix): lengths and sides are unsure."
        )
    labels = replace(labels, affine=scan.affine, nifti_geometry=scan.nifti_geometry)
    present = {task.by_value(value).name for value in labels.values()}
    said = {task.by_name(name).name for name in found.annotated}
    if said and present - said:
        missing = ", ".join(sorted(present - said))
        notes.append(f"its mask holds {missing}, which the table does not name; it counts as annotated all the same.")
    annotated = tuple(s.name for s in task.structures if s.name in present | said)
    return Prepared(scan, labels, annotated, tuple(notes))


def is_without_geometry(scan: Volume) -> bool:
    """Whether a scan lies in voxels of 1 mm at the origin, as arrays do that were saved without a header's geometry."""
    return bool(np.array_equal(np.abs(scan.affine), np.eye(4)))


def refuse_impossible(scan: Volume) -> None:
    """Raise `CohortError` for a scan that is constant, or so large or small that no body fits."""
    edges = [n * s for n, s in zip(scan.shape, scan.spacing_mm, strict=True)]
    if min(edges) < BODY_MM[0] or max(edges) > BODY_MM[1] or max(scan.spacing_mm) > THICKEST_SLICE_MM:
        raise CohortError(
            f"no body has this extent: {' x '.join(f'{e:.0f}' for e in edges)} mm in voxels of "
            f"{' x '.join(f'{s:.2f}' for s in scan.spacing_mm)} mm; the spacing in the header is probably wrong"
        )
    if scan.array.min() == scan.array.max():
        raise CohortError("the image is constant")


def _placed(labels: LabelMap, scan: Volume) -> LabelMap:
    """A label map on the scan's grid: as it is, or turned to the scan's axes; never interpolated."""
    if not scan.grid.matches(labels.grid):
        turned = labels.reoriented(scan.orientation)
        if not scan.grid.matches(turned.grid):
            scan.grid.require_match(labels.grid, "the image", "the mask")
        labels = turned
    return labels


def _combined(
    masks: Sequence[tuple[str, Path]], task: Task, scan: Volume, overlap: OverlapRule, notes: list[str]
) -> LabelMap:
    order = [structure.name for structure in task.structures]  # for the rule of priority

    def turned() -> Iterator[tuple[str, Volume]]:
        for structure, path in sorted(masks, key=lambda named: order.index(named[0])):
            yield structure, read(path).reoriented(scan.orientation)

    combined = combine(turned(), task, overlap, like=scan)
    notes += combined.notes
    for pair in combined.overlaps:
        notes.append(
            f"{pair.first} and {pair.second} both claim {pair.voxels} voxels ({pair.volume_mm3 / 1000:.2f} cm3); "
            f"rule: {overlap}."
        )
    return combined.labels
