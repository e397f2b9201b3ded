"""The lower trunk: sacrum and lumbar stub, belly wall, and what fills the pelvis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteon.synthesis.legs.canvas import Canvas
from osteon.synthesis.legs.parameters import LegParameters
from osteon.synthesis.legs.solids import BoneField, rod, smooth_union
from osteon.synthesis.patch import Patch
from osteon.synthesis.shapes import Array, BodyShape, Point, ellipsoid, superellipse

# Of an adult man, in mm from the middle between the femoral heads. Sacral bodies from S1 down with their wings:
# front to back, up, half axes; rounded from four CT scans (Hiasa et al.).
SACRUM = (
    (-50.0, 98.0, (53.0, 21.0, 15.0)),
    (-62.0, 78.0, (47.0, 19.0, 15.0)),
    (-76.0, 58.0, (38.0, 14.0, 14.0)),
    (-86.0, 38.0, (29.0, 10.0, 13.0)),
    (-90.0, 19.0, (21.0, 8.0, 12.0)),
    (-84.0, 2.0, (9.0, 6.0, 12.0)),
    (-74.0, -14.0, (6.0, 5.0, 10.0)),
)
LUMBAR = ((-33.0, 128.0, 14.0), (-26.0, 162.0, 2.0), (-26.0, 197.0, -6.0))
"""L5 to L3: front to back, up, and how far the body leans forward in degrees."""

TOP_MM = 185.0
"""Where a whole body's map ends, about L4."""

# Fascia of the trunk by height: half width, and the skin's depth behind the hips; the belly gives the front.
HEIGHT = (-78.0, -70, -55, -20, 20, 60, 100, 150, 210)
HALF_WIDTH = (6.0, 36, 62, 100, 122, 138, 148, 146, 142)
BACK = (-4.0, -20, -38, -75, -105, -112, -114, -110, -108)
FRONT = (10.0, 32, 48, 62, 62, 62, 62, 66, 70)
CAVITY = (0.0, 10, 28, 46, 52, 66, 104, 134, 134)
"""Half width of the inside of the pelvis and belly."""


