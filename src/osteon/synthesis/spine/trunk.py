"""Painting what surrounds the spine: skin, fat, muscles, vessels, organs."""

from __future__ import annotations

import numpy as np

from osteon.synthesis.shapes import Point, ellipsoid, superellipse
from osteon.synthesis.spine.canvas import Canvas
from osteon.synthesis.spine.chain import WORLD, Chain, Curve

# Levels above L5 (negative: sacrum), distance from the back of the bodies to the skin of the back in mm, and the
# subcutaneous fat there against that at L3. Set by eye on supine scans.
BACK_LEVELS = (-8.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 11.0)
BACK_MM = (25.0, 32.0, 36.0, 44.0, 54.0, 68.0, 79.0, 80.0, 78.0, 72.0, 68.0, 65.0, 62.0)
BACK_FAT = (1.0, 1.1, 1.2, 1.4, 1.5, 1.5, 1.35, 1.15, 1.0, 0.8, 0.6, 0.5, 0.5)


class Trunk:
    """Surfaces of the trunk that follow a spine, as curves along world z."""

    def __init__(self, chain: Chain) -> None:
        parameters = chain.parameters
        heights = np.array([chain.height_of(level) for level in BACK_LEVELS])
        heights[0] = heights[1] - 60
        wall = np.array([chain.back_wall_y.at(z) for z in heights])
        growth = parameters.scale * np.array(BACK_MM) + 0.8 * (parameters.fat_mm - 14) * np.array(BACK_FAT)
        self.back = Curve.through(heights, wall - growth, 22.0)
        fat = np.maximum(4.0, parameters.fat_mm * np.array(BACK_FAT))
        self.fascia = Curve.through(heights, wall - growth + fat, 14.0)
        belly = np.array([0.9, 1.0, 1.02, 1.03, 1.03, 1.02, 1.0, 1.0, 1.0, 1.02, 1.08, 1.1, 1.05])
        self.front = Curve.through(heights, 0.25 * wall + parameters.belly_mm * belly, 35.0)
        self.front_fat_mm = 1.1 * parameters.fat_mm


def paint_trunk(canvas: Canvas, chain: Chain, trunk: Trunk) -> None:
    """Paint subcutaneous fat, skin, back muscles and the fat of the belly: the ground for all that follows."""
    patch = canvas.whole()
    parameters = chain.parameters
    middle = chain.middle_x(patch.z)
    aside = np.abs(patch.x - middle)
    # a shallow furrow along the spine
    furrow = np.float32(4.0) * np.exp(-((aside / 14) ** 2))
    from_back = patch.y - trunk.back(patch.z) - furrow
    to_front = trunk.front(patch.z) - patch.y - 0.004 * aside**2
    outside = np.maximum(-from_back, -to_front)
    canvas.paint(patch, canvas.opacity(outside), "skin")
    canvas.paint(patch, canvas.opacity(outside + 1.8), "fat")
    from_fascia = patch.y - trunk.fascia(patch.z) - furrow
    wall = patch.y - chain.back_wall_y(patch.z)
    canvas.paint(patch, canvas.opacity(-from_fascia - 0.7) * canvas.opacity(wall), "ligament")
    deep = canvas.opacity(-from_fascia + 0.7)
    canvas.paint(patch, deep * canvas.opacity(wall), "muscle")
    # more fat in the muscle towards the sacrum, in streaks
    low = np.clip((chain.height_of(2.5) - patch.z) / 120, -0.5, 1.0)
    streaks = canvas.mottle + 0.5 * canvas.grain - np.float32(1.9) + 2.0 * parameters.muscle_fat * (0.35 + low)
    canvas.paint(patch, deep * canvas.opacity(wall) * np.clip(0.5 * streaks, 0, 0.6), "fat")
    midline = np.clip(1.5 - aside / 3.5, 0, 1)
    canvas.paint(patch, deep * canvas.opacity(wall) * midline, "interspinous")
    belly = canvas.opacity(-wall) * canvas.opacity(-(to_front - trunk.front_fat_mm))
    canvas.paint(patch, belly, "muscle")
    inner = canvas.opacity(-wall) * canvas.opacity(-(to_front - trunk.front_fat_mm - 9.0))
    canvas.paint(patch, inner, "visceral-fat")


