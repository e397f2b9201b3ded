"""Filling the bones of a side, and the sacrum, into a canvas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from osteon.synthesis.legs.canvas import Canvas
from osteon.synthesis.legs.foot import Foot
from osteon.synthesis.legs.frames import Frame
from osteon.synthesis.legs.hip import HipBone
from osteon.synthesis.legs.muscles import Leg
from osteon.synthesis.legs.solids import BoneField
from osteon.synthesis.legs.trunk import Trunk
from osteon.synthesis.shapes import Array, Point, ellipsoid

LIMB = ("femur", "tibia", "fibula", "patella", "foot-bone", "growth-plate", "epiphyseal-cartilage", "pelvis")
"""Parts around which the soft tissue of a leg closes."""

PATELLA_HEIGHT = 40.0
"""Of the middle of the patella over the knee, for an adult man."""

CORTEX_MM = 2.0
"""Bone left between a cyst and the surface, for an adult man."""

Sampled = Callable[[Array, Array, Array], BoneField]


def fill_bones(canvas: Canvas, leg: Leg) -> None:
    """Fill and label the bones of one side; a bone keeps its voxels against those filled after it."""
    femur, tibia, frames = leg.femur, leg.tibia, leg.frames
    w, long, shin = femur.side.width, femur.length_mm, tibia.length_mm
    hip, foot = HipBone(femur.side, leg.body), Foot(femur.side, leg.body)
    a, b, c = (float(s) for s in hip.scale)
    kneecap = PATELLA_HEIGHT * w
    boxes: tuple[tuple[Frame, Point, Point, Sampled, str, int], ...] = (
        (frames.hip, (-100 * a, -110 * b, -80 * c), (75 * a, 75 * b, 155 * c), hip.field, "pelvis", 4),
        (frames.femur, (-46 * w, -42 * w, -4), (90 * w, 62 * w, long + 30 * w), femur.field, "femur", 2),
        (frames.tibia, (-44 * w, -42 * w, -shin - 24 * w), (44 * w, 42 * w, 8 * w), tibia.tibia_field, "tibia", 1),
        (frames.tibia, (-10 * w, -52 * w, -shin - 30 * w), (58 * w, 24 * w, 0), tibia.fibula_field, "fibula", 3),
        (
            frames.femur,
            (-28 * w, 25 * w, kneecap - 27 * w),
            (30 * w, 70 * w, kneecap + 27 * w),
            _patella(leg),
            "patella",
            0,
        ),
        (frames.foot, (-55 * w, -75 * w, -90 * w), (65 * w, 210 * w, 6 * w), foot.field, "foot-bone", 0),
    )
    for frame, low, high, field, part, value in boxes:
        patch = canvas.patch(frame.to_local(), low, high)
        if patch is not None:
            bone = field(patch.x, patch.y, patch.z)
            bone.distance[canvas.parts[patch.box] != 0] = np.inf
            canvas.fill_bone(patch, bone, part, value + (10 if value and frame.sign < 0 else 0))


def fill_bone_cysts(canvas: Canvas, leg: Leg) -> None:
    """Fill the cysts of one side into the marrow of its bones, which keep their labels."""
    w = leg.femur.side.width
    of_bone = {"femur": (leg.frames.femur, leg.femur.field), "tibia": (leg.frames.tibia, leg.tibia.tibia_field)}
    for cyst in leg.cysts(inside=True):
        frame, field = of_bone[cyst.bone]
        patch = canvas.patch(frame.to_local(), *cyst.box(w))
        if patch is not None:
            marrow = field(patch.x, patch.y, patch.z).distance < -CORTEX_MM * w
            canvas.fill(patch, marrow & (cyst.distance(patch.x, patch.y, patch.z, w) < 0), "cyst", only=(cyst.bone,))


def _patella(leg: Leg) -> Sampled:
    w = leg.femur.side.width
    depth = leg.body.unossified("patella") * 10.0 * w

    def field(x: Array, y: Array, z: Array) -> BoneField:
        shield = ellipsoid(x, y, z, (1.0 * w, 44.0 * w, PATELLA_HEIGHT * w), (22.0 * w, 10.5 * w, 21.0 * w))
        # its back is flat, with a low crest
        back = np.float32(38.0 * w) + np.float32(0.16) * np.abs(x - np.float32(w)) - y
        return BoneField(np.asarray(np.maximum(shield, back), np.float32), np.full_like(shield, depth))

    return field


def fill_sacrum(canvas: Canvas, trunk: Trunk) -> None:
    """Fill the sacrum beside the hip bones, with a gap between them."""
    patch = trunk.patch(canvas, (-64.0, -125.0, -40.0), (64.0, -10.0, 130.0))
    if patch is not None:
        bone = trunk.sacrum(patch.x, patch.y, patch.z)
        bone.distance[canvas.parts[patch.box] != 0] = np.inf
        canvas.fill_bone(patch, bone, "sacrum")
