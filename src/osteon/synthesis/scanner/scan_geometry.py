"""How a scan lies in a body: plane, spacing, rotation, extent, place in the scanner."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from osteon.errors import UsageError
from osteon.synthesis.scanner.planes import BASES
from osteon.synthesis.scanner.prepared import PreparedBody

FloatArray = NDArray[np.float64]

MARGIN_MM = 8.0
"""Of air around the body."""


@dataclass(frozen=True)
class ScanGeometry:
    """How a scan lies in a body.

    Parameters
    ----------
    plane : "axial", "coronal" or "sagittal"
    spacing_mm : (2,) tuple of float
        Of pixels (the same both ways), and from slice to slice.
    gap_mm : float
        Between slices; the rest of their distance is their thickness.
    rotation_degrees : (3,) tuple of float
        About the axes to the right, to the front and up, in this order.
    span : (2,) tuple of float
        From and to along the body: 0 iliac crest, 0.25 hip, 0.6 knee, 0.95 ankle, 1 sole.
    size : float
        Of the patient against the body.

    Raises
    ------
    UsageError
        If a number is impossible.
    """

    plane: Literal["axial", "coronal", "sagittal"] = "axial"
    spacing_mm: tuple[float, float] = (1.5, 4.0)
    gap_mm: float = 0.0
    rotation_degrees: tuple[float, float, float] = (0.0, 0.0, 0.0)
    span: tuple[float, float] = (0.0, 1.0)
    size: float = 1.0

    def __post_init__(self) -> None:
        if self.plane not in BASES:
            raise UsageError(f"There is no plane named {self.plane}; choose one of {', '.join(BASES)}.")
        if min(self.spacing_mm) <= 0 or not 0 <= self.gap_mm < self.spacing_mm[1] or self.size <= 0:
            raise UsageError(
                f"A scan of spacing {self.spacing_mm} mm, gap {self.gap_mm} mm and size {self.size} is impossible: "
                "spacing and size are positive, and a gap is shorter than the distance of slices."
            )

    @property
    def axes(self) -> FloatArray:
        """Directions in the world along a row, down a column and to the next slice, ``(3, 3)`` in columns."""
        turn = Rotation.from_euler("xyz", self.rotation_degrees, degrees=True).as_matrix()
        return np.asarray(turn @ BASES[self.plane])


def extent(body: PreparedBody, geometry: ScanGeometry) -> tuple[tuple[int, int, int], FloatArray]:
    """How large a scan must be to hold a body.

    Returns
    -------
    shape : (3,) tuple of int
        Columns, rows and slices.
    first_mm : (3,) ndarray
        First voxel along the scan's axes, from the body map's first voxel.

    Raises
    ------
    UsageError
        If the body holds nothing of the span.
    """
    within = body.heights_of(geometry.span)
    boxes = body.boxes[int(within[0]) : int(within[1]) + 1]
    sides = [(boxes[:, 0].min(), boxes[:, 1].max()), (boxes[:, 2].min(), boxes[:, 3].max()), within]
    corners = np.array(list(product(*sides))) * body.spacing_mm * geometry.size
    along = corners @ geometry.axes  # mm along the scan's own axes
    edge, step = geometry.spacing_mm
    spacing = np.array([edge, edge, step])
    across = 0.0 if geometry.plane == "axial" else MARGIN_MM
    margin = np.array([MARGIN_MM, MARGIN_MM if geometry.plane == "axial" else 0.0, across])
    low, high = along.min(axis=0) - margin, along.max(axis=0) + margin
    shape = np.maximum(1, np.floor((high - low) / spacing) + 1).astype(int)
    return (int(shape[0]), int(shape[1]), int(shape[2])), low


def placed(body: PreparedBody, geometry: ScanGeometry, first_mm: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Affine of a scan, array index to RAS mm: patients lie near the middle of the scanner, but never at it."""
    edge, step = geometry.spacing_mm
    middle_mm = np.array(body.materials.shape) / 2 * body.spacing_mm * geometry.size
    affine = np.eye(4)
    affine[:3, :3] = geometry.axes * np.array([edge, edge, step])
    affine[:3, 3] = geometry.axes @ first_mm - middle_mm + rng.uniform(-1, 1, 3) * np.array([50.0, 40.0, 150.0])
    return affine
