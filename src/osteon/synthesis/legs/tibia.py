"""Tibia and fibula: plateau, three-cornered shaft, plafond and malleoli, twisted by the torsion of the tibia."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.synthesis.legs.parameters import LegParameters, SideParameters
from osteon.synthesis.legs.solids import BoneField, Tube, rod, smooth_union
from osteon.synthesis.shapes import Array, ellipsoid

# Tibia of an adult man by height under the plateau as a share of the length; mm. Rounded from surfaces of the Visible
# Human (Andreassen et al. 2023, CC BY 4.0) and of CT.
HEIGHT = (-1.0, -0.96, -0.90, -0.80, -0.65, -0.50, -0.35, -0.25, -0.17, -0.11, -0.06, -0.025, 0.0)
CENTRE_X = (0.0, 0.0, 0.0, -1.0, -2.0, -2.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
CENTRE_Y = (0.0, 0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 9.0, 9.0, 7.5, 4.5, 1.0, 0.0)
ACROSS = (24.0, 22.5, 17.5, 12.8, 11.2, 11.8, 13.2, 15.5, 19.5, 26.0, 33.5, 37.0, 38.0)
DEEP = (19.5, 18.0, 15.0, 12.0, 11.8, 13.2, 15.0, 17.0, 19.5, 21.0, 22.5, 24.0, 23.5)
CORNERS = (0.0, 0.0, 0.04, 0.12, 0.19, 0.20, 0.19, 0.17, 0.13, 0.07, 0.02, 0.0, 0.0)

# The fibula beside it: centre and mean radius.
FIBULA_HEIGHT = (-1.02, -0.97, -0.92, -0.82, -0.65, -0.50, -0.35, -0.20, -0.12, -0.085, -0.06)
FIBULA_X = (30.5, 30.0, 26.0, 23.0, 23.0, 25.5, 28.0, 31.0, 35.0, 36.5, 36.0)
FIBULA_Y = (0.0, 0.0, -5.0, -12.0, -20.0, -24.0, -25.0, -25.0, -22.0, -20.0, -18.0)
FIBULA_RADIUS = (8.5, 9.3, 7.5, 5.9, 6.1, 6.3, 5.9, 5.5, 7.5, 11.0, 10.0)
MALLEOLUS_MM = 31.0
"""From the middle of the plafond to the middle of the lateral malleolus."""


class Tibia:
    """A tibia and its fibula in their frame: z up from the middle of the plateau, x the transverse axis.

    Parameters
    ----------
    side : SideParameters
    body : LegParameters
    """

    def __init__(self, side: SideParameters, body: LegParameters) -> None:
        self.side, self.body = side, body
        self.length_mm = side.tibia_length_mm
        share = np.array(HEIGHT)
        w, s = side.width, side.shaft_width
        size = np.interp(share, (-0.97, -0.85, -0.25, -0.1), (w, s, s, w))
        self.shaft = Tube(
            z_mm=share * self.length_mm,
            x_mm=np.array(CENTRE_X) * size,
            y_mm=np.array(CENTRE_Y) * size,
            a_mm=np.array(ACROSS) * size,
            b_mm=np.array(DEEP) * size,
            corners=np.array(CORNERS),
            ridge=np.zeros(len(share)),
            rounding_mm=5.0 * w,
        )
        share = np.array(FIBULA_HEIGHT)
        size = np.interp(share, (-0.97, -0.85, -0.25, -0.1), (w, s, s, w))
        radius = np.array(FIBULA_RADIUS) * size
        self.fibula = Tube(
            z_mm=share * self.length_mm,
            x_mm=np.array(FIBULA_X) * w,
            y_mm=np.array(FIBULA_Y) * w,
            a_mm=radius * 0.92,
            b_mm=radius * 1.05,
            corners=np.interp(share, (-0.95, -0.8, -0.2, -0.1), (0.0, 0.15, 0.15, 0.0)),
            ridge=np.zeros(len(share)),
        )

    @property
    def plate_heights_mm(self) -> tuple[float, float]:
        """Heights of the proximal and distal growth plates."""
        return -0.052 * self.length_mm, -self.length_mm * 0.957

    def truth(self) -> dict[str, float]:
        """Measurements of the ossified tibia, by column; its joint surfaces lie inside the cartilage in children."""
        lost = self.knee_cartilage_mm + self.ankle_cartilage_mm
        return {
            "mechanical_length_mm": self.length_mm - lost,
            "torsion_degrees": self.side.torsion_degrees,
        }

    @property
    def knee_cartilage_mm(self) -> float:
        """Depth of unossified cartilage under the plateau."""
        return self.body.unossified("knee") * 17.0 * self.side.width

    @property
    def ankle_cartilage_mm(self) -> float:
        """Depth of unossified cartilage over the plafond."""
        return self.body.unossified("knee") * 11.0 * self.side.width

    def _twisted(self, x: Array, y: Array, z: Array) -> tuple[Array, Array]:
        """Coordinates across the bone, turned back by the torsion that it has at each height."""
        share = np.interp(z, (-0.97 * self.length_mm, -0.2 * self.length_mm), (1.0, 0.0))
        angle = np.asarray(share * np.radians(self.side.torsion_degrees), np.float32)
        c, s = np.cos(angle), np.sin(angle)
        return np.asarray(c * x - s * y, np.float32), np.asarray(s * x + c * y, np.float32)

    def tibia_field(self, x: Array, y: Array, z: Array) -> BoneField:
        """Sample the tibia at local points."""
        w, long = self.side.width, self.length_mm
        u, v = self._twisted(x, y, z)
        distance = self.shaft.distance(u, v, z)
        # the hollow between the condyles at the back of the plateau
        hollow = np.float32(9.0 * w) - np.sqrt(x * x + (y + np.float32(27.0 * w)) ** 2)
        distance = np.where(z > -0.05 * long, np.maximum(distance, hollow), distance)
        tubercle = ellipsoid(x, y, z, (3.0 * w, 21.0 * w, -0.105 * long), (9.0 * w, 9.5 * w, 17.0 * w))
        distance = smooth_union(distance, tubercle, 6.0 * w)
        malleolus = ellipsoid(u, v, z, (-20.0 * w, 0.0, -long - 2.0 * w), (7.0 * w, 11.0 * w, 16.0 * w))
        # filleted above the plafond only, so that the joint surface stays flat
        blend = smooth_union(distance, malleolus, 5.0 * w)
        distance = np.where(z > -long + 5.0 * w, blend, np.minimum(distance, malleolus))
        for x_mm in (-5.0, 5.0):
            spine = ellipsoid(x, y, z, (x_mm * w, -1.0 * w, -1.0), (3.5 * w, 7.0 * w, 6.0 * w))
            distance = np.minimum(distance, spine)
        upper, lower = self.plate_heights_mm
        plate, cartilage = self._growth(z, x, (upper, lower), (self.knee_cartilage_mm, self.ankle_cartilage_mm))
        if plate is not None:
            # the tubercle's own plate runs down behind it
            plate |= (np.abs(y - np.float32(19.0 * w)) < self.body.plate_mm / 2) & (tubercle < 0) & (z < upper)
        return BoneField(np.asarray(distance, np.float32), cartilage, plate)

    def fibula_field(self, x: Array, y: Array, z: Array) -> BoneField:
        """Sample the fibula at local points."""
        w, long = self.side.width, self.length_mm
        # the upper two thirds keep their place beside the plateau, the malleolus follows the torsion
        u, v = self._twisted(x, y, z)
        distance = self.fibula.distance(u, v, z)
        top = self.fibula.centre(-0.06 * long)
        head = ellipsoid(u, v, z, (float(top[0]), float(top[1]), -0.062 * long), (11.0 * w, 12.0 * w, 14.0 * w))
        tip = rod(
            u, v, z,
            np.array([MALLEOLUS_MM * w, 0.0, -long]),
            np.array([MALLEOLUS_MM * w, -1.0 * w, -long - 13.0 * w]),
            (9.5 * w, 7.5 * w),
        )  # fmt: skip
        distance = smooth_union(smooth_union(distance, head, 4.0 * w), tip, 4.0 * w)
        depth = self.body.unossified("fibula") * 8.0 * w
        plate, cartilage = self._growth(z, x, (-0.10 * long, -0.985 * long), (depth, depth))
        return BoneField(distance, cartilage, plate)

    def _growth(
        self, z: Array, x: Array, heights_mm: tuple[float, float], depths_mm: tuple[float, float]
    ) -> tuple[NDArray[np.bool_] | None, Array | float]:
        """Growth plates at two heights, and the depth of cartilage above the upper and below the lower one."""
        half = self.body.plate_mm / 2
        if half == 0:
            return None, 0.0
        wave = 1.2 * self.side.width * np.cos(x / np.float32(10.0 * self.side.width))
        above, below = z - np.float32(heights_mm[0]) - wave, z - np.float32(heights_mm[1]) - wave
        plate = (np.abs(above) < half) | (np.abs(below) < half)
        cartilage = np.where(above > 0, np.float32(depths_mm[0]), np.float32(0))
        cartilage = np.where(below < 0, np.float32(depths_mm[1]), cartilage)
        return plate, np.asarray(cartilage, np.float32)
