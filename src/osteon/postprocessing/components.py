"""Connected parts and holes of a mask."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

from osteon.boxes import Box

Mask = NDArray[np.bool_]
Instances = NDArray[np.uint16]


def bounding_box(mask: Mask, margin: int = 0) -> Box:
    """Smallest box that holds a non-empty mask, with a margin in voxels, cut at the array's ends."""
    box = []
    for axis, n in enumerate(mask.shape):
        held = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(max(0, int(held[0]) - margin), min(n, int(held[-1]) + 1 + margin)))
    return box[0], box[1], box[2]


def without_small_parts(mask: Mask, smallest_voxels: float) -> Mask:
    """A mask without its separate parts (26-connected) of fewer voxels; the largest part always stays."""
    parts = cc3d.connected_components(mask, connectivity=26)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = (sizes >= smallest_voxels) | (sizes == sizes.max())
    keep[0] = False
    return np.asarray(keep[parts], dtype=bool)


def without_holes(mask: Mask) -> Mask:
    """A mask with its enclosed cavities filled, in the volume."""
    # in a frame of background, so that all that reaches the outside is one part
    parts = cc3d.connected_components(~np.pad(mask, 1), connectivity=6)
    return np.asarray((parts != parts[0, 0, 0])[1:-1, 1:-1, 1:-1], dtype=bool)