class Trunk:
    """The lower trunk in world coordinates (RAS mm), symmetric about the midline.

    Parameters
    ----------
    body : LegParameters
    """

    def __init__(self, body: LegParameters) -> None:
        self.body = body
        self.scale, self.size = body.pelvis_scale, body.pelvis_size

    @property
    def top_mm(self) -> float:
        """Height of the upper end of the map."""
        return TOP_MM * self.body.pelvis_height

    def patch(
        self,
        canvas: Canvas,
        low_mm: Sequence[float] = (-230.0, -190.0, -115.0),
        high_mm: Sequence[float] = (230.0, 260.0, 215.0),
    ) -> Patch | None:
        """Voxels of the trunk, or of a box of it, in mm of the adult man."""
        return canvas.patch(np.diag([*(1 / self.scale), 1.0]), low_mm, high_mm)

    def outline(self, patch: Patch, grown_mm: float = 0.0) -> Array:
        """Distance to the fascia, in mm, at a patch's points; larger for the skin by ``grown_mm``."""
        wide, back, front = (_at(patch.z, HEIGHT, v) for v in (HALF_WIDTH, BACK, FRONT))
        # the belly stands out over the pelvis
        belly = self.body.belly_mm / self.body.pelvis_depth - 92.0
        front = front + np.float32(belly) * _at(patch.z, (-10, 100), (0, 1))
        grown = np.float32(grown_mm / self.size)
        half = np.asarray((front - back) / 2 + grown, np.float32)
        distance, _ = superellipse(
            patch.x, np.asarray(patch.y - (front + back) / 2, np.float32), wide + grown, half, 2.4
        )
        return np.asarray(np.maximum(distance, (-78 - grown - patch.z)) * np.float32(self.size), np.float32)

    def fill_inside(self, canvas: Canvas, patch: Patch, outline: Array, rng: np.random.Generator) -> None:
        """Fill wall, fat, bowel, bladder and rectum within the fascia."""
        canvas.fill(patch, (outline < 0) & (patch.z > 60), "trunk-muscle", only=("subcutaneous-fat", "air", "skin"))
        canvas.fill(patch, outline < 0, "intermuscular-fat", only=("subcutaneous-fat", "air", "skin"))
        cavity = _at(patch.z, HEIGHT, CAVITY)
        back = _at(patch.z, (-60, -20, 20, 60, 100, 200), (-20, -62, -78, -62, -30, -22))
        side, _ = superellipse(patch.x, patch.y - 20, cavity + 1, np.full_like(cavity, 130), 3.0)
        inside = (side < 0) & (outline < -12 * self.size) & (patch.y > back) & (patch.z > -45)
        canvas.fill(patch, inside, "visceral-fat")
        # the rectus in front of the pelvis, the oblique muscles around the belly above the crests
        wall = (outline < -1) & (outline > -12 * self.size) & (patch.y > 30) & (np.abs(np.abs(patch.x) - 38) < 34)
        wall |= (outline < -1) & (outline > -15 * self.size) & (patch.z > 84) & (patch.y > -80) & (np.abs(patch.x) > 78)
        canvas.fill(patch, wall, "trunk-muscle", only=("intermuscular-fat", "visceral-fat", "bowel", "gas"))
        self._fill_organs(canvas, rng)

    def _fill_organs(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Fill what lies in the visceral fat: loops of bowel, rectum, uterus or prostate, pelvic floor, bladder."""
        for _ in range(26):
            place = (float(rng.uniform(-100, 100)), float(rng.uniform(-20, 60)), float(rng.uniform(25, 200)))
            half = (float(rng.uniform(12, 30)), float(rng.uniform(12, 20)), float(rng.uniform(12, 26)))
            self._fill_ellipsoid(canvas, place, half, "bowel")
            if rng.random() < 0.35:
                self._fill_ellipsoid(canvas, place, (0.6 * half[0], 0.5 * half[1], 0.6 * half[2]), "gas")
        full = float(rng.uniform(0.5, 1.25))
        for height, front in ((50.0, -66.0), (30.0, -68.0), (8.0, -60.0), (-14.0, -50.0), (-34.0, -40.0)):
            self._fill_ellipsoid(canvas, (3.0, front, height), (13.0, 12.0, 17.0), "bowel")
        self._fill_ellipsoid(canvas, (0.0, -14.0, 12.0), (24.0, 19.0, 27.0), "viscera")
        self._fill_ellipsoid(canvas, (0.0, -10.0, -38.0), (26.0, 38.0, 14.0), "trunk-muscle")
        place = (float(rng.uniform(-8, 8)), 20.0, 12.0 + 12 * full)
        self._fill_ellipsoid(canvas, place, (40 * full + 3, 28 * full + 3, 30 * full + 3), "viscera")
        self._fill_ellipsoid(canvas, place, (40 * full, 28 * full, 30 * full), "bladder")

    def _fill_ellipsoid(self, canvas: Canvas, centre: Point, half: Point, part: str) -> None:
        a, b = np.array(centre), np.array(half) + 2.0
        patch = self.patch(canvas, (a - b).tolist(), (a + b).tolist())
        if patch is not None:
            inside = ellipsoid(patch.x, patch.y, patch.z, centre, half) < 0
            canvas.fill(patch, inside, part, only=("visceral-fat", "bowel", "viscera"))

    def sacrum(self, x: Array, y: Array, z: Array) -> BoneField:
        """Sample the sacrum at points in mm of the adult man."""
        distance = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), np.inf, np.float32)
        for y_mm, z_mm, half in SACRUM:
            # the wings run back as they run out
            bent = np.asarray(y + np.float32(0.22) * np.abs(x), np.float32)
            distance = smooth_union(distance, ellipsoid(x, bent, z, (0.0, y_mm + 4.0, z_mm), half), 9.0)
        for side in (-1.0, 1.0):
            for level, (y_mm, z_mm, _) in enumerate(SACRUM[:4]):
                out = side * (21.0 - 2.5 * level)
                hole = rod(
                    x, y, z, np.array([out, y_mm + 20, z_mm - 10]), np.array([out, y_mm - 4, z_mm - 10]), (4.5, 3.5)
                )
                distance = np.maximum(distance, -hole)
        ridge = rod(x, y, z, np.array([0.0, -74.0, 100.0]), np.array([0.0, -98.0, 45.0]), (7.0, 5.0))
        distance = smooth_union(distance, ridge, 4.0)
        canal = rod(x, y, z, np.array([0.0, -62.0, 112.0]), np.array([0.0, -84.0, 50.0]), (8.0, 3.0))
        distance = np.maximum(distance, -canal)
        thick = self.body.unossified("pelvis") * 8.0
        return BoneField(np.asarray(distance * self.size, np.float32), np.float32(thick) * np.ones_like(distance))

    def fill_spine(self, canvas: Canvas) -> None:
        """Fill L5 to L3 with discs, canal and arches."""
        patch = self.patch(canvas, (-60.0, -130.0, 70.0), (60.0, 10.0, 225.0))
        if patch is None:
            return
        x, y, z = patch.x, patch.y, patch.z
        column = rod(x, y, z, np.array([0.0, -42.0, 112.0]), np.array([0.0, -26.0, 225.0]), (20.0, 20.0))
        canvas.fill(patch, (column < 0) & (z > 108), "disc")
        canal = rod(x, y, z, np.array([0.0, -66.0, 112.0]), np.array([0.0, -52.0, 225.0]), (10.0, 9.0))
        for y_mm, z_mm, lean in LUMBAR:
            c, s = np.float32(np.cos(np.radians(lean))), np.float32(np.sin(np.radians(lean)))
            v, w = (y - y_mm) * c + (z - z_mm) * s, (z - z_mm) * c - (y - y_mm) * s
            shape = BodyShape(48.0, 34.0, 26.5, waist_mm=2.0, endplate_concavity_mm=1.0, corner_mm=2.0)
            distance = shape.signed_distance(x, v, w)
            for side in (-1.0, 1.0):
                process = rod(
                    x, v, w, np.array([side * 14.0, -14.0, 5.0]), np.array([side * 42.0, -28.0, 4.0]), (6.0, 3.5)
                )
                lamina = rod(x, v, w, np.array([side * 16.0, -22.0, 0.0]), np.array([0.0, -42.0, -8.0]), (7.0, 5.5))
                distance = np.minimum(distance, np.minimum(process, lamina))
            spine = rod(x, v, w, np.array([0.0, -42.0, -8.0]), np.array([0.0, -64.0, -12.0]), (5.0, 6.0))
            distance = np.maximum(np.minimum(distance, spine), -canal)
            canvas.fill_bone(patch, BoneField(np.asarray(distance * self.size, np.float32)), "spine")
        canvas.fill(patch, canal < -1, "canal")


def _at(z: Array, heights: tuple[float, ...], values: tuple[float, ...]) -> Array:
    return np.asarray(np.interp(z, heights, values), dtype=np.float32)
