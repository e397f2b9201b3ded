"""The spine as a chain: where each body, disc and sacral segment lies in the world, and the curves that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import FloatArray
from osteon.synthesis.shapes import Array
from osteon.synthesis.spine.parameters import SACRUM_TURN_DEGREES, SpineParameters

STEP_MM = 0.5


@dataclass(frozen=True, eq=False)
class Frame:
    """A place in the world: ``origin`` (3,) in RAS mm, and ``axes`` (3, 3) with the rows right, anterior, up."""

    origin: FloatArray
    axes: FloatArray

    @classmethod
    def tilted(cls, origin: FloatArray, forward_degrees: float, right_degrees: float = 0.0) -> Frame:
        """Frame whose up axis leans forward, and then to the right, by two angles."""
        t, s = np.radians(forward_degrees), np.radians(right_degrees)
        pitch = np.array([[1, 0, 0], [0, np.cos(t), -np.sin(t)], [0, np.sin(t), np.cos(t)]])
        roll = np.array([[np.cos(s), 0, -np.sin(s)], [0, 1, 0], [np.sin(s), 0, np.cos(s)]])
        return cls(np.asarray(origin, dtype=np.float64), pitch @ roll)

    def world(self, x: float, y: float, z: float) -> FloatArray:
        """World position (RAS mm) of a local point."""
        return np.asarray(self.origin + np.array([x, y, z]) @ self.axes, dtype=np.float64)


WORLD = Frame(np.zeros(3), np.eye(3))


@dataclass(frozen=True, eq=False)
class Curve:
    """A value that changes with world z, tabulated every `STEP_MM`; constant beyond its ends."""

    start_mm: float
    values: Array

    @classmethod
    def through(cls, z_mm: NDArray[np.float64], values: NDArray[np.float64], smooth_mm: float = 0.0) -> Curve:
        """Curve through knots (ascending z), smoothed by a Gaussian."""
        table_z = np.arange(z_mm[0], z_mm[-1] + STEP_MM, STEP_MM)
        table = np.interp(table_z, z_mm, values)
        if smooth_mm:
            table = ndimage.gaussian_filter1d(table, smooth_mm / STEP_MM, mode="nearest")
        return cls(float(z_mm[0]), table.astype(np.float32))

    def __call__(self, z: Array) -> Array:
        """Values at world heights ``z`` (mm)."""
        index = ((z - np.float32(self.start_mm)) * np.float32(1 / STEP_MM) + np.float32(0.5)).astype(np.int32)
        return np.asarray(self.values.take(index, mode="clip"), dtype=np.float32)

    def at(self, z_mm: float) -> float:
        """Value at one height."""
        return float(self(np.array([z_mm], dtype=np.float32))[0])


class Chain:
    """Frames of a spine, built from the middle of the S1 endplate (the world's origin here) up and down."""

    def __init__(self, parameters: SpineParameters) -> None:
        self.parameters = parameters
        self.bodies: list[Frame] = []
        self.discs: list[Frame] = []
        self.sacrum: list[Frame] = []
        place, tilt = np.zeros(3), parameters.sacral_slope_degrees
        for level, (body, disc) in enumerate(zip(parameters.bodies, parameters.discs, strict=True)):
            wave = np.sin(0.55 * level + parameters.scoliosis_phase) - np.sin(parameters.scoliosis_phase)
            lean = parameters.scoliosis_degrees * float(wave)
            for part, frames in ((disc, self.discs), (body, self.bodies)):
                frame = Frame.tilted(place, tilt - part.wedge_degrees / 2, lean)
                frames.append(Frame(frame.world(0, 0, part.height_mm / 2), frame.axes))
                place, tilt = frame.world(0, 0, part.height_mm), tilt - part.wedge_degrees
        place = np.zeros(3)
        for turn, segment in zip(SACRUM_TURN_DEGREES, parameters.sacrum, strict=True):
            frame = Frame.tilted(place, parameters.sacral_slope_degrees + turn)
            self.sacrum.append(Frame(frame.world(0, 0, -segment.height_mm / 2), frame.axes))
            place = frame.world(0, 0, -segment.height_mm - 1.5 * parameters.scale)

    @cached_property
    def _knots(self) -> FloatArray:
        """Back wall of bodies and sacrum, ``(n, 5)``: x, y, z, forward lean in radians, depth; from below upwards."""
        rows = []
        sacrum = zip(self.sacrum[::-1], self.parameters.sacrum[::-1], strict=True)
        bodies = zip(self.bodies, self.parameters.bodies, strict=True)
        for frame, shape in (*sacrum, *bodies):
            lean = np.arcsin(frame.axes[2, 1])
            narrowing = 1 - shape.taper / 2
            for z in (-0.4 * shape.height_mm, 0.0, 0.4 * shape.height_mm):
                back = frame.world(0, -shape.depth_mm / 2 * narrowing, z)
                rows.append([*back, lean, shape.depth_mm])
        knots = np.array(rows)
        # where the back wall turns sharply (the promontory), heights may repeat; a curve needs them ascending
        ascending = np.concatenate([[True], knots[1:, 2] > np.maximum.accumulate(knots[:, 2])[:-1] + 0.5])
        return np.asarray(knots[ascending], dtype=np.float64)

    def _curve(self, column: int, smooth_mm: float) -> Curve:
        return Curve.through(self._knots[:, 2], self._knots[:, column], smooth_mm)

    @cached_property
    def middle_x(self) -> Curve:
        """World x of the midline."""
        return self._curve(0, 8.0)

    @cached_property
    def back_wall_y(self) -> Curve:
        """World y of the back of the bodies, smoothed over a disc's height."""
        return self._curve(1, 4.0)

    @cached_property
    def lean(self) -> Curve:
        """Forward lean of the spine in radians."""
        return self._curve(3, 8.0)

    def height_of(self, level: float) -> float:
        """World z of a level's middle, in levels above L5 (0 is L5, -1 is S1, fractions between)."""
        levels = np.arange(-len(self.sacrum), len(self.bodies))
        heights = [f.origin[2] for f in (*self.sacrum[::-1], *self.bodies)]
        return float(np.interp(level, levels, heights))
