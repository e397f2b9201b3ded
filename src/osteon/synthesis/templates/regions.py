"""Masks grown and closed within axial slices, and split into a right and a left half."""

from __future__ import annotations

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from osteon.errors import GeometryError

Mask = NDArray[np.bool_]

APART = 250.0
"""Length of a voxel along the body, in mm, that makes shorter distances ones within the slice.

Not much more than is needed: distances are squared in single precision.
"""

LARGEST_NECK_MM = 12.0
"""Two bodies that touch are told apart if a ball of this radius does not pass from one to the other."""


def distance_mm(mask: Mask, spacing_mm: tuple[float, float, float], *, in_slice: bool = False) -> NDArray[np.float32]:
    """Distance from each voxel of a mask to the nearest voxel outside of it, 0 elsewhere, in mm.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
        Beyond the array's border nothing counts as outside.
    spacing_mm : (3,) tuple of float
    in_slice : bool
        Look only within the slice of the last axis.
    """
    edges = (*spacing_mm[:2], APART) if in_slice else spacing_mm
    distance = edt.edt(np.ascontiguousarray(mask), anisotropy=edges, black_border=False)
    return np.asarray(np.minimum(distance, APART), dtype=np.float32)


def closed_in_slices(mask: Mask, radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Morphological closing of every slice by a disc, with the holes that remain in a slice filled."""
    room = int(np.ceil(radius_mm / min(spacing_mm[:2]))) + 1
    padded = np.pad(mask, ((room, room), (room, room), (0, 0)))
    grown = ~padded
    grown = distance_mm(grown, spacing_mm, in_slice=True) <= radius_mm
    closed = distance_mm(grown, spacing_mm, in_slice=True) > radius_mm
    closed &= padded.any(axis=(0, 1))  # a slice of nothing has no distance
    closed |= padded
    inner = closed[room:-room, room:-room]
    return np.stack([ndimage.binary_fill_holes(inner[:, :, k]) for k in range(inner.shape[2])], axis=2)


def hulls(mask: Mask, floor: int) -> Mask:
    """Convex hull of each slice from ``floor`` up; nothing below."""
    result = np.zeros_like(mask)
    for k in range(max(0, floor), mask.shape[2]):
        if mask[:, :, k].any():
            result[:, :, k] = convex_hull_image(mask[:, :, k])
    return result


def halves(mask: Mask, spacing_mm: tuple[float, float, float]) -> tuple[Mask, Mask]:
    """Split a structure of both sides that carries one label into the patient's right and left one.

    The mask is eroded until its two largest parts lie beside each other and hold most of what is left; then every voxel
    goes to the part that it is nearest to.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
        The first axis runs to the patient's right.
    spacing_mm : (3,) tuple of float

    Returns
    -------
    right, left : bool ndarray

    Raises
    ------
    GeometryError
        If no two bodies side by side are found.
    """
    depth = distance_mm(mask, spacing_mm)
    for radius in np.arange(0.0, LARGEST_NECK_MM, min(spacing_mm) / 2):
        pieces = cc3d.connected_components(depth > radius, connectivity=6)
        sizes = np.bincount(pieces.ravel())[1:]
        if len(sizes) < 2:
            continue
        first, second = np.argsort(sizes)[::-1][:2]
        if sizes[second] < 0.5 * sizes[first]:
            continue
        centres = [float(np.nonzero(pieces == n + 1)[0].mean()) for n in (first, second)]
        right, left = (first, second) if centres[0] > centres[1] else (second, first)
        seeds = np.where(pieces == right + 1, 1, np.where(pieces == left + 1, 2, 0)).astype(np.uint8)
        nearest = ndimage.distance_transform_edt(
            seeds == 0, sampling=spacing_mm, return_distances=False, return_indices=True
        )
        side = seeds[tuple(nearest)]
        return mask & (side == 1), mask & (side == 2)
    raise GeometryError("A structure of both sides does not fall into a right and a left half; label them apart.")
