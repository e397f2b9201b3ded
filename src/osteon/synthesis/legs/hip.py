"""The hip bone: a thin curved blade, the acetabulum, ischium and pubis around the obturator foramen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.synthesis.legs.frames import JOINT_SPACE
from osteon.synthesis.legs.parameters import LegParameters, SideParameters
from osteon.synthesis.legs.solids import BoneField, rod, smooth_union
from osteon.synthesis.shapes import Array, rounded_intersection

# The blade of an adult man by height over the centre of the femoral head: its sheet bends as a hyperbolic tangent from
# back to front (middle, amplitude and place of the bend, laterally and to the front), between two borders. Rounded from
# four CT pelves (Hiasa et al.).
HEIGHT = (10.0, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 148)
MIDDLE = (-9.0, -9, -9, -9, -10, -10, -8, -6, -4, -3, -1, 1, 3, 5, 6)
AMPLITUDE = (10.0, 12, 16, 21, 27, 32, 36, 40, 43, 45, 48, 50, 52, 53, 54)
BEND = (-15.0, -15, -18, -20, -21, -22, -24, -25, -27, -28, -28, -28, -28, -28, -28)
BACK = (-40.0, -39, -37, -38, -52, -70, -81, -88, -91, -91, -88, -81, -71, -57, -40)
FRONT = (20.0, 24, 29, 31, 32, 34, 41, 49, 50, 46, 38, 25, 9, -11, -34)
BEND_WIDTH_MM = 60.0

# Rods: start and end (lateral, anterior, up) and the radii there.
RODS = (
    ((-15.0, -33.0, 32.0), (-19.0, -34.0, -5.0), (11.0, 14.0)),  # posterior column
    ((-19.0, -34.0, -5.0), (-24.0, -43.0, -38.0), (14.0, 13.5)),  # ischium
    ((-24.0, -43.0, -36.0), (-34.0, -34.0, -57.0), (16.0, 12.0)),  # tuberosity
    ((-36.0, -30.0, -58.0), (-66.0, 8.0, -46.0), (9.0, 6.5)),  # inferior ramus
    ((-66.0, 8.0, -46.0), (-79.0, 30.0, -34.0), (6.5, 8.5)),
    ((-20.0, 14.0, 14.0), (-46.0, 32.0, 3.0), (13.0, 9.0)),  # superior ramus
    ((-46.0, 32.0, 3.0), (-74.0, 42.0, -15.0), (9.0, 8.5)),
    ((-77.0, 42.0, -15.0), (-80.0, 32.0, -36.0), (9.5, 9.0)),  # body of the pubis
    ((-24.0, -44.0, 8.0), (-36.0, -54.0, 4.0), (6.0, 3.0)),  # spine of the ischium
    ((8.0, 26.0, 28.0), (9.0, 32.0, 40.0), (8.0, 6.5)),  # anterior inferior spine
)
OPENING = np.array([0.80, 0.25, -0.55])
"""Where the acetabulum faces."""


def socket_radius_mm(side: SideParameters) -> float:
    """Radius of the acetabulum: the head's and that of the cartilage around it."""
    return side.head_radius_mm + JOINT_SPACE["hip"] * side.width


def towards_opening(x: Array, y: Array, z: Array) -> Array:
    """How far points lie from the centre of the head to where the acetabulum faces, in mm."""
    return np.asarray(x * OPENING[0] + y * OPENING[1] + z * OPENING[2], np.float32)


