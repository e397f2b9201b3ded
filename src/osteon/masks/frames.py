"""Whether a mask of another grid lies in a scan's world, and its voxels on the scan's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import GeometryError
from osteon.geometry import Grid, inverse, resample_labels, transform_points
from osteon.volume import Volume

Box = tuple[slice, slice, slice]

STANDARD_SPACE = 3
"""NIfTI codes from here on (3 Talairach, 4 MNI) name a standard body's world, lower ones the scanner's."""

OUTSIDE_SHARE = 0.01
"""A mask may have this share of its voxels outside the scan: the rounding of its border, not another place."""


def on_grid(mask: Volume, target: Volume, what: str) -> tuple[NDArray[np.bool_], Box]:
    """Voxels of a binary mask (any value but zero) on a scan's grid.

    A mask on an equal grid is taken as it is. One on another grid is interpolated linearly and cut at one half, if the
    two worlds agree: neither claims to be a standard space's, the mask lies within the scan, and it is no mask of the
    scan's own matrix that has slipped.

    Parameters
    ----------
    mask, target : Volume
    what : str
        Named in errors.

    Returns
    -------
    inside : bool ndarray
        Voxels in a box of the target's grid; all that is not in the box is outside.
    box : tuple of slice

    Raises
    ------
    GeometryError
        If the worlds do not agree; says how.
    """
    inside = np.asarray(mask.array != 0, dtype=np.bool_)
    if mask.grid.matches(target.grid):
        return inside, (slice(0, mask.shape[0]), slice(0, mask.shape[1]), slice(0, mask.shape[2]))
    _refuse_slipped(mask, target, what)
    _refuse_other_space(mask, target, what)
    if not inside.any():
        return np.zeros((0, 0, 0), dtype=np.bool_), (slice(0, 0), slice(0, 0), slice(0, 0))
    _refuse_outside(inside, mask, target, what)
    source = _box_of(inside, mask.shape, margin=2)
    part = mask.grid.cropped(source)
    box = box_around(part.corners_mm(), target.grid)
    array = resample_labels(inside[source].astype(np.uint8), part.affine, target.grid.cropped(box))
    return array != 0, box


def box_around(points_mm: NDArray[np.float64], grid: Grid) -> Box:
    """Smallest box of a grid's voxels that holds points of the world (``(n, 3)``, RAS mm), cut to the grid."""
    index = transform_points(inverse(grid.affine), points_mm)
    low = np.clip(np.floor(index.min(axis=0)), 0, grid.shape).astype(int)
    high = np.clip(np.ceil(index.max(axis=0)) + 1, low, grid.shape).astype(int)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k


def _box_of(inside: NDArray[np.bool_], shape: tuple[int, ...], margin: int) -> Box:
    def along(axis: int) -> slice:
        others: Any = tuple(a for a in range(3) if a != axis)
        held = np.flatnonzero(inside.any(axis=others))
        return slice(max(0, int(held[0]) - margin), min(shape[axis], int(held[-1]) + 1 + margin))

    return along(0), along(1), along(2)


def _refuse_slipped(mask: Volume, target: Volume, what: str) -> None:
    """A mask of the same matrix and voxel size at another place has most often lost its place, as after RAS/LPS."""
    if mask.shape != target.shape or not np.allclose(mask.spacing_mm, target.spacing_mm, rtol=1e-3):
        return
    distance = mask.grid.distance_mm(target.grid)
    raise GeometryError(
        f"{what} has the scan's own size and voxels, but lies {distance:.1f} mm away from it (RAS against LPS, or a "
        "lost header). Save it again on the scan that it was drawn on; if it was drawn on another scan of this "
        "matrix, resample it to this one first, for example in 3D Slicer."
    )


def _refuse_other_space(mask: Volume, target: Volume, what: str) -> None:
    spaces = [
        v.nifti_geometry and max(v.nifti_geometry.qform_code, v.nifti_geometry.sform_code) for v in (mask, target)
    ]
    standard = [bool(code and code >= STANDARD_SPACE) for code in spaces]
    if None not in spaces and standard[0] != standard[1]:
        where = ("a standard body's space", "the scanner's") if standard[0] else ("the scanner's", "a standard body's")
        raise GeometryError(
            f"{what} lies in {where[0]} world by its NIfTI code and the scan in {where[1]}: the two cannot be laid "
            "over one another. Give the mask as it was drawn on the scan."
        )


def _refuse_outside(inside: NDArray[np.bool_], mask: Volume, target: Volume, what: str) -> None:
    index = target.index(mask.world_mm(np.argwhere(inside)))
    edge = 0.5 + np.array(mask.spacing_mm).max() / np.array(target.spacing_mm)
    beyond = ((index < -edge) | (index > np.array(target.shape) - 1 + edge)).any(axis=1)
    share = float(beyond.mean())
    if share > OUTSIDE_SHARE:
        raise GeometryError(
            f"{what} lies on another grid than the scan, and {share:.0%} of it lies outside the scan: the two do not "
            "share a world. Check that both come from the same examination, and RAS against LPS."
        )
