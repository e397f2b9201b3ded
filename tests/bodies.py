"""A body of cylinders, for tests of what is made from bodies."""

from __future__ import annotations

import numpy as np

from osteon.anatomy import Task
from osteon.synthesis.body import Body
from osteon.synthesis.parts import CODE
from osteon.volume import LabelMap, Volume

BONES = ("tibia", "femur", "fibula", "pelvis")
CLASSES = tuple(f"{bone}-{side}" for side in ("right", "left") for bone in BONES)
SPACING_MM = 4.0
RADIUS_MM = 16.0


def legs() -> Body:
    """Two round legs of cylinders: pelvis blocks, femora, tibiae and fibulae; the body ends above and goes on below."""
    shape = (90, 40, 250)
    x, y, z = np.ogrid[tuple(slice(0, n * SPACING_MM, SPACING_MM) for n in shape)]
    parts, labels = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for side, middle, out in ((0, 270.0, 1), (10, 90.0, -1)):  # x runs to the right: the right leg is at 270
        from_axis = np.hypot(x - middle, y - 80) + 0 * z
        for reach, name in ((72, "skin"), (68, "subcutaneous-fat"), (56, "quadriceps")):
            parts[(from_axis < reach) & (z < 940)] = CODE[name]
        bones = (
            ("pelvis", 4, (abs(x - middle) < 40) & (abs(y - 80) < 30) & (z > 800) & (z < 920)),
            ("femur", 2, (from_axis < RADIUS_MM) & (z > 400) & (z < 820)),
            ("tibia", 1, (from_axis < RADIUS_MM) & (z > 30) & (z < 392)),
            ("fibula", 3, (np.hypot(x - middle - 32 * out, y - 60) < 8) & (z > 30) & (z < 380)),
        )
        for name, value, here in bones:
            parts[here], labels[here] = CODE[name], value + side
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    task = Task.load("leg-bones")
    return Body("cylinders", Volume(parts, affine), LabelMap(labels, affine, task=task), "made")
