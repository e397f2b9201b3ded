"""Pieces taken for another bone of the same limb: they touch the bone that they are part of, far from their own."""

from __future__ import annotations

from itertools import combinations

from osteon.anatomy import Limb, Task
from osteon.geometry import voxel_volume_mm3
from osteon.postprocessing.belonging import Bond, Bone
from osteon.postprocessing.notes import Notes
from osteon.postprocessing.parts import Part, Parted, touching_mm2

WRAPPED = 0.6
"""A part near its own bone is another's if that covers this share of its surface; an epiphysis touches across the joint
with less."""


def put_bones_right(parted: Parted, task: Task, near_mm: float) -> Notes:
    """Give pieces to the bone that they are part of; changes the labels.

    Bones that touch at a joint are never merged: the largest part of each structure stands, unless it lies on the wrong
    side of the joint (a tibia above the femur that it touches; then the smaller of the two falls to the other). Every
    further part belongs to its own bone (`Bone.bond`), or to the bone that it touches most.

    Parameters
    ----------
    parted : Parted
    task : Task
        Nothing is done without its ``limb``.
    near_mm : float
        Widest gap between parts of one bone.
    """
    notes = Notes(voxel_volume_mm3(parted.affine))
    limb = task.limb
    if limb is None:
        return notes
    for side in ("right", "left"):
        group_of = {s.value: s.parent or "" for s in task.structures if s.side == side and s.parent in limb.groups}
        parts = parted.parts(group_of)
        bones: dict[int, Bone] = {}
        for value in {part.value: None for part in parts}:
            of_value = [part for part in parts if part.value == value]
            bones[value] = Bone.around(of_value, group_of[value] in limb.long_groups, near_mm)
        for value in _on_the_wrong_side_of_a_joint(bones, group_of, limb):
            del bones[value]
        mains = [bone.main for bone in bones.values()]
        for part, value in _settled([part for part in parts if part not in mains], bones, group_of, limb):
            parted.give(value, part)
            notes.moved(task.by_value(part.value).name, task.by_value(value).name, part.voxels)
    return notes


def _on_the_wrong_side_of_a_joint(bones: dict[int, Bone], group_of: dict[int, str], limb: Limb) -> set[int]:
    """Structures whose largest part touches that of the bone before it from above, or is so touched, and is smaller."""
    value_of = {group_of[value]: value for value in bones}
    ordered = [value_of[group] for group in limb.order if group in value_of and group in limb.long_groups]
    wrong = set()
    for upper, lower in combinations(ordered, 2):
        one, other = bones[upper].main, bones[lower].main
        if other.points_mm[:, 2].mean() > one.points_mm[:, 2].mean() and touching_mm2(one, other) > 0:
            wrong.add(upper if one.voxels < other.voxels else lower)
    return wrong


def _settled(
    waiting: list[Part], bones: dict[int, Bone], group_of: dict[int, str], limb: Limb
) -> list[tuple[Part, int]]:
    """Parts that belong to another structure than their label says, with its value."""
    moved = []
    while waiting:
        # what is near its own bone first; then the part that is most of another, since it may bring others near theirs
        claims = [(_claim(part, waiting, bones, group_of, limb), part) for part in waiting]
        (strength, value), part = max(claims, key=lambda claim: claim[0][0])
        if strength == 0:
            break
        bones[value].add(part)
        waiting = [other for other in waiting if other is not part]
        moved += [(part, value)] if value != part.value else []
    return moved


def _claim(
    part: Part, waiting: list[Part], bones: dict[int, Bone], group_of: dict[int, str], limb: Limb
) -> tuple[float, int]:
    """How surely a part belongs to a bone, by the bones known so far (0: nothing tells), and that bone's value."""
    own = bones.get(part.value)
    bond = own.bond(part) if own is not None else None
    touching = {value: bone.touching_mm2(part) for value, bone in bones.items()}
    most = max(touching, key=lambda value: touching[value], default=part.value)
    share = touching.get(most, 0.0) / part.surface_mm2
    if bond in (Bond.CLOSE, Bond.NEXT):
        return 1.0, most if share >= WRAPPED else part.value
    if bond is Bond.ALIGNED and most != part.value:
        others = [*bones[most].parts, *(other for other in waiting if other.value == most)]
        if _in_its_place(part, others, (group_of[part.value], group_of[most]), limb):
            return share, part.value
    return share, most


def _in_its_place(part: Part, others: list[Part], groups: tuple[str, str], limb: Limb) -> bool:
    """Whether a part lies to the parts of another bone as the two groups do: beside it, or beyond their joint."""
    if groups in limb.lateral or groups[::-1] in limb.lateral:
        return True
    if not set(groups) <= set(limb.order):
        return False
    middle = float(part.points_mm[:, 2].mean())
    if limb.order.index(groups[0]) > limb.order.index(groups[1]):
        return middle < min(float(other.points_mm[:, 2].min()) for other in others)
    return middle > max(float(other.points_mm[:, 2].max()) for other in others)
