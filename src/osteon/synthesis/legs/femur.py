"""The femur: head, neck and trochanters, a bowed shaft, condyles with their notch; plates and epiphyses in children."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from osteon.synthesis.legs.parameters import LegParameters, SideParameters
from osteon.synthesis.legs.solids import BoneField, Tube, rod, smooth_union
from osteon.synthesis.shapes import Array, Point, ellipsoid, point

# Shaft of an adult man by height over the knee as a share of the length: half widths across and front to back, mm, and
# by how much its centre lies in front of the line between its ends. Rounded from sections of CT femora.
HEIGHT = (0.045, 0.06, 0.09, 0.13, 0.20, 0.28, 0.40, 0.55, 0.70, 0.80, 0.86, 0.91, 0.945)
ACROSS = (34.0, 38.5, 39.0, 32.0, 22.5, 18.0, 15.3, 14.7, 15.2, 16.5, 18.5, 18.0, 14.0)
DEEP = (17.0, 21.0, 23.0, 21.0, 17.5, 15.5, 14.8, 14.5, 14.6, 15.3, 17.0, 17.0, 13.0)
RIDGE = (0.0, 0.0, 0.0, 0.0, 0.04, 0.10, 0.17, 0.18, 0.15, 0.08, 0.0, 0.0, 0.0)

CONDYLE_X_MM = 22.5
CONDYLE_HALF_MM: Point = (17.0, 32.0, 24.0)
SHAFT_SPAN = (0.50, 0.75)
"""Heights between which the proximal shaft's axis is taken."""


