"""Painting the spine itself: discs, sacrum, bodies and arches, and their labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from osteon.synthesis.shapes import Array, BodyShape, Point, capsule, ellipsoid
from osteon.synthesis.spine.canvas import Canvas
from osteon.synthesis.spine.chain import Chain, Frame
from osteon.synthesis.spine.parameters import LEVELS, DiscShape

VertebraLabel = Literal["body", "whole"]

CORTEX_MM = 1.1
"""Cortex and endplate cartilage, dark in every contrast."""


def paint_discs(canvas: Canvas, chain: Chain, values: dict[str, int]) -> None:
    """Paint discs: annulus, nucleus by its health, cleft. The bodies are painted over them afterwards."""
    for level, (frame, disc) in enumerate(zip(chain.discs, chain.parameters.discs, strict=True)):
        above = chain.parameters.bodies[level]
        below = chain.parameters.bodies[level - 1] if level else chain.parameters.sacrum[0]
        barrel = _disc_barrel(disc, above, below)
        reach = (barrel.width_mm / 2, barrel.depth_mm / 2, barrel.height_mm / 2 + 5)
        painted = canvas.paint_shape(frame, reach, barrel.signed_distance, "annulus")
        if painted is None:
            continue
        patch, distance = painted
        name = f"disc-{LEVELS[level]}-{LEVELS[level - 1] if level else 'S1'}"
        if name in values:
            canvas.label(patch, distance < 0, values[name])
        core = (0.38 * barrel.width_mm, 0.37 * barrel.depth_mm, 0.5 * disc.height_mm + 0.6)
        nucleus = ellipsoid(patch.x, patch.y + 0.05 * barrel.depth_mm, patch.z, (0, 0, 0), core)
        canvas.paint(patch, canvas.opacity(nucleus * 0.5) * np.float32(disc.health), "nucleus")
        cleft = ellipsoid(patch.x, patch.y, patch.z, (0, 0, 0), (0.9 * core[0], 0.8 * core[1], 0.7))
        canvas.paint(patch, canvas.opacity(cleft) * np.float32(0.6 * disc.health), "cleft")


def _disc_barrel(disc: DiscShape, above: BodyShape, below: BodyShape) -> BodyShape:
    """Disc as a column that reaches into the hollows of both endplates; what a body covers is the body's."""
    hollow = max(above.endplate_concavity_mm, below.endplate_concavity_mm)
    return BodyShape(
        width_mm=(above.width_mm + below.width_mm) / 2 - 1.0 + disc.bulge_mm,
        depth_mm=(above.depth_mm + below.depth_mm) / 2 - 1.0 + disc.bulge_mm,
        height_mm=disc.height_mm + 2 * hollow + 1.0,
        wedge_degrees=disc.wedge_degrees,
        posterior_concavity_mm=0.5 * above.posterior_concavity_mm,
        exponent=above.exponent,
    )


def paint_sacrum(canvas: Canvas, chain: Chain) -> None:
    """Paint S1 to S5 with the wings, the remains of their discs, and fat in the foramina."""
    scale = chain.parameters.scale
    for level, (frame, shape) in enumerate(zip(chain.sacrum, chain.parameters.sacrum, strict=True)):
        wing = max(0.4, 1 - 0.2 * level)
        for side in (-1.0, 1.0):
            _paint_wing(canvas, frame, shape, side, wing * scale)
        top = replace(shape, height_mm=shape.height_mm + 3.0 * scale)
        canvas.paint_shape(frame, top.reach_mm, top.signed_distance, "annulus")
    for frame, shape in zip(chain.sacrum, chain.parameters.sacrum, strict=True):
        _paint_bone(canvas, frame, shape, "sacral-marrow")
    for frame, shape in zip(chain.sacrum[:3], chain.parameters.sacrum[:3], strict=True):
        for side in (-1.0, 1.0):
            hole = (side * 0.32 * shape.width_mm, -2.0, -0.5 * shape.height_mm)
            _paint_ellipsoid(canvas, frame, hole, (5 * scale, 8 * scale, 5 * scale), "fat")
            _paint_ellipsoid(canvas, frame, hole, (2.5 * scale, 2.5 * scale, 3.5 * scale), "nerve")


def _paint_wing(canvas: Canvas, frame: Frame, shape: BodyShape, side: float, size: float) -> None:
    centre = (side * 0.55 * shape.width_mm, -3.0 * size, -1.0)
    half = (30.0 * size, 0.5 * shape.depth_mm, 0.55 * shape.height_mm)
    _paint_ellipsoid(canvas, frame, centre, half, "cortex")
    inner = (half[0] - CORTEX_MM, half[1] - CORTEX_MM, half[2] - CORTEX_MM)
    _paint_ellipsoid(canvas, frame, centre, inner, "sacral-marrow")


def _paint_ellipsoid(canvas: Canvas, frame: Frame, centre: Point, half: Point, tissue: str) -> None:
    patch = canvas.patch(frame, centre, half)
    if patch is not None:
        distance = ellipsoid(patch.x, patch.y, patch.z, centre, half)
        canvas.paint(patch, canvas.opacity(distance), tissue)


def _paint_bone(canvas: Canvas, frame: Frame, shape: BodyShape, marrow: str) -> None:
    painted = canvas.paint_shape(frame, shape.reach_mm, shape.signed_distance, "cortex")
    if painted is not None:
        patch, distance = painted
        canvas.paint(patch, canvas.opacity(distance + CORTEX_MM), marrow)