def paint_organs(canvas: Canvas, chain: Chain, trunk: Trunk, rng: np.random.Generator) -> None:
    """Paint bowel, bladder and liver into the belly, at random but clear of the spine."""
    scale = chain.parameters.scale
    for _ in range(70):
        z = float(rng.uniform(chain.height_of(-5.0) - 30, chain.height_of(4.5)))
        near = chain.back_wall_y.at(z) + 52 * scale
        far = trunk.front.at(z) - trunk.front_fat_mm - 14
        if far <= near:
            continue
        centre = (float(rng.uniform(-60, 60)), float(rng.uniform(near, far)), z)
        half = tuple(float(v) * scale for v in rng.uniform((9, 5, 6), (26, 12, 15)))
        filling = str(rng.choice(["bowel", "bowel", "gas", "muscle", "visceral-fat"]))
        _blob(canvas, centre, (half[0], half[1], half[2]), "bowel")
        _blob(canvas, centre, (half[0] - 2, half[1] - 2, half[2] - 2), filling)
    z = chain.height_of(5.5) + 30 * scale
    place = (float(rng.uniform(0, 40)), chain.back_wall_y.at(z) + 92 * scale, z)
    _blob(canvas, place, (80 * scale, 46 * scale, float(rng.uniform(60, 80)) * scale), "liver")
    z = chain.height_of(-4.5) - 25 * scale
    size = float(rng.uniform(0.5, 1.1)) * scale
    place = (float(rng.uniform(-10, 10)), chain.back_wall_y.at(chain.height_of(-1.0)) + 25 * scale, z)
    _blob(canvas, place, (40 * size, 38 * size, 30 * size), "muscle")
    _blob(canvas, place, (36 * size, 34 * size, 26 * size), "urine")


def _blob(canvas: Canvas, centre: Point, half: Point, tissue: str) -> None:
    patch = canvas.patch(WORLD, centre, half)
    if patch is not None:
        canvas.paint(patch, canvas.opacity(ellipsoid(patch.x, patch.y, patch.z, centre, half)), tissue)


def paint_beside_spine(canvas: Canvas, chain: Chain) -> None:
    """Paint psoas, great vessels, and the fat and roots of the foramina; bodies and discs go over them."""
    scale = chain.parameters.scale
    wall = chain.back_wall_y.values
    place = (0.0, float(wall.min() + wall.max()) / 2 + 45 * scale, 0.0)
    patch = canvas.patch(WORLD, place, (200.0, float(np.ptp(wall)) / 2 + 60 * scale, 1000.0))
    if patch is None:
        return
    z = patch.z
    x = patch.x - chain.middle_x(z)
    y = patch.y - chain.back_wall_y(z)
    levels = np.array([chain.height_of(level) for level in (-5, -3, -1, 0, 1, 2, 3, 4, 5)])
    wide = Curve.through(levels, scale * np.array([17, 17, 17, 18, 18, 16, 13, 8, 2.0]), 10)
    ahead = Curve.through(levels, scale * np.array([75, 58, 38, 24, 18, 16, 15, 14, 14.0]), 10)
    aside = Curve.through(levels, scale * np.array([62, 55, 46, 42, 39, 36, 33, 30, 27.0]), 10)
    for side in (-1.0, 1.0):
        psoas, _ = superellipse(x - np.float32(side) * aside(z), y - ahead(z), wide(z), 1.15 * wide(z), 2)
        canvas.paint(patch, canvas.opacity(psoas), "muscle")
    front = Curve.through(levels, scale * np.array([44, 44, 44, 46, 47, 47, 47, 46, 46.0]), 10)
    fork = chain.height_of(0.8)
    for side, radius in ((-9.0, 8.5), (14.0, 9.5)):  # aorta on the left, vena cava on the right
        spread = 1 + np.clip(fork - z, 0, 60) * np.float32(0.045)
        shrink = 1 - np.clip(fork - z, 0, 40) * np.float32(0.009)
        depth = np.float32(0.85 * radius * scale) * shrink
        vessel, _ = superellipse(x - side * scale * spread, y - front(z), radius * scale * shrink, depth, 2)
        canvas.paint(patch, canvas.opacity(np.maximum(vessel, chain.height_of(-2.5) - z)), "flow")
    _paint_foramina(canvas, chain)


def _paint_foramina(canvas: Canvas, chain: Chain) -> None:
    parameters = chain.parameters
    for frame, disc, body in zip(chain.discs, parameters.discs, parameters.bodies, strict=True):
        high = 0.30 * body.height_mm + disc.height_mm / 2
        back = -body.depth_mm / 2
        for side in (-1.0, 1.0):
            x = side * (parameters.canal_width_mm / 2 + 5)
            for centre, half, tissue in (
                ((x, back - 5.0, 4.0), (9.0, 6.0, high), "fat"),
                ((x, back - 4.5, 7.0), (5.0, 2.6, 3.0), "nerve"),
            ):
                patch = canvas.patch(frame, centre, half)
                if patch is not None:
                    distance = ellipsoid(patch.x, patch.y, patch.z, centre, half)
                    canvas.paint(patch, canvas.opacity(distance), tissue)
        centre = (0.0, back - parameters.canal_depth_mm - 1.5, -1.0)
        half = (5.0, 4.5, 0.36 * body.height_mm)
        patch = canvas.patch(frame, centre, half)
        if patch is not None:
            canvas.paint(patch, canvas.opacity(ellipsoid(patch.x, patch.y, patch.z, centre, half)), "fat")
