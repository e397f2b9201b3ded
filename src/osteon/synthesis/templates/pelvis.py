"""Hip bones for a body that lacks them: somebody else's, fitted to sacrum, hip joints and the muscles around."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from osteon.errors import TaskError
from osteon.geometry import FloatArray
from osteon.io.surface import Surface
from osteon.masks.to_surface import surfaces_of
from osteon.synthesis.body import Body
from osteon.synthesis.parts import CODE
from osteon.synthesis.templates.fitting import (
    affine,
    closest_points,
    matches,
    moved,
    similarity,
    smooth_warp,
    sphere_centre,
)
from osteon.volume import LabelMap

SIDES = ("right", "left")
TOUCHING = ("illiacus", "iliacus", "gluteus_medius", "gluteus_minimus", "obturator_internus", "obturator_externus")
"""Muscles that lie on the hip bone over an area."""
REACH_MM = 12.0
"""How far from its place the fitted bone may be for a muscle to draw it."""
ROUNDS = 3
SMOOTHING = 3.0
HEAD_MM = 6.0
"""Points of the femur this near to the hip bone lie on its head."""


def fitted_pelvis(donor: Body, surfaces: Mapping[str, Surface]) -> dict[str, Surface]:
    """The donor's hip bones, brought into another body.

    First by landmarks (centres of the hip joints, sacrum), then by the closest points of sacrum and joints (affine),
    at last by a smooth warp that lays the bone on the cartilage of the acetabulum and against the muscles that spring
    from it.

    Parameters
    ----------
    donor : Body
        With hip bones, sacrum and the heads of the femora.
    surfaces : mapping of str to Surface
        Of the other body, RAS mm: a sacrum, femora of both sides, acetabular cartilage and muscles.

    Returns
    -------
    dict of str to Surface
        ``right_bone_pelvis`` and ``left_bone_pelvis``.

    Raises
    ------
    TaskError
        If the other body lacks a sacrum or a femur.
    """
    bones = _donor_surfaces(donor)
    sacrum = _one(surfaces, "bone_sacrum")
    own_joints = [_joint(bones[f"femur-{side}"], bones[f"pelvis-{side}"]) for side in SIDES]
    joints = [_joint_of_set(surfaces, side) for side in SIDES]
    start = similarity(_landmarks(own_joints, bones["sacrum"]), _landmarks(joints, sacrum))
    # a joint is one place among the many of the sacrum: a cloud of copies gives it weight
    joint_pairs = [(_around(a), _around(b)) for a, b in zip(own_joints, joints, strict=True)]
    transform = closest_points([(bones["sacrum"].vertices, sacrum.vertices), *joint_pairs], similarity, start)
    transform = closest_points([(bones["sacrum"].vertices, sacrum.vertices), *joint_pairs], affine, transform, 20)
    result = {}
    for side in SIDES:
        bone = moved(bones[f"pelvis-{side}"], transform)
        touching = [s for name, s in surfaces.items() if side in name and any(word in name for word in TOUCHING)]
        cups = [s for name, s in surfaces.items() if side in name and "acetabulum" in name]
        for reach_mm in np.linspace(REACH_MM, REACH_MM / 2, ROUNDS):
            bone = _drawn(bone, [*touching, *cups], float(reach_mm))
        result[f"{side}_bone_pelvis"] = bone
    return result


def _drawn(bone: Surface, neighbours: list[Surface], reach_mm: float) -> Surface:
    """One round of the warp; places of the bone without a neighbour near hold it where it is, loosely."""
    found = [matches(bone, neighbour, reach_mm, opposed=True) for neighbour in neighbours]
    points = np.concatenate([p for p, _ in found])
    partners = np.concatenate([q for _, q in found])
    if len(points) < 10:
        return bone
    # a vertex that several muscles draw is listed once, at the mean of where they want it
    unique, index = np.unique(points, axis=0, return_inverse=True)
    sums = np.stack([np.bincount(index, weights=partners[:, a]) for a in range(3)], axis=1)
    goals = np.asarray(sums / np.bincount(index)[:, None], dtype=np.float64)
    return Surface(smooth_warp(unique, goals, SMOOTHING * len(unique))(bone.vertices), bone.faces)


def _donor_surfaces(donor: Body) -> dict[str, Surface]:
    task = donor.labels.task
    found = surfaces_of(donor.labels)
    stand_in = task.structures[0]
    sacrum = (donor.parts.array == CODE["sacrum"]).astype(np.uint8) * stand_in.value
    found["sacrum"] = surfaces_of(LabelMap(sacrum, donor.parts.affine, task=task))[stand_in.name]
    return found


def _one(surfaces: Mapping[str, Surface], word: str) -> Surface:
    for name, surface in surfaces.items():
        if word in name:
            return surface
    raise TaskError(f"No surface is named {word}: the pelvis cannot be fitted. Known: {', '.join(sorted(surfaces))}.")


def _joint(femur: Surface, pelvis: Surface) -> FloatArray:
    """Centre of the femoral head: a sphere through what lies in the hip bone's cup."""
    distance = cKDTree(pelvis.vertices).query(femur.vertices)[0]
    return sphere_centre(femur.vertices[distance < HEAD_MM])


def _joint_of_set(surfaces: Mapping[str, Surface], side: str) -> FloatArray:
    """Centre of the hip joint: of the sphere through the cartilage of the cup, or of the head where that is missing."""
    cartilage = [s for name, s in surfaces.items() if side in name and "cartilage_femur_head" in name]
    cup = [s for name, s in surfaces.items() if side in name and "acetabulum" in name]
    found = cup or cartilage
    if not found:
        raise TaskError(f"No surface is the {side} hip joint's cartilage: the pelvis cannot be fitted.")
    return sphere_centre(found[0].vertices)


def _landmarks(joints: list[FloatArray], sacrum: Surface) -> FloatArray:
    z = sacrum.vertices[:, 2]
    top = sacrum.vertices[z > np.quantile(z, 0.9)].mean(axis=0)
    return np.stack([*joints, sacrum.vertices.mean(axis=0), top])


def _around(point: FloatArray, radius_mm: float = 20.0) -> FloatArray:
    """Points of an octahedron about one."""
    return np.concatenate([point + radius_mm * np.eye(3), point - radius_mm * np.eye(3), point[None]])