class HipBone:
    """A hip bone in the frame of its femoral head, with the body's axes.

    Parameters
    ----------
    side : SideParameters
    body : LegParameters
    """

    def __init__(self, side: SideParameters, body: LegParameters) -> None:
        self.side, self.body = side, body
        self.scale, self.thickness = body.pelvis_scale, body.pelvis_size
        self.socket_mm = socket_radius_mm(side)

    @property
    def symphysis_mm(self) -> float:
        """Half the gap between the pubic bones: 5 mm in adults, wider in children (Becker et al. 2010)."""
        return 2.5 + 2.0 * self.body.unossified("pelvis")

    def field(self, x: Array, y: Array, z: Array) -> BoneField:
        """Sample the bone at local points."""
        s = self.scale.astype(np.float32)
        t = self.thickness
        distance = self._blade(x / s[0], y / s[1], z / s[2])
        # rods reach towards the midline, which lies at the same share for every width
        reach = self.body.hip_distance_mm / 88.0
        for start, end, radii in RODS:
            a, b = (np.array(p) * np.array([reach, s[1], s[2]]) for p in (start, end))
            distance = smooth_union(distance, rod(x, y, z, a, b, (radii[0] * t, radii[1] * t)), 7.0 * t)
        distance = self._with_socket(distance, x, y, z)
        midline = np.float32(-self.body.hip_distance_mm + self.symphysis_mm) - x
        distance = rounded_intersection(distance, midline, 2.0 * t)
        plate, cartilage = self._growth(x, y, z)
        return BoneField(distance, cartilage, plate)

    def sheet(self, y: Array, z: Array) -> Array:
        """Lateral place of the blade's middle, in mm of the adult man."""
        middle, amplitude, bend = (np.interp(z, HEIGHT, v).astype(np.float32) for v in (MIDDLE, AMPLITUDE, BEND))
        return np.asarray(middle + amplitude * np.tanh((y - bend) / np.float32(BEND_WIDTH_MM)), np.float32)

    def _blade(self, x: Array, y: Array, z: Array) -> Array:
        """Distance to the blade at points scaled to the adult man."""
        back, front = (np.interp(z, HEIGHT, v).astype(np.float32) for v in (BACK, FRONT))
        sheet = self.sheet(y, z)
        slope = self.sheet(y + np.float32(2), z) - sheet
        lean = self.sheet(y, z + np.float32(4)) - sheet
        steep = np.sqrt(1 + (slope / 2) ** 2 + (lean / 4) ** 2)
        edge = np.maximum(y - front, back - y)
        # thick at the sacroiliac joint, at the roof of the socket and along the crest; thin between
        half = 3.4 + 6.8 * np.exp(-(((y + 62) / 26) ** 2)) * np.clip((z - 45) / 20, 0, 1)
        half = half + 8.5 * np.exp(-(((z - 8) / 24) ** 2)) + 3.0 * np.exp(-((np.minimum(edge, 0) / 9) ** 2))
        across = np.abs(x - sheet) / steep - half
        # borders are given by height; near the crest they run level, so their distance shrinks
        border = np.maximum(edge * np.float32(0.75), np.maximum(z - 147, 8 - z))
        return rounded_intersection(across, border, 3.0) * np.float32(self.thickness)

    def _with_socket(self, distance: Array, x: Array, y: Array, z: Array) -> Array:
        t = self.thickness
        radius = np.sqrt(x * x + y * y + z * z)
        facing = towards_opening(x, y, z)
        wall = 8.0 * t
        cup = np.maximum(radius - np.float32(self.socket_mm + wall), facing - np.float32(7 * t))
        # the notch below, where the rim is open
        notch = np.float32(11.0 * t) - np.sqrt((x + 2 * t) ** 2 + (y - 4 * t) ** 2)
        cup = np.maximum(cup, np.where(z < -8 * t, notch, np.float32(-99)))
        joined = smooth_union(distance, np.asarray(cup, np.float32), 6.0 * t)
        return np.asarray(np.maximum(joined, np.float32(self.socket_mm) - radius), np.float32)

    def _growth(self, x: Array, y: Array, z: Array) -> tuple[NDArray[np.bool_] | None, Array | float]:
        share = self.body.unossified("pelvis")
        half = self.body.plate_mm * 0.8
        if half == 0:
            return None, 0.0
        t = self.thickness
        deep = np.sqrt(x * x + y * y + z * z) < self.socket_mm + 14 * t
        # the triradiate cartilage: one plane over the socket's floor, one below it that parts pubis and ischium
        upper = np.abs(z - 4 * t + 0.15 * x) < half
        lower = (np.abs(y - 2 * t) < half) & (z < 4 * t)
        plate = deep & (upper | lower)
        s = self.scale
        crest = z / s[2] > np.interp(y / s[1], (-90, -40, -10, 40), (95, 138, 130, 80)) - 6
        tuber = (z / s[2] < -30) & (y / s[1] < -25)
        depth = np.where(crest | tuber, np.float32(12.0 * share * t), np.float32(2.0 * share * t))
        return plate, np.asarray(depth, np.float32)
