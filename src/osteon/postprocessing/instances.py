"""Separate bodies of one class, also where they touch."""

from __future__ import annotations

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from osteon.postprocessing.components import Instances, Mask, bounding_box

DEPTHS_MM = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""How far a mask is eroded, step by step, to see whether it falls apart."""

CORE_SHARE = 0.04
"""A part that falls off counts as a body of its own only with this share of the largest body's volume."""

APART_MM = 15.0
"""Least distance between the centres of two bodies that touch: vertebrae of a small child are that far apart."""


def split_instances(mask: Mask, spacing_mm: tuple[float, float, float], smallest_mm3: float) -> Instances:
    """Number the separate bodies of a mask, splitting those that touch.

    Each connected part is eroded step by step (thresholds of its distance map); where it falls apart into cores that
    are large and far enough from one another, these become the seeds of a watershed on the distance map, so that the
    cut runs through the narrowest place.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
    spacing_mm : (3,) tuple of float
    smallest_mm3 : float
        Smaller bodies are dropped.

    Returns
    -------
    (i, j, k) uint16 ndarray
        0 background, 1 to n bodies in no particular order.
    """
    result = np.zeros(mask.shape, dtype=np.uint16)
    voxel_mm3 = float(np.prod(spacing_mm))
    # 6-connected: bodies that meet at an edge or corner are separate to begin with
    parts = cc3d.connected_components(mask, connectivity=6)
    count = 0
    for number, size in enumerate(np.bincount(parts.ravel())):
        if number == 0 or size * voxel_mm3 < smallest_mm3:
            continue
        # with the background beside it, without which a flat face would count as cut by the scan's edge
        box = bounding_box(parts == number, margin=1)
        bodies = _split(parts[box] == number, spacing_mm)
        for body in range(1, int(bodies.max()) + 1):
            voxels = bodies == body
            if voxels.sum() * voxel_mm3 >= smallest_mm3:
                count += 1
                result[box][voxels] = count
    return result


def _split(part: Mask, spacing_mm: tuple[float, float, float]) -> NDArray[np.int32]:
    """Bodies of one connected part, from 1."""
    # black_border False: a body that the scan's edge cuts is thick there, not thin
    depth = edt.edt(part, anisotropy=spacing_mm, black_border=False)
    seeds = part.astype(np.int32)
    for threshold in DEPTHS_MM:
        seeds = _refined(seeds, depth > threshold, spacing_mm)
    if seeds.max() < 2:
        return part.astype(np.int32)
    return np.asarray(watershed(-depth, seeds, mask=part), dtype=np.int32)


def _refined(seeds: NDArray[np.int32], core: Mask, spacing_mm: tuple[float, float, float]) -> NDArray[np.int32]:
    """Replace each seed by the pieces of it that remain in the core, if there are several that count."""
    result = seeds.copy()
    least = CORE_SHARE * np.bincount(seeds.ravel())[1:].max()
    following = int(seeds.max())
    for seed in range(1, following + 1):
        pieces = cc3d.connected_components((seeds == seed) & core, connectivity=6)
        sizes = np.bincount(pieces.ravel())
        large = [n for n in np.argsort(-sizes) if n > 0 and sizes[n] >= least]
        apart: list[int] = []
        centres: list[NDArray[np.float64]] = []
        for piece in large:
            centre = np.argwhere(pieces == piece).mean(axis=0) * spacing_mm
            if all(np.linalg.norm(centre - other) >= APART_MM for other in centres):
                apart.append(int(piece))
                centres.append(centre)
        if len(apart) < 2:
            continue
        result[seeds == seed] = 0
        result[pieces == apart[0]] = seed
        for piece in apart[1:]:
            following += 1
            result[pieces == piece] = following
    return result
