"""Whether structures could be those of a body: size against shape, one side against the other, the border."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, nan

import numpy as np

from osteon.measurement.moments import moments_of
from osteon.volume import LabelMap

SHAPE_NUMBERS = ("volume_cm3", "cut", "slender", "sides", "gaps")


@dataclass(frozen=True)
class Build:
    """Size of one structure.

    Parameters
    ----------
    volume_mm3 : float
    length_mm : float
        From end to end along its longest axis: 4 standard deviations of its voxels' places would be an ellipse's axis,
        sqrt(12) are a rod's length.
    gaps : float
        Share of the slices between its first and its last along the volume's slices that do not hold it.
    cut : bool
        Whether it reaches a face of the volume.
    """

    volume_mm3: float
    length_mm: float
    gaps: float
    cut: bool


def plausibility(labels: LabelMap) -> dict[str, dict[str, float]]:
    """Numbers of `SHAPE_NUMBERS` by structure that is there; NaN where a number is not defined.

    ``cut`` is 1 for a structure that reaches a face of the volume, else 0. ``slender`` is the logarithm of its volume
    against the cube of its length, and ``sides`` the size of the logarithm of its volume against its mirror partner's;
    neither is defined for one that is cut. ``gaps`` is the share of slices between its ends that do not hold it.

    Parameters
    ----------
    labels : LabelMap
    """
    builds = _builds(labels)
    numbers = {}
    for structure in labels.task.structures:
        own, partner = builds.get(structure.name), builds.get(structure.mirror or "")
        if own is None:
            continue
        both_whole = partner is not None and not own.cut and not partner.cut
        numbers[structure.name] = {
            "volume_cm3": own.volume_mm3 / 1000,
            "cut": float(own.cut),
            "slender": nan if own.cut else log(own.volume_mm3 / own.length_mm**3),
            "sides": abs(log(own.volume_mm3 / partner.volume_mm3)) if partner is not None and both_whole else nan,
            "gaps": own.gaps,
        }
    return numbers


def _builds(labels: LabelMap) -> dict[str, Build]:
    builds = {}
    for structure in labels.task.structures:
        if structure.value not in labels.boxes:
            continue
        box = labels.boxes[structure.value]
        mask = labels.array[box] == structure.value
        moments = moments_of(mask, labels.affine)
        # a voxel's own extent keeps a single one from having no length
        own_mm2 = float(labels.voxel_volume_mm3) ** (2 / 3) / 12
        length_mm = float(np.sqrt(12 * (np.linalg.eigvalsh(moments.covariance_mm2)[-1] + own_mm2)))
        across = int(np.argmax(labels.spacing_mm))
        held = mask.any(axis=tuple(axis for axis in range(3) if axis != across))
        cut = any(part.start == 0 or part.stop == n for part, n in zip(box, labels.shape, strict=True))
        volume_mm3 = moments.voxels * labels.voxel_volume_mm3
        builds[structure.name] = Build(volume_mm3, length_mm, 1 - float(held.mean()), cut)
    return builds
