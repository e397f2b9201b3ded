"""How much two masks share: Dice, intersection over union, volume error."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

MM3_PER_CM3 = 1000.0


@dataclass(frozen=True)
class Overlap:
    """Voxel counts of two masks on one grid, and what follows from them.

    Parameters
    ----------
    predicted, reference, shared : int
        Number of voxels in the prediction, in the reference, in both.
    voxel_volume_mm3 : float
        From the affine.
    """

    predicted: int
    reference: int
    shared: int
    voxel_volume_mm3: float

    @property
    def dice(self) -> float:
        """Dice coefficient, ``2 |P and R| / (|P| + |R|)``; NaN where both masks are empty."""
        both = self.predicted + self.reference
        return 2 * self.shared / both if both else nan

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard index); NaN where both masks are empty."""
        union = self.predicted + self.reference - self.shared
        return self.shared / union if union else nan

    @property
    def volume_predicted_cm3(self) -> float:
        """Volume of the prediction in cm3."""
        return self.predicted * self.voxel_volume_mm3 / MM3_PER_CM3

    @property
    def volume_reference_cm3(self) -> float:
        """Volume of the reference in cm3."""
        return self.reference * self.voxel_volume_mm3 / MM3_PER_CM3

    @property
    def volume_error_cm3(self) -> float:
        """Predicted less reference volume in cm3: positive where the prediction is too large."""
        return (self.predicted - self.reference) * self.voxel_volume_mm3 / MM3_PER_CM3

    @property
    def volume_error_percent(self) -> float:
        """Volume error in percent of the reference; NaN where the reference is empty."""
        return 100 * (self.predicted - self.reference) / self.reference if self.reference else nan


def overlap(predicted: NDArray[np.bool_], reference: NDArray[np.bool_], voxel_volume_mm3: float) -> Overlap:
    """Count the voxels of two masks of one shape.

    Parameters
    ----------
    predicted, reference : (i, j, k) bool ndarray
    voxel_volume_mm3 : float
    """
    return Overlap(
        int(np.count_nonzero(predicted)),
        int(np.count_nonzero(reference)),
        int(np.count_nonzero(predicted & reference)),
        voxel_volume_mm3,
    )
