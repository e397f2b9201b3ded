"""Muscles, vessels, nerves and tendons as tubes whose sections follow the bones."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from osteon.synthesis.legs.canvas import Canvas
from osteon.synthesis.legs.cyst import Cyst
from osteon.synthesis.legs.femur import Femur
from osteon.synthesis.legs.frames import LegFrames
from osteon.synthesis.legs.parameters import LegParameters
from osteon.synthesis.legs.solids import rod
from osteon.synthesis.legs.tibia import Tibia
from osteon.synthesis.parts import CODE
from osteon.synthesis.shapes import Array, superellipse

WRITTEN_WIDTH = 0.9
"""Width of the joints of the body in whose mm the sections of thigh and calf are written."""

FASCIA_MM = 1.6
"""Fat and fascia between two muscles that touch."""


@dataclass(frozen=True)
class Muscle:
    """A muscle as `muscles.toml` describes it."""

    name: str
    part: str
    pelvis: tuple[tuple[float, ...], ...]
    thigh: tuple[tuple[float, ...], ...]
    calf: tuple[tuple[float, ...], ...]


@cache
def sections(file: str = "muscles.toml") -> tuple[Muscle, ...]:
    """Muscles (or vessels and tendons) of a file of this package."""
    table = tomllib.loads(resources.files(__package__).joinpath(file).read_text(encoding="utf-8"))
    return tuple(
        Muscle(name, row["part"], *(tuple(tuple(knot) for knot in row.get(k, ())) for k in ("pelvis", "thigh", "calf")))
        for name, row in table.items()
    )


@dataclass(frozen=True, eq=False)
class Leg:
    """One side: its frames and long bones, which the soft tissue follows."""

    frames: LegFrames
    femur: Femur
    tibia: Tibia
    body: LegParameters

    def cysts(self, inside: bool) -> list[Cyst]:
        """The side's cysts within bones, or those beside them."""
        right = self.frames.hip.sign > 0
        return [cyst for cyst in self.body.cysts if cyst.right == right and cyst.inside == inside]

    def knots(self, muscle: Muscle) -> NDArray[np.float64]:
        """Sections in the mirrored world: rows of x, y, z, half axes and turn (radians), rising in z, ``(n, 6)``."""
        size = self.femur.side.width / WRITTEN_WIDTH * self.body.bulk
        pelvis, grown = self.body.pelvis_scale, self.body.pelvis_size
        rows = []
        for height, x, y, a, b, turn in muscle.pelvis:
            place = self.frames.hip.origin_mm + np.array([x, y, height]) * pelvis
            rows.append([*place, a * grown, b * grown, np.radians(turn)])
        for frame, shaft, length, knots in (
            (self.frames.femur, self.femur.shaft, self.femur.length_mm, muscle.thigh),
            (self.frames.tibia, self.tibia.shaft, self.tibia.length_mm, muscle.calf),
        ):
            turned = np.arctan2(frame.axes[0, 1], frame.axes[0, 0])
            for height, x, y, a, b, turn in knots:
                local = shaft.centre(height * length) + np.array([x * size, y * size, 0.0])
                rows.append([*(frame.origin_mm + local @ frame.axes), a * size, b * size, np.radians(turn) + turned])
        knots_mm = np.array(sorted(rows, key=lambda row: row[2]))
        knots_mm[:, 5] = np.unwrap(knots_mm[:, 5], period=np.pi)
        return knots_mm


class MuscleMap:
    """Which muscle each voxel belongs to: the one into which it lies deepest.

    Parameters
    ----------
    canvas : Canvas
    """

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        shape = canvas.grid.shape
        self.depth = np.full(shape, np.inf, np.float32)
        self.second = np.full(shape, np.inf, np.float32)
        self.code = np.zeros(shape, np.uint8)

    def add(self, leg: Leg, muscle: Muscle) -> None:
        """Add a muscle of a side."""
        section = _section(self.canvas, leg, muscle, margin_mm=6.0)
        if section is not None:
            self._merge(*section, CODE[muscle.part])

    def add_distance(self, box: tuple[slice, slice, slice], distance: Array, part: str) -> None:
        """Add a muscle by its signed distance in a box."""
        self._merge(box, distance, CODE[part])

    def _merge(self, box: tuple[slice, slice, slice], distance: Array, code: int) -> None:
        depth, second, codes = self.depth[box], self.second[box], self.code[box]
        nearer = distance < depth
        second[...] = np.minimum(second, np.where(nearer, depth, distance))
        codes[nearer] = code
        depth[...] = np.minimum(depth, distance)

    def inside(self, reach_mm: float) -> NDArray[np.bool_]:
        """Voxels within reach of a muscle."""
        return np.asarray(self.depth < reach_mm)

    def apart(self) -> NDArray[np.bool_]:
        """Voxels on the border between two muscles."""
        return np.asarray((self.second < self.depth + FASCIA_MM) & (self.depth > -3.0) & (self.second < 90))


