"""make_legs: a body from the lower lumbar spine to the toes, from numbers alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.geometry import Grid
from osteon.synthesis.body import BUILT_IN, Body
from osteon.synthesis.legs.bones import LIMB, fill_bone_cysts, fill_bones, fill_sacrum
from osteon.synthesis.legs.canvas import Canvas
from osteon.synthesis.legs.femur import Femur
from osteon.synthesis.legs.foot import Foot
from osteon.synthesis.legs.frames import LegFrames
from osteon.synthesis.legs.joints import fill_hip_joint, fill_knee_joint, fill_popliteal_cysts
from osteon.synthesis.legs.muscles import Leg, MuscleMap, add_short_muscles, fill_tubes, sections
from osteon.synthesis.legs.parameters import LegParameters
from osteon.synthesis.legs.skin import SKIN_MM, wrap
from osteon.synthesis.legs.tibia import Tibia
from osteon.synthesis.legs.trunk import Trunk
from osteon.synthesis.legs.truth import leg_truth
from osteon.synthesis.parts import CODE
from osteon.synthesis.patch import Box
from osteon.synthesis.shapes import Array
from osteon.volume import LabelMap, Volume

MARGIN_MM = 14.0
JOINT = ("ligament", "meniscus", "cartilage", "intermuscular-fat")
FILL_MM = 4.0
"""By how much the muscles of an adult man grow into the gaps that their sections leave within the fascia."""


def make_legs(
    parameters: LegParameters,
    *,
    name: str,
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0),
    seed: int = 0,
) -> Body:
    """Build pelvis and both legs on a grid whose axes run right, to the front and up.

    Parameters
    ----------
    parameters : LegParameters
        Anatomy and pose.
    name : str
    spacing_mm : tuple of float
    seed : int
        Of what is not in the parameters: bowel and bladder.

    Returns
    -------
    Body
        Source ``built-in``; `truth` has the lengths and angles of the construction, of the ossified bone.
    """
    rng = np.random.default_rng(seed)
    legs = [_leg(parameters, right) for right in (True, False)]
    trunk = Trunk(parameters)
    canvas = Canvas(_grid(legs, trunk, spacing_mm))
    muscles = MuscleMap(canvas)
    for leg in legs:
        for muscle in sections("muscles.toml"):
            muscles.add(leg, muscle)
        add_short_muscles(muscles, leg)
        flesh = _foot(canvas, leg)
        if flesh is not None:
            # the heel is a pad of fat, and so is the sole
            box, distance, forward = flesh
            w = leg.femur.side.width
            muscles.add_distance(box, np.maximum(distance + np.float32(7 * w), 8 * w - forward), "foot-muscle")
    bones = Canvas(canvas.grid)
    for leg in legs:
        fill_bones(bones, leg)
        fill_bone_cysts(bones, leg)
    fill_sacrum(bones, trunk)
    soft = Canvas(canvas.grid)
    for leg in legs:
        fill_tubes(soft, leg, "vessels.toml")
        fill_hip_joint(soft, leg)
        fill_knee_joint(soft, leg)
        fill_popliteal_cysts(soft, leg)
    firm = np.isin(bones.parts, [CODE[name] for name in LIMB]) | np.isin(soft.parts, [CODE[name] for name in JOINT])
    _cover(canvas, firm | muscles.inside(0.0), legs, trunk)
    patch = trunk.patch(canvas)
    if patch is not None:
        trunk.fill_inside(canvas, patch, trunk.outline(patch), rng)
    _lay_muscles(canvas, muscles, FILL_MM * parameters.right.width)
    # nothing shines through the skin, and fat gives way to muscle
    fat = soft.parts == CODE["intermuscular-fat"]
    covered = (soft.parts > 0) & (canvas.parts > CODE["skin"]) & ~(fat & muscles.inside(0.0))
    canvas.parts[covered] = soft.parts[covered]
    canvas.parts[...] = np.where(bones.parts > 0, bones.parts, canvas.parts)
    trunk.fill_spine(canvas)
    labels = LabelMap(bones.labels, canvas.grid.affine, task=Task.load("leg-bones"))
    truth = leg_truth(legs[0], "right") | leg_truth(legs[1], "left")
    return Body(name, Volume(canvas.parts, canvas.grid.affine), labels, BUILT_IN, parameters.age_years, truth)


def _leg(parameters: LegParameters, right: bool) -> Leg:
    side = parameters.side(right)
    frames = LegFrames.posed(side, right, parameters.hip_distance_mm)
    return Leg(frames, Femur(side, parameters), Tibia(side, parameters), parameters)


def _grid(legs: list[Leg], trunk: Trunk, spacing_mm: tuple[float, float, float]) -> Grid:
    """Grid around both legs, from the toes to the trunk's top."""
    body = trunk.body
    foot = np.array([[x, y, z] for x in (-50, 55) for y in (-70, 190) for z in (-85, 0)]) * legs[0].femur.side.width
    points = [leg.frames.foot.world(foot) for leg in legs]
    soft = body.fat_mm * 1.6 + 30
    wide = (150 + soft) * body.pelvis_width
    points.append(np.array([[wide, -(115 + soft) * body.pelvis_depth, 0], [-wide, body.belly_mm + soft, trunk.top_mm]]))
    corners = np.concatenate(points)
    low, high = corners.min(axis=0) - MARGIN_MM, corners.max(axis=0) + MARGIN_MM
    high[2] = trunk.top_mm
    spacing = np.array(spacing_mm)
    shape = np.ceil((high - low) / spacing).astype(int)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = low
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def _cover(canvas: Canvas, solid: NDArray[np.bool_], legs: list[Leg], trunk: Trunk) -> None:
    """Lay fascia, fat and skin around everything, each leg for itself so that the gap between the legs stays."""
    x, _, z = _axes(canvas.grid)
    layers = [np.zeros(canvas.grid.shape, np.bool_) for _ in range(3)]
    for leg in legs:
        sign = leg.frames.hip.sign
        # beyond the midline there is room for the ball that closes hollows
        own = np.flatnonzero(sign * x > -50.0)
        half = slice(int(own[0]), int(own[-1]) + 1)
        core = solid[half] & (sign * x[half, None, None] > -2.0)
        flesh = _foot(canvas, leg)
        if flesh is not None:
            box, distance, _ = flesh
            whole = np.zeros(canvas.grid.shape, np.bool_)
            whole[box] = distance < 0
            core |= whole[half]
        for layer, wrapped in zip(layers, wrap(core, leg, canvas.grid.spacing_mm, z), strict=True):
            layer[half] |= wrapped
    patch = trunk.patch(canvas)
    if patch is not None:
        fat_mm = trunk.body.fat_mm * 1.3
        for layer, grown in zip(layers, (0.0, fat_mm, fat_mm + SKIN_MM), strict=True):
            layer[patch.box] |= trunk.outline(patch, grown) < 0
    fascia, fat, skin = layers
    canvas.parts[skin] = CODE["skin"]
    canvas.parts[fat] = CODE["subcutaneous-fat"]
    canvas.parts[fascia] = CODE["intermuscular-fat"]


