"""Soft tissue of the joints: articular cartilage, menisci, fluid, cruciate and patellar ligaments."""

from __future__ import annotations

import numpy as np

from osteon.synthesis.legs.canvas import Canvas
from osteon.synthesis.legs.hip import socket_radius_mm, towards_opening
from osteon.synthesis.legs.muscles import Leg
from osteon.synthesis.legs.solids import rod


def fill_hip_joint(canvas: Canvas, leg: Leg) -> None:
    """Fill the cartilage between head and socket; bones are filled over it."""
    radius = socket_radius_mm(leg.femur.side)
    patch = canvas.patch(leg.frames.hip.to_local(), (-radius,) * 3, (radius,) * 3)
    if patch is not None:
        ball = np.sqrt(patch.x**2 + patch.y**2 + patch.z**2)
        covered = towards_opening(patch.x, patch.y, patch.z) < 6 * leg.femur.side.width
        canvas.fill(patch, (ball < radius + 0.8) & covered, "cartilage")


def fill_knee_joint(canvas: Canvas, leg: Leg) -> None:
    """Fill the knee between the bones: cartilage on the condyles, plateau and patella, menisci, ligaments, fluid."""
    w, length = leg.femur.side.width, leg.tibia.length_mm
    patch = canvas.patch(leg.frames.femur.to_local(), (-50 * w, -48 * w, -10 * w), (50 * w, 60 * w, 75 * w))
    if patch is None:
        return
    femur = leg.femur.field(patch.x, patch.y, patch.z).distance
    x, y, z = patch.x, patch.y, patch.z
    capsule = np.maximum(femur - np.float32(6.0 * w), np.abs(z - np.float32(28 * w)) - np.float32(40 * w))
    canvas.fill(patch, (capsule < 0) & (y > -20 * w), "intermuscular-fat")
    recess = np.maximum(np.abs(femur - np.float32(3.5 * w)) - np.float32(1.4 * w), np.abs(z - 55 * w) - 18 * w)
    canvas.fill(patch, (recess < 0) & (y > 20 * w), "joint-fluid")
    pad = rod(x, y, z, np.array([0.0, 36.0, 12.0]) * w, np.array([0.0, 30.0, -6.0]) * w, (11.0 * w, 9.0 * w))
    canvas.fill(patch, (pad < 0) & (femur > 0), "intermuscular-fat")
    canvas.fill(patch, (femur < 2.3 * w) & (z < 26 * w) & (np.abs(x) < 38 * w), "cartilage")
    canvas.fill(patch, (femur < 2.3 * w) & (y > 14 * w) & (z < 52 * w), "cartilage")
    for side in (-1.0, 1.0):
        ring = np.sqrt((x - side * 21 * w) ** 2 + (y * 0.85 + 2 * w) ** 2)
        rim = (ring > 13 * w) & (ring < 21 * w) & (z < 5.5 * w) & (z > -8 * w)
        canvas.fill(patch, rim & (femur > 0.5), "meniscus")
    for start, end in (((6.0, -14.0, 18.0), (-1.0, 8.0, -5.0)), ((-6.0, 2.0, 12.0), (0.0, -24.0, -8.0))):
        cord = rod(x, y, z, np.array(start) * w, np.array(end) * w, (4.0 * w, 4.0 * w))
        canvas.fill(patch, (cord < 0) & (femur > 0), "ligament")
    _fill_patellar_tendon(canvas, leg)
    plateau = canvas.patch(leg.frames.tibia.to_local(), (-40 * w, -28 * w, -0.02 * length), (40 * w, 28 * w, 3.0 * w))
    if plateau is not None:
        shell = leg.tibia.tibia_field(plateau.x, plateau.y, np.minimum(plateau.z, -1.0)).distance < 0
        canvas.fill(plateau, shell & (plateau.z < 2.3 * w) & (np.abs(plateau.x) > 6 * w), "cartilage")


def fill_popliteal_cysts(canvas: Canvas, leg: Leg) -> None:
    """Fill the cysts behind the knee, beside what is there already."""
    w = leg.femur.side.width
    for cyst in leg.cysts(inside=False):
        patch = canvas.patch(leg.frames.femur.to_local(), *cyst.box(w))
        if patch is not None:
            inside = cyst.distance(patch.x, patch.y, patch.z, w) < 0
            canvas.fill(patch, inside, "cyst", only=("air", "intermuscular-fat"))


def _fill_patellar_tendon(canvas: Canvas, leg: Leg) -> None:
    w = leg.femur.side.width
    matrix = leg.frames.tibia.to_local()
    top = leg.frames.femur.world((1.0 * w, 46.0 * w, 24.0 * w))
    start = matrix[:3, :3] @ top + matrix[:3, 3]
    end = np.array([3.0 * w, 29.0 * w, -0.105 * leg.tibia.length_mm])
    patch = canvas.patch(matrix, np.minimum(start, end) - 14 * w, np.maximum(start, end) + 14 * w)
    if patch is not None:
        # a band: three rods side by side
        for aside in (-7.0, 0.0, 7.0):
            shift = np.array([aside * w, 0.0, 0.0])
            band = rod(patch.x, patch.y, patch.z, start + shift, end + shift * 0.6, (3.2 * w, 3.0 * w))
            canvas.fill(patch, band < 0, "ligament")
