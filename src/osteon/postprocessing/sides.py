"""Left and right by where parts lie: between the legs runs a line, and the fibula lies lateral of the tibia."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from osteon.anatomy import Limb, Task
from osteon.geometry import FloatArray, transform_points, voxel_volume_mm3
from osteon.postprocessing.notes import Notes
from osteon.postprocessing.parts import BIN_MM, Part, Parted, across_mm

SUBSTANTIAL = 0.1
"""A part says where a bone lies with this share of the largest part of its group."""

APART_MM = 40.0
"""Two parts of one group are of two legs if they stand so far apart: shins of a small child, feet together."""

CLEAR = 0.9
"""Share of a part on one side of the midline that makes its side clear."""

BEYOND_MM = 20.0
"""Bones that meet in the midline may reach so far beyond it: the body lies askew, the line is not exact."""

SPILT = 0.01
"""Such a bone is cut at the midline if this share of it lies further beyond."""

LATERAL_MM = (6.0, 90.0)
"""So far two bones of one leg stand beside one another."""

LEAST_BINS = 3
"""Heights at which bones are seen side by side, for them to tell the side."""

MINORITY = 0.2
"""A single leg is named after its label where less than this share of it says otherwise."""


@dataclass(frozen=True)
class Midline:
    """Between the legs: position from left to right (mm) at each height (mm)."""

    heights_mm: FloatArray
    across_mm: FloatArray

    def right_of_mm(self, points_mm: FloatArray) -> FloatArray:
        """How far points lie to the patient's right of it, ``(n,)``; beyond its ends it goes straight on."""
        return np.asarray(points_mm[:, 0] - np.interp(points_mm[:, 2], self.heights_mm, self.across_mm))


def put_sides_right(parted: Parted, task: Task) -> Notes:
    """Give parts that lie in the other leg to the structure there; changes the labels.

    With both legs in view each part's side follows from the line midway between bones of one group. With one leg, the
    task's ``lateral`` pairs tell which it is; failing those, nearly all of its labels must agree.

    Parameters
    ----------
    parted : Parted
    task : Task
        Nothing is done without its ``limb``.
    """
    notes = Notes(voxel_volume_mm3(parted.affine))
    if task.limb is None:
        return notes
    values = [s.value for s in task.structures if s.mirror is not None and s.parent in task.limb.groups]
    parts = parted.parts(values)
    middle = midline(parts, task, task.limb)
    if middle is not None:
        parts = [_on_its_side(part, middle, parted, task, notes) for part in parts]
    elif parts:
        parts = _one_leg(parts, parted, task, task.limb, notes)
    _warn_of_mirroring(parts, task, task.limb, notes)
    return notes


def midline(parts: Sequence[Part], task: Task, limb: Limb) -> Midline | None:
    """Line midway between right and left, from parts of one group that stand side by side; None if there are none."""
    for groups in (limb.long_groups, limb.midline):
        found: dict[int, list[float]] = defaultdict(list)
        for group in groups:
            of_group = [part for part in parts if task.by_value(part.value).parent == group]
            largest = max((part.voxels for part in of_group), default=0)
            for one, other in combinations([p for p in of_group if p.voxels >= SUBSTANTIAL * largest], 2):
                if group in limb.midline and one.value == other.value:
                    continue
                common = sorted(one.across_mm.keys() & other.across_mm.keys())
                apart = [abs(one.across_mm[h] - other.across_mm[h]) for h in common]
                if common and np.median(apart) >= APART_MM:
                    for height in common:
                        found[height].append((one.across_mm[height] + other.across_mm[height]) / 2)
        if found:
            heights = sorted(found)
            return Midline(
                (np.array(heights) + 0.5) * BIN_MM, np.array([float(np.mean(found[height])) for height in heights])
            )
    return None


def _on_its_side(part: Part, middle: Midline, parted: Parted, task: Task, notes: Notes) -> Part:
    """Put one part right by the midline; returns it with the value that most of it has now."""
    structure = task.by_value(part.value)
    partner = task.mirrored_values()[part.value]
    inward = -1 if structure.side == "right" else 1
    beyond = inward * middle.right_of_mm(part.points_mm)  # mm on the other side
    wrong = float((beyond > 0).mean())
    if wrong >= CLEAR:
        parted.give(partner, part)
        notes.moved(structure.name, task.by_value(partner).name, part.voxels)
        return replace(part, value=partner)
    if task.limb is not None and structure.parent in task.limb.midline:
        if (beyond > BEYOND_MM).mean() >= SPILT:
            index = part.indices()
            index = index[inward * middle.right_of_mm(transform_points(part.affine, index)) > 0]
            parted.give(partner, part, index)
            notes.moved(structure.name, task.by_value(partner).name, len(index))
    elif wrong > 0.5:
        notes.warn(f"It is not clear on which side a part of {structure.name} lies. Check left and right.")
    return part


def _one_leg(parts: Sequence[Part], parted: Parted, task: Task, limb: Limb, notes: Notes) -> list[Part]:
    votes = lateral_votes(parts, task, limb)
    on_the_right = sum(part.voxels for part in parts if task.by_value(part.value).side == "right")
    share = on_the_right / sum(part.voxels for part in parts)
    if abs(votes) >= LEAST_BINS:
        side = "right" if votes > 0 else "left"
    elif min(share, 1 - share) < MINORITY:
        side = "right" if share > 0.5 else "left"
    else:
        notes.warn(
            "One leg is in view, named partly right and partly left, and no other bone tells its side. Check it."
        )
        return list(parts)
    result = []
    for part in parts:
        structure = task.by_value(part.value)
        if structure.side != side:
            partner = task.mirrored_values()[part.value]
            parted.give(partner, part)
            notes.moved(structure.name, task.by_value(partner).name, part.voxels)
            part = replace(part, value=partner)
        result.append(part)
    return result


def lateral_votes(parts: Iterable[Part], task: Task, limb: Limb) -> int:
    """Heights at which bones of one leg lie to one another as on the right, less those at which as on the left."""
    points = defaultdict(list)
    for part in parts:
        points[task.by_value(part.value).parent].append(part.points_mm)
    votes = 0
    for outer, inner in limb.lateral:
        if outer in points and inner in points:
            lateral, medial = (across_mm(np.concatenate(points[group])) for group in (outer, inner))
            offsets = np.array([lateral[h] - medial[h] for h in lateral.keys() & medial.keys()])
            seen = (np.abs(offsets) >= LATERAL_MM[0]) & (np.abs(offsets) <= LATERAL_MM[1])
            votes += int(np.sign(offsets[seen]).sum())
    return votes


def _warn_of_mirroring(parts: Sequence[Part], task: Task, limb: Limb, notes: Notes) -> None:
    against = []
    for side, sign in (("right", 1), ("left", -1)):
        votes = sign * lateral_votes([p for p in parts if task.by_value(p.value).side == side], task, limb)
        against += [votes < 0] if abs(votes) >= LEAST_BINS else []
    if against and all(against):
        outer, inner = limb.lateral[0]
        notes.warn(
            f"Bones lie to one another as in a mirrored scan (such as the {outer} medial of the {inner}): left and "
            "right may have been swapped when the scan was exported. Check them."
        )