def _foot(canvas: Canvas, leg: Leg) -> tuple[Box, Array, Array] | None:
    """Box of a foot, the distance to its flesh, and how far forward of the ankle its voxels lie."""
    w = leg.femur.side.width
    patch = canvas.patch(leg.frames.foot.to_local(), (-60 * w, -75 * w, -90 * w), (65 * w, 210 * w, 25 * w))
    if patch is None:
        return None
    return patch.box, Foot(leg.femur.side, leg.body).flesh(patch.x, patch.y, patch.z), patch.y


def _axes(grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """World coordinates along the three axes of an upright grid."""
    x, y, z = ((grid.affine[a, 3] + grid.affine[a, a] * np.arange(grid.shape[a])).astype(np.float32) for a in range(3))
    return x, y, z


def _lay_muscles(canvas: Canvas, muscles: MuscleMap, reach_mm: float) -> None:
    """Lay muscles, a little larger than written, with fat between those that touch."""
    free = np.isin(canvas.parts, [CODE[name] for name in ("intermuscular-fat", "trunk-muscle", "visceral-fat")])
    inside = muscles.inside(reach_mm) & free
    canvas.parts[inside] = muscles.code[inside]
    canvas.parts[inside & muscles.apart()] = CODE["intermuscular-fat"]
