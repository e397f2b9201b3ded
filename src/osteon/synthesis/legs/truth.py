"""Known measurements of a built leg."""

from __future__ import annotations

import numpy as np

from osteon.synthesis.legs.muscles import Leg


def leg_truth(leg: Leg, side: str) -> dict[str, float]:
    """Measurements of one side by ``<structure>.<column>``, from the construction, for the ossified bones."""
    truth = {f"femur-{side}.{column}": value for column, value in leg.femur.truth().items()}
    truth |= {f"tibia-{side}.{column}": value for column, value in leg.tibia.truth().items()}
    truth[f"femur-{side}.mechanical_axis_deviation_mm"] = mechanical_axis_deviation_mm(leg)
    return truth


def mechanical_axis_deviation_mm(leg: Leg) -> float:
    """Distance of the knee from the line between head and ankle, in the knee's frontal plane (Paley 2002).

    That plane holds this line and runs along the line behind the condyles. Positive where the line passes medially of
    the knee (varus).
    """
    femur, tibia, frame = leg.femur, leg.tibia, leg.frames.femur
    # in the femur's own frame, where the line behind the condyles runs along x
    plafond = np.array([0.0, 0.0, -tibia.length_mm + tibia.ankle_cartilage_mm])
    ankle = frame.axes @ (leg.frames.tibia.origin_mm + plafond @ leg.frames.tibia.axes - frame.origin_mm)
    load = (femur.head - ankle) / np.linalg.norm(femur.head - ankle)
    lateral = np.array([1.0, 0.0, 0.0]) - load[0] * load
    knee = np.array([0.0, 0.0, femur.ossified_bottom_mm])
    return float((knee - ankle) @ lateral / np.linalg.norm(lateral))
