"""Known measurements of a built leg."""

from __future__ import annotations

import numpy as np

from osteon.synthesis.legs.muscles import Leg


def leg_truth(leg: Leg, side: str) -> dict[str, float]:
    """Measurements of one side by ``<structure>.<column>``, from the construction, for the ossified bones."""
    truth = {f"femur-{side}.{column}": value for column, value in (leg.femur.truth() | axes_truth(leg)).items()}
    return truth | {f"tibia-{side}.{column}": value for column, value in leg.tibia.truth().items()}


def axes_truth(leg: Leg) -> dict[str, float]:
    """Where the knee lies to the line from head to ankle, and the angle of the mechanical axes there (Paley 2002).

    Both are seen in the knee's frontal plane, which holds this line and runs along the line behind the condyles. The
    deviation is positive where the line passes medially of the knee, the angle is then below 180 (varus).
    """
    femur, tibia, frame = leg.femur, leg.tibia, leg.frames.femur
    # in the femur's own frame, where the line behind the condyles runs along x, and the femur's axis along z
    plafond = np.array([0.0, 0.0, -tibia.length_mm + tibia.ankle_cartilage_mm])
    ankle = frame.axes @ (leg.frames.tibia.origin_mm + plafond @ leg.frames.tibia.axes - frame.origin_mm)
    load = (femur.head - ankle) / np.linalg.norm(femur.head - ankle)
    lateral = np.array([1.0, 0.0, 0.0]) - load[0] * load
    lateral /= np.linalg.norm(lateral)
    knee = np.array([0.0, 0.0, femur.ossified_bottom_mm])
    thigh, shank = (
        np.degrees(np.arctan2(axis @ lateral, axis @ load))
        for axis in (np.array([0.0, 0.0, 1.0]), frame.axes @ leg.frames.tibia.axes[2])
    )
    return {
        "mechanical_axis_deviation_mm": float((knee - ankle) @ lateral),
        "hip_knee_ankle_degrees": 180 + float(thigh - shank),
    }
