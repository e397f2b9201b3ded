"""The foot: tarsus, metatarsals and toes as rods and ellipsoids, and the flesh around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.synthesis.legs.parameters import LegParameters, SideParameters
from osteon.synthesis.legs.solids import BoneField, rod
from osteon.synthesis.shapes import Array, Point, ellipsoid

# Of an adult man's foot of 265 mm, from the middle of the plafond: lateral, anterior, up.
BLOCKS: tuple[tuple[Point, Point], ...] = (
    ((0.0, -2.0, -13.0), (17.0, 24.0, 12.0)),  # talus: body
    ((-5.0, 26.0, -19.0), (13.0, 14.0, 12.0)),  # talus: head
    ((4.0, -22.0, -45.0), (15.0, 31.0, 19.0)),  # calcaneus
    ((11.0, 18.0, -40.0), (12.0, 20.0, 12.0)),  # calcaneus: front
    ((-12.0, 46.0, -24.0), (17.0, 8.5, 12.0)),  # navicular
    ((17.0, 51.0, -43.0), (13.0, 15.0, 11.0)),  # cuboid
    ((-22.0, 65.0, -32.0), (9.0, 11.0, 14.0)),  # cuneiforms
    ((-8.0, 63.0, -27.0), (7.5, 9.0, 11.0)),
    ((3.0, 62.0, -31.0), (8.0, 10.0, 11.0)),
)
RAYS: tuple[tuple[Point, Point, float, float], ...] = (
    ((-25.0, 78.0, -36.0), (-33.0, 132.0, -56.0), 8.0, 46.0),  # first metatarsal: base, head, radius; length of the toe
    ((-9.0, 76.0, -30.0), (-12.0, 140.0, -53.0), 5.0, 42.0),
    ((3.0, 75.0, -34.0), (5.0, 134.0, -55.0), 4.8, 36.0),
    ((14.0, 70.0, -40.0), (21.0, 124.0, -57.0), 4.8, 32.0),
    ((24.0, 64.0, -47.0), (35.0, 112.0, -59.0), 5.2, 28.0),
)
FLESH: tuple[tuple[Point, Point, float], ...] = (
    ((3.0, -26.0, -48.0), (4.0, 5.0, -46.0), 27.0),  # heel
    ((0.0, -2.0, -10.0), (0.0, 30.0, -30.0), 28.0),
    ((-4.0, 25.0, -32.0), (-12.0, 80.0, -44.0), 24.0),
    ((8.0, 25.0, -40.0), (16.0, 75.0, -50.0), 21.0),
    ((-14.0, 80.0, -45.0), (-22.0, 132.0, -58.0), 18.0),
    ((14.0, 75.0, -50.0), (20.0, 122.0, -60.0), 15.0),
)


class Foot:
    """A foot in its own frame, origin in the middle of the plafond.

    Parameters
    ----------
    side : SideParameters
    body : LegParameters
    """

    def __init__(self, side: SideParameters, body: LegParameters) -> None:
        # a child's foot is nearer its adult length than the leg is (Anderson, Blais and Green 1956)
        self.scale = side.width * (side.tibia_length_mm / (355.0 * side.width)) ** 0.3
        self.body = body

    def field(self, x: Array, y: Array, z: Array) -> BoneField:
        """Sample the bones; they stay apart by the cartilage between them."""
        s = np.float32(self.scale)
        x, y, z = x / s, y / s, z / s
        distance = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), np.inf, np.float32)
        depth = np.zeros_like(distance)
        share = self.body.unossified("foot")
        for centre, half in BLOCKS:
            # the dome of the talus stays below the plafond
            block = ellipsoid(x, y, z, centre, half) + np.float32(0.5)
            depth[block < distance] = share * min(half)
            distance = np.minimum(distance, block)
        for start, end, radii in self._long_bones():
            bone = rod(x, y, z, start, end, radii)
            depth[bone < distance] = 0.5 * share * radii[1]
            distance = np.minimum(distance, bone)
        return BoneField(np.asarray(distance * s, np.float32), np.asarray(depth * s, np.float32))

    def _long_bones(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, float]]]:
        """Metatarsals and two phalanges of each toe as rods."""
        rods = []
        for base, head, radius, toe in RAYS:
            a, b = np.array(base), np.array(head)
            onward = np.array([0.08 * a[0] / 25, 1.0, 0.05])
            middle = b + onward * toe * 0.55
            rods.append((a, b, (radius, 0.9 * radius)))
            rods.append((b + onward * radius * 2.4, middle, (0.8 * radius, 0.65 * radius)))
            rods.append((middle + onward * radius * 1.8, b + onward * toe, (0.65 * radius, 0.6 * radius)))
        return rods

    def flesh(self, x: Array, y: Array, z: Array) -> Array:
        """Distance to the foot without its skin."""
        s = np.float32(self.scale)
        x, y, z = x / s, y / s, z / s
        distance = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), np.inf, np.float32)
        for start, end, radius in FLESH:
            distance = np.minimum(distance, rod(x, y, z, np.array(start), np.array(end), (radius, 0.85 * radius)))
        for _, head, radius, toe in RAYS:
            tip = np.array(head) + np.array([0.0, toe, 2.0])
            distance = np.minimum(distance, rod(x, y, z, np.array(head), tip, (radius * 1.6, radius * 1.35)))
        sole = np.float32(-74.0) - z
        return np.asarray(np.maximum(distance, sole) * s, np.float32)
