"""Where the segments of a leg lie: frames in the world, and the pose that sets them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteon.geometry import FloatArray
from osteon.synthesis.legs.parameters import SideParameters

JOINT_SPACE = {"hip": 3.5, "knee": 5.0, "ankle": 3.5}
"""Cartilage between two bones of an adult man, mm."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A segment's place: local axes run laterally, to the front and up, on both sides.

    Parameters
    ----------
    origin_mm : (3,) ndarray
        In the mirrored world: lateral, anterior, up.
    axes : (3, 3) ndarray
        Rows are the local axes in the mirrored world.
    sign : float
        1 on the right side, -1 on the left, where lateral is -x.
    """

    origin_mm: FloatArray
    axes: FloatArray
    sign: float

    def world(self, local: FloatArray | tuple[float, float, float]) -> FloatArray:
        """RAS mm of local points ``(..., 3)``."""
        mirrored = self.origin_mm + np.asarray(local, dtype=np.float64) @ self.axes
        return np.asarray(mirrored * np.array([self.sign, 1.0, 1.0]))

    def to_local(self) -> FloatArray:
        """Matrix (4, 4) from RAS mm to local mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes * np.array([self.sign, 1.0, 1.0])
        matrix[:3, 3] = -self.axes @ self.origin_mm
        return matrix

    def moved(self, local: tuple[float, float, float], rotation: FloatArray) -> Frame:
        """Frame at a local point, turned by a rotation (rows are the new axes in this frame)."""
        return Frame(self.origin_mm + np.asarray(local) @ self.axes, rotation @ self.axes, self.sign)


def about_lateral(degrees: float) -> FloatArray:
    """New axes after the segment below turns back (as a knee flexes) about the lateral axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_anterior(degrees: float) -> FloatArray:
    """New axes after the lower end of a segment turns laterally about the anterior axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def about_up(degrees: float) -> FloatArray:
    """New axes after the front of a segment turns laterally (outwards) about its own long axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


@dataclass(frozen=True, eq=False)
class LegFrames:
    """Frames of one side.

    Parameters
    ----------
    hip : Frame
        Origin in the femoral head, axes of the body.
    femur : Frame
        Origin in the knee.
    tibia : Frame
        Origin in the plateau.
    foot : Frame
        Origin in the plafond.
    """

    hip: Frame
    femur: Frame
    tibia: Frame
    foot: Frame

    @classmethod
    def posed(cls, side: SideParameters, right: bool, hip_distance_mm: float) -> LegFrames:
        """Frames of a side in its pose; the world's origin lies between the femoral heads."""
        hip = Frame(np.array([hip_distance_mm, 0.0, 0.0]), np.eye(3), 1.0 if right else -1.0)
        turn = (
            about_up(side.hip_rotation_degrees)
            @ about_anterior(side.hip_abduction_degrees)
            @ about_lateral(-side.hip_flexion_degrees)
        )
        head = Frame(hip.origin_mm, turn, hip.sign)
        femur = head.moved((0.0, 0.0, -side.femur_length_mm), np.eye(3))
        # the knee turns about the centre of the condyles' curve
        centre = np.array([0.0, -4.0, 24.0]) * side.width
        bend = about_anterior(side.valgus_degrees) @ about_lateral(side.knee_flexion_degrees)
        below = np.array([0.0, 0.0, -JOINT_SPACE["knee"] * side.width]) - centre
        at = centre + below @ bend
        tibia = femur.moved((float(at[0]), float(at[1]), float(at[2])), bend)
        ankle = about_lateral(side.plantar_flexion_degrees) @ about_up(side.torsion_degrees - 12)
        ankle = about_anterior(-side.foot_inversion_degrees) @ ankle
        foot = tibia.moved((0.0, 0.0, -side.tibia_length_mm), ankle)
        return cls(hip, femur, tibia, foot)
