"""Painting the spinal canal: epidural fat, thecal sac, cord and roots."""

from __future__ import annotations

import numpy as np

from osteon.synthesis.patch import Patch
from osteon.synthesis.shapes import Array, superellipse
from osteon.synthesis.spine.canvas import Canvas
from osteon.synthesis.spine.chain import WORLD, Chain


def paint_canal(canvas: Canvas, chain: Chain, value: int | None, rng: np.random.Generator) -> None:
    """Paint the canal down to S3 and the thecal sac in it, which ends at S2; label the canal with ``value``.

    Cross-sections are ellipses across the spine's lean, behind a curve through the back of the bodies.
    """
    parameters = chain.parameters
    heights = chain.back_wall_y.values
    place = (chain.middle_x.at(chain.height_of(2.0)), float(heights.min() + heights.max()) / 2, 0.0)
    world = canvas.patch(WORLD, place, (40.0, float(np.ptp(heights)) / 2 + 45, 1000.0))
    if world is None:
        return
    z = world.z
    deep, wide = parameters.canal_depth_mm / 2, parameters.canal_width_mm / 2
    y = (world.y - chain.back_wall_y(z)) * np.cos(chain.lean(z)) + np.float32(deep + 0.8)
    patch = Patch(world.box, world.x - chain.middle_x(z), y, z)
    bottom, full = chain.height_of(-3.0), chain.height_of(0.0)
    narrowing = np.clip((z - bottom) / (full - bottom), 0.35, 1)
    canal, _ = superellipse(patch.x, y, wide * narrowing, deep * narrowing, 2)
    canal = np.maximum(canal, (bottom - z) * np.float32(0.7))
    canvas.paint(patch, canvas.opacity(canal - 0.8), "ligament")
    canvas.paint(patch, canvas.opacity(canal), "fat")
    sac_end = chain.height_of(-1.9)
    taper = np.clip((z - sac_end) / (full - sac_end), 0.0, 1) ** 0.5
    # the sac lies towards the front wall where it is full and leaves fat behind
    sac, _ = superellipse(patch.x, y - 0.6, (wide - 1.6) * taper + 0.01, (deep - 1.2) * (0.3 + 0.7 * taper), 2)
    sac = np.maximum(sac, sac_end - z)
    canvas.paint(patch, canvas.opacity(sac - 0.7), "ligament")
    canvas.paint(patch, canvas.opacity(sac), "csf")
    _paint_nerves(canvas, chain, patch, sac, rng)
    if value is not None:
        canvas.label(patch, canal < 0, value)


def _paint_nerves(canvas: Canvas, chain: Chain, patch: Patch, sac: Array, rng: np.random.Generator) -> None:
    """Cord and conus down to L1/L2; below, roots as strands that settle at the back of the sac (supine)."""
    conus = chain.height_of(3.6)
    cord = np.clip((patch.z - conus) / 35.0, 0.0, 1) ** 0.6
    rod, _ = superellipse(patch.x, patch.y + 0.5, 5.0 * cord + 0.01, 3.8 * cord + 0.01, 2)
    canvas.paint(patch, canvas.opacity(np.maximum(rod, conus - patch.z)), "nerve")
    strands = rng.random((64, 64), dtype=np.float32)
    across = np.clip(patch.x * 1.1 + 32, 0, 63).astype(np.intp)
    deep = np.clip(patch.y * 1.4 + 0.02 * patch.z + 32, 0, 63).astype(np.intp)
    rear = np.clip(0.35 - patch.y / 5.0, 0, 1) * np.clip((conus + 15 - patch.z) / 20, 0, 1)
    canvas.paint(patch, canvas.opacity(sac + 0.8) * rear * strands[across, deep], "roots")
