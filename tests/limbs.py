"""Label maps of legs made of cylinders, for tests of post-processing: what is true is known exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.volume import Volume

LEGS = Task.load("leg-bones")
SHAPE_MM = (300, 90, 420)
RIGHT_MM, LEFT_MM = 210, 90
"""Middle of each leg from the left edge: the midline is at 150."""

Labels = NDArray[np.uint8]


class Canvas:
    """An array in RAS with voxels of some edges, drawn on in mm from its lower left back corner."""

    def __init__(self, spacing_mm: tuple[float, float, float] = (3.0, 3.0, 4.0)) -> None:
        shape = [round(size / edge) for size, edge in zip(SHAPE_MM, spacing_mm, strict=True)]
        self.array = np.zeros(shape, np.uint8)
        self.spacing_mm = spacing_mm
        self._mm = np.ogrid[tuple(slice(n) for n in shape)]

    def cylinder(self, value: int, x: float, y: float, z: tuple[float, float], radius: float) -> None:
        """A vertical cylinder."""
        i, j, k = ((index + 0.5) * edge for index, edge in zip(self._mm, self.spacing_mm, strict=True))
        self.array[((i - x) ** 2 + (j - y) ** 2 <= radius**2) & (k >= z[0]) & (k < z[1])] = value

    def box(self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> tuple[slice, slice, slice]:
        """Slices of a box."""
        sides = [
            slice(round(low / edge), round(high / edge))
            for (low, high), edge in zip((x, y, z), self.spacing_mm, strict=True)
        ]
        return sides[0], sides[1], sides[2]

    def volume(self, codes: str = "RAS") -> Volume:
        affine = np.diag([*self.spacing_mm, 1.0])
        affine[:3, 3] = (-150, -40, -900)
        return Volume(self.array, affine).reoriented(codes)


def legs(*sides: str, spacing_mm: tuple[float, float, float] = (3.0, 3.0, 4.0)) -> Canvas:
    """Pelvis, femur, tibia and fibula of some sides; a child's, with the distal epiphysis of the femur apart."""
    canvas = Canvas(spacing_mm)
    for side in sides or ("right", "left"):
        x, out = (RIGHT_MM, 1) if side == "right" else (LEFT_MM, -1)
        first = 0 if side == "right" else 10
        middle = (150, x - out * 20) if side == "right" else (x - out * 20, 150)
        canvas.array[canvas.box(middle, (30, 60), (300, 400))] = first + 4  # meets the other side's in the midline
        canvas.cylinder(first + 2, x, 45, (208, 328), 15)
        canvas.cylinder(first + 2, x, 45, (180, 200), 24)  # the distal epiphysis, below a growth plate of 8 mm
        canvas.cylinder(first + 1, x, 45, (20, 180), 14)  # touches the femur over the whole of the joint
        canvas.cylinder(first + 3, x + out * 30, 40, (28, 160), 6)
    return canvas