# Short muscles around the hip of an adult man, from the centre of the head: start, end, radii.
SHORT = (
    ((-62.0, -80.0, 52.0), (34.0, -18.0, 18.0), (13.0, 4.0)),  # piriformis
    ((-14.0, -36.0, -40.0), (34.0, -18.0, -42.0), (9.0, 8.0)),  # quadratus femoris
    ((-62.0, 18.0, -34.0), (20.0, -22.0, -18.0), (14.0, 6.0)),  # obturator externus
    ((-20.0, -46.0, -8.0), (32.0, -18.0, 6.0), (6.0, 4.0)),  # gemelli and the tendon of obturator internus
)


def add_short_muscles(muscles: MuscleMap, leg: Leg) -> None:
    """Add the rotators that run across the hip."""
    hip, body = leg.frames.hip, leg.body
    scale, size = body.pelvis_scale, body.pelvis_size
    for start, end, radii in SHORT:
        a, b = np.array(start) * scale, np.array(end) * scale
        margin = radii[0] * size + 6.0
        patch = muscles.canvas.patch(hip.to_local(), np.minimum(a, b) - margin, np.maximum(a, b) + margin)
        if patch is not None:
            distance = rod(patch.x, patch.y, patch.z, a, b, (radii[0] * size, radii[1] * size))
            muscles.add_distance(patch.box, distance, "hip-rotators")


def fill_tubes(canvas: Canvas, leg: Leg, file: str) -> None:
    """Fill the tubes of a file (vessels, nerves, tendons) over what is there."""
    for tube in sections(file):
        section = _section(canvas, leg, tube, margin_mm=0.0)
        if section is not None:
            box, distance = section
            view = canvas.parts[box]
            view[distance < 0] = CODE[tube.part]


def _section(
    canvas: Canvas, leg: Leg, muscle: Muscle, margin_mm: float
) -> tuple[tuple[slice, slice, slice], Array] | None:
    """Box and signed distance of a tube, slice by slice."""
    knots = leg.knots(muscle)
    sign = leg.frames.hip.sign
    reach = knots[:, 3:5].max() + margin_mm
    low, high = knots[:, :3].min(axis=0) - reach, knots[:, :3].max(axis=0) + reach
    end = knots[:, 4][[0, -1]]
    low[2], high[2] = knots[0, 2] - min(end[0], 12.0), knots[-1, 2] + min(end[1], 12.0)
    corners = np.sort(np.array([[sign * low[0], low[1], low[2]], [sign * high[0], high[1], high[2]]]), axis=0)
    patch = canvas.patch(np.eye(4), corners[0], corners[1])
    if patch is None:
        return None
    z = patch.z.ravel().astype(np.float64)
    level = np.clip(z, knots[0, 2], knots[-1, 2])
    x, y, a, b, turn = PchipInterpolator(knots[:, 2], knots[:, [0, 1, 3, 4, 5]])(level).T.astype(np.float32)[
        :, None, None
    ]
    # rounded tips beyond the first and last section
    beyond = np.maximum(knots[0, 2] - z, 0) / min(end[0], 12.0) + np.maximum(z - knots[-1, 2], 0) / min(end[1], 12.0)
    shrink = np.sqrt(np.clip(1 - beyond**2, 0.0025, 1)).astype(np.float32)
    u, v = np.float32(sign) * patch.x - x, patch.y - y
    c, s = np.cos(turn), np.sin(turn)
    distance, _ = superellipse(c * u + s * v, c * v - s * u, a * shrink, b * shrink, 2.0)
    return patch.box, np.asarray(distance, np.float32)
