"""What every reader asks of an array before it becomes a `Volume`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon import geometry
from osteon.errors import ReadError
from osteon.geometry import FloatArray
from osteon.volume import NiftiGeometry, Volume


def check_shape(shape: tuple[int, ...], path: Path) -> tuple[int, int, int]:
    """Refuse what is not a 3-D scan; a fourth axis of length one is dropped.

    Raises
    ------
    ReadError
        For a 2-D image, a single slice, a series over time, or an axis without voxels.
    """
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    found = " x ".join(str(n) for n in shape)
    if len(shape) > 3:
        raise ReadError(
            f"{path} is {len(shape)}-D ({found}): several volumes in one file, as over time, echo or direction. "
            "Osteon takes one 3-D scan: save the volume you want as a file of its own, for example in 3D Slicer."
        )
    if len(shape) < 3 or 1 in shape:
        raise ReadError(f"{path} is 2-D ({found}): a single slice is not a volume. Give the whole 3-D scan.")
    if min(shape) < 1:
        raise ReadError(f"{path} has no voxels ({found}). The header is damaged: export the scan again.")
    return shape[0], shape[1], shape[2]


def checked_volume(
    array: NDArray[Any], affine: FloatArray, path: Path, nifti_geometry: NiftiGeometry | None = None
) -> Volume:
    """Volume of a file's array: native byte order, one block of memory, real and finite, on a possible grid.

    Parameters
    ----------
    array : (i, j, k) ndarray
    affine : (4, 4) ndarray
        Array index to RAS+ mm.
    path : Path
        Named in errors.
    nifti_geometry : NiftiGeometry, optional

    Raises
    ------
    ReadError
        For colour or complex voxels, NaN or infinity.
    GeometryError
        For an affine that is no scan's.
    """
    refuse_odd_voxels(array.dtype, path)
    geometry.check_affine(np.asarray(affine, dtype=np.float64), str(path))
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not (
        array.flags.f_contiguous and array.flags.writeable
    ):  # as read from slices; turning it would copy the volume
        array = np.ascontiguousarray(array)
    if array.dtype.kind == "f":
        array = array.astype(np.float32, copy=False)
        bad = ~np.isfinite(array)
        if bad.any():
            place = tuple(int(n) for n in np.argwhere(bad)[0])
            raise ReadError(
                f"{path} holds NaN or infinite values in {int(bad.sum())} of {bad.size} voxels, the first at {place}. "
                "Replace them (usually by 0) in the program that wrote the file."
            )
    return Volume(array, affine, nifti_geometry)


def refuse_odd_voxels(dtype: np.dtype[Any], path: Path) -> None:
    """Refuse voxels that are not one real number each."""
    if dtype.kind == "c":
        raise ReadError(f"{path} holds complex numbers; a scan has real ones. Export the magnitude images.")
    if dtype.kind not in "buif":
        raise ReadError(f"{path} holds colour (RGB) voxels; a scan has one grey value a voxel. Export the grey images.")