class Femur:
    """A femur in its own frame: z from the knee to the centre of the head, condyles touching a plane behind along x.

    Parameters
    ----------
    side : SideParameters
    body : LegParameters
    """

    def __init__(self, side: SideParameters, body: LegParameters) -> None:
        self.side, self.body = side, body
        self.length_mm, w = side.femur_length_mm, side.width
        self.head_radius_mm = side.head_radius_mm
        self.neck_length_mm = 50.0 * w
        self.head = np.array([0.0, 0.0, self.length_mm])
        # the rise of the neck at which it makes its angle with the shaft, whose own axis depends on it
        rise = brentq(lambda r: self._angle_at(r) - side.neck_shaft_degrees, 0.0, 85.0, xtol=1e-6)
        self.neck_axis = self._neck_axis(float(rise))
        self.base = self.head - self.neck_length_mm * self.neck_axis
        self.shaft = self._shaft(self.base)

    def _neck_axis(self, rise_degrees: float) -> NDArray[np.float64]:
        """Unit vector from the shaft to the head: medially, up, and to the front by the anteversion."""
        t, a = np.radians(rise_degrees), np.radians(self.side.anteversion_degrees)
        return np.array([-np.cos(t) * np.cos(a), np.cos(t) * np.sin(a), np.sin(t)])

    def _shaft(self, base: NDArray[np.float64]) -> Tube:
        w, s = self.side.width, self.side.shaft_width
        share = np.array(HEIGHT)
        z = share * self.length_mm
        # joints scale with their width, the shaft between them with its own
        size = np.interp(share, (0.12, 0.25, 0.75, 0.9), (w, s, s, w))
        low = np.array([0.0, 7.0 * w, 0.09 * self.length_mm])
        along = np.clip((z - low[2]) / (base[2] - low[2]), 0, 1.1)
        bow = self.side.bow_mm * 4 * along * np.clip(1 - along, 0, 1)
        return Tube(
            z_mm=z,
            x_mm=low[0] + (base[0] - low[0]) * along,
            y_mm=low[1] + (base[1] - low[1]) * along + bow,
            a_mm=np.array(ACROSS) * size,
            b_mm=np.array(DEEP) * size,
            corners=np.zeros(len(share)),
            ridge=np.array(RIDGE),
        )

    def _angle_at(self, rise_degrees: float) -> float:
        axis = self._neck_axis(rise_degrees)
        shaft = self._shaft(self.head - self.neck_length_mm * axis)
        down = np.subtract(*(shaft.centre(h * self.length_mm) for h in SHAFT_SPAN))
        return float(np.degrees(np.arccos(axis @ down / np.linalg.norm(down))))

    @property
    def plate_height_mm(self) -> float:
        """Height of the distal growth plate over the knee."""
        return 0.080 * self.length_mm

    @cached_property
    def knee_cartilage_mm(self) -> float:
        """Depth of unossified cartilage around the distal epiphysis."""
        return self.body.unossified("knee") * 20.0 * self.side.width

    def truth(self) -> dict[str, float]:
        """Measurements of the ossified bone, by column."""
        # in children the labelled condyles end where their cartilage begins
        return {
            "mechanical_length_mm": self.length_mm - self.ossified_bottom_mm,
            "neck_shaft_angle_degrees": self.side.neck_shaft_degrees,
            "anteversion_degrees": self.side.anteversion_degrees,
        }

    @cached_property
    def ossified_bottom_mm(self) -> float:
        """Height of the lowest ossified point of a condyle, on the vertical through its centre."""
        depth = self.knee_cartilage_mm
        if depth == 0:
            return 0.0
        x = np.float32(CONDYLE_X_MM * self.side.width) * np.ones(1, np.float32)
        y = np.zeros(1, np.float32)

        def below(z: float) -> float:
            return float(self._condyles(x, y, np.array([z], np.float32))[0]) + depth

        return float(brentq(below, -1.0, 23.9 * self.side.width, xtol=1e-4))

    def field(self, x: Array, y: Array, z: Array) -> BoneField:
        """Sample the bone at local points."""
        w = self.side.width
        shaft = self.shaft.distance(x, y, z)
        proximal, trochanter, lesser = self._proximal(x, y, z)
        distance = smooth_union(smooth_union(shaft, proximal, 8.0 * w), lesser, 11.0 * w)
        knee = self._condyles(x, y, z)
        # no fillet at the joint surface, where the length is measured
        blend = smooth_union(distance, knee, 7.0 * w)
        distance = np.where(z > 14 * w, blend, np.minimum(distance, knee))
        distance = np.maximum(distance, self._notch(x, y, z))
        cartilage, plate = self._growth(x, y, z, trochanter)
        return BoneField(np.asarray(distance, np.float32), cartilage, plate)

    def _proximal(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        w, base = self.side.width, self.base
        head = np.sqrt(x * x + y * y + (z - np.float32(self.length_mm)) ** 2) - np.float32(self.head_radius_mm)
        middle = self.head - 0.45 * self.neck_length_mm * self.neck_axis
        neck = rod(x, y, z, self.head, middle, (18.0 * w, 15.0 * w))
        foot = rod(x, y, z, middle, base, (15.0 * w, 19.0 * w))
        neck = smooth_union(neck, foot, 4.0 * w)
        centre = base + np.array([9.0, -7.0, 7.0]) * w
        trochanter = ellipsoid(x, y, z, point(centre), (13.5 * w, 20.0 * w, 22.0 * w))
        lesser = ellipsoid(x, y, z, point(base + np.array([-10.0, -12.0, -34.0]) * w), (10.0 * w, 10.0 * w, 19.0 * w))
        upper = smooth_union(neck, trochanter, 8.0 * w)
        return smooth_union(upper, head, 3.0 * w), trochanter, lesser

    def _condyles(self, x: Array, y: Array, z: Array) -> Array:
        w = self.side.width
        half = (CONDYLE_HALF_MM[0] * w, CONDYLE_HALF_MM[1] * w, CONDYLE_HALF_MM[2] * w)
        first = ellipsoid(x, y, z, (CONDYLE_X_MM * w, 0.0, half[2]), half)
        second = ellipsoid(x, y, z, (-CONDYLE_X_MM * w, 0.0, half[2]), half)
        trochlea = ellipsoid(x, y, z, (2.0 * w, 11.0 * w, 30.0 * w), (35.0 * w, 20.0 * w, 23.0 * w))
        groove = 34.5 * w - np.sqrt((x - np.float32(w)) ** 2 * 0.5 + (y - np.float32(60.0 * w)) ** 2)
        return np.asarray(np.minimum(np.minimum(first, second), np.maximum(trochlea, groove)), np.float32)

    def _notch(self, x: Array, y: Array, z: Array) -> Array:
        """Minus the distance to the space between the condyles, so that a maximum cuts it out."""
        w = np.float32(self.side.width)
        across = np.sqrt((x / 0.85) ** 2 + ((z - 4.0 * w) / 2.2) ** 2) - 11.5 * w
        return np.asarray(-np.maximum(across * np.float32(0.85), y - 2.0 * w), np.float32)

    def _growth(
        self, x: Array, y: Array, z: Array, trochanter: Array
    ) -> tuple[Array | float, NDArray[np.bool_] | None]:
        """Depth of epiphyseal cartilage, and growth plates."""
        body, w = self.body, self.side.width
        half = body.plate_mm / 2
        if half == 0:
            return 0.0, None
        along = sum(
            c * np.float32(a) for c, a in zip((x, y, z - np.float32(self.length_mm)), self.neck_axis, strict=True)
        )
        # plates bulge: the distal one is a wave, the head's a shallow cap
        distal = z - np.float32(self.plate_height_mm) - 2.5 * w * np.cos(x / np.float32(9.0 * w))
        capital = -along - np.float32(0.42 * self.head_radius_mm)
        in_head = z > self.length_mm - 1.25 * self.head_radius_mm
        base = self.base
        apophysis = (x - np.float32(base[0] + 3.0 * w)) * 0.75 + (z - np.float32(base[2] + 4.0 * w)) * 0.66
        near = trochanter < 2.5
        plate = (np.abs(distal) < half) | ((np.abs(capital) < half) & in_head & ~(near & (apophysis > -half)))
        plate |= (np.abs(apophysis) < half) & near
        cartilage = np.where(distal < 0, np.float32(self.knee_cartilage_mm), np.float32(0))
        head_share, top_share = body.unossified("head"), body.unossified("trochanter")
        cartilage = np.where((capital < 0) & in_head, np.float32(head_share * self.head_radius_mm), cartilage)
        cartilage = np.where((apophysis > 0) & near, np.float32(top_share * 14.0 * w), cartilage)
        return np.asarray(cartilage, np.float32), np.asarray(plate)