def paint_bodies(canvas: Canvas, chain: Chain, values: dict[str, int], rng: np.random.Generator) -> None:
    """Paint and label the vertebral bodies: cortex, marrow, basivertebral vein, fatty patches."""
    for level, (frame, shape) in enumerate(zip(chain.bodies, chain.parameters.bodies, strict=True)):
        patches = [rng.uniform(-0.7, 0.7, size=3) for _ in range(rng.poisson(2.5 * chain.parameters.marrow_fat))]
        patch = canvas.patch(frame, (0.0, 0.0, 0.0), shape.reach_mm)
        if patch is None:
            continue
        distance = shape.signed_distance(patch.x, patch.y, patch.z)
        canvas.paint(patch, canvas.opacity(distance), "cortex")
        inside = canvas.opacity(distance + CORTEX_MM)
        canvas.paint(patch, inside, "marrow")
        for place in patches:
            a, b, c = place * np.array(shape.reach_mm) * 0.8
            spot = ellipsoid(patch.x, patch.y, patch.z, (a, b, c), (4.5, 4.0, 3.5))
            canvas.paint(patch, inside * canvas.opacity(spot * 0.6) * np.float32(0.55), "yellow-marrow")
        back = -shape.depth_mm / 2 + shape.waist_mm + 0.5
        for half in ((6.0, 0.26 * shape.depth_mm, 1.3), (4.0, 3.0, 2.6)):
            vein = ellipsoid(patch.x, patch.y, patch.z, (0.0, back, 0.0), half)
            canvas.paint(
                patch, canvas.opacity(distance + 0.5) * canvas.opacity(vein) * np.float32(0.7), "basivertebral-vein"
            )
        name = f"vertebra-{LEVELS[level]}"
        if name in values and is_in_view(canvas, frame):
            canvas.label(patch, distance < 0, values[name])


def is_in_view(canvas: Canvas, frame: Frame) -> bool:
    """Whether the middle of a level lies on the grid; a level cut through above its middle carries no label."""
    matrix = np.linalg.inv(canvas.grid.affine)
    index = matrix[:3, :3] @ frame.origin + matrix[:3, 3]
    return bool(((index > -0.5) & (index < np.array(canvas.grid.shape) - 0.5)).all())


def paint_arches(canvas: Canvas, chain: Chain, values: dict[str, int]) -> None:
    """Paint the arches over muscle and fat; label them with their vertebra for the values given."""
    for level, frame in enumerate(chain.bodies):
        reach = (46.0, 45.0, 34.0)
        arch = _Arch(chain, level)
        patch = canvas.patch(frame, (0.0, -0.5 * arch.depth - 24.0, -4.0), reach)
        if patch is None:
            continue
        distance = arch.signed_distance(patch.x, patch.y, patch.z)
        canvas.paint(patch, canvas.opacity(distance), "cortex")
        canvas.paint(patch, canvas.opacity(distance + 0.9), "marrow")
        name = f"vertebra-{LEVELS[level]}"
        if name in values and is_in_view(canvas, frame):
            # the body keeps its own voxels and the pedicles end in it
            canvas.label(patch, distance < 0, values[name])


class _Arch:
    """Pedicles, laminae and processes of one level as rods and plates, in its body's frame."""

    def __init__(self, chain: Chain, level: int) -> None:
        parameters, body = chain.parameters, chain.parameters.bodies[level]
        self.depth = body.depth_mm
        size, canal = parameters.arch_scale, parameters.canal_depth_mm
        thoracic = LEVELS[level].startswith("T")
        back, half = -body.depth_mm / 2, body.height_mm / 2
        pedicle_x = parameters.canal_width_mm / 2 + (4.0 if thoracic else 4.5) * size
        lamina_y = back - canal - 2.5 * size
        drop = -0.55 * half
        droop = -0.5 if thoracic else -0.22
        length = (26.0 if level else 20.0) * size
        tall = (7.0 if thoracic else 9.0) * size * (1.0 if level else 0.75)
        tip: Point = (0.0, lamina_y - length, drop - 2 * size + droop * length)
        root: Point = (0.0, lamina_y - 2 * size, drop)
        # each rod: its ends, radius and stretch along x, y, z
        self.rods: list[tuple[tuple[Point, Point], float, Point]] = [
            ((root, tip), tall, (0.36, 0.8, 1.0)),
        ]
        for side in (-1.0, 1.0):
            x = side * pedicle_x
            joint_y = back - 0.72 * canal
            self.rods += [
                (((x, back + 3, 0.28 * half), (x, joint_y, 0.28 * half)), 7.0 * size, (0.55, 1.0, 1.0)),
                (((x, joint_y - 1, -0.2 * half), (side * 1.5, lamina_y, drop)), 7.5 * size, (0.6, 0.45, 1.0)),
                (((x, joint_y, 0.1 * half), (1.12 * x, joint_y - 1, 1.05 * half)), 5.0 * size, (0.9, 0.8, 1.0)),
                (((x, joint_y - 3, -0.2 * half), (1.02 * x, joint_y - 8, -1.25 * half)), 5.0 * size, (0.9, 0.8, 1.0)),
                (((x, joint_y, 0.2 * half), (x + side * 22 * size, joint_y - 5, 0.25 * half)), 4.5 * size, (1, 0.7, 1)),
            ]

    def signed_distance(self, x: Array, y: Array, z: Array) -> Array:
        """Union of the rods, in mm."""
        distance = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), np.inf, dtype=np.float32)
        for ends, radius, stretch in self.rods:
            distance = np.minimum(distance, capsule(x, y, z, ends, radius, stretch))
        return distance
