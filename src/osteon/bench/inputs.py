"""Inputs of the benchmarks: a made scan of both legs, of any number of slices and pixels."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import Grid
from osteon.io import write
from osteon.io.dicom import write_dicom_series
from osteon.synthesis import LegPhantom, make_leg_phantom
from osteon.synthesis.scanner import ScanGeometry
from osteon.volume import LabelMap, Volume

LEG_MODEL = "leg-bones"

COARSE = ScanGeometry(spacing_mm=(1.6, 4.0))
"""The phantom that all leg inputs are interpolated from: half a minute to make; at full size it would be many."""

NOISE = 0.01
"""Of the interpolated slices, as a share of the brightest voxel, so that no voxel equals its neighbour."""

AGE_YEARS = 14.0


def leg_scan(shape: tuple[int, int, int], seed: int) -> Volume:
    """Both legs from hip to sole in so many (columns, rows, slices); uint16.

    More slices are thinner ones of the same legs; columns and rows share the same square field of view.

    Parameters
    ----------
    shape : (3,) tuple of int
    seed : int
        Another seed is another person.
    """
    scan = _phantom(seed).scan
    wide = _in_square(scan.array, scan.shape)
    grid = Grid(wide, scan.affine).with_shape(shape)
    rng = np.random.default_rng((seed, 1))
    level = NOISE * float(scan.array.max())
    array = np.empty(shape, dtype=np.uint16, order="F")
    for k, position in enumerate((np.arange(shape[2]) + 0.5) * scan.shape[2] / shape[2] - 0.5):
        picture = _picture(scan.array, float(position), wide, shape)
        picture += rng.normal(0, level, picture.shape).astype(np.float32)
        array[:, :, k] = np.rint(np.abs(picture, out=picture))
    return Volume(array, grid.affine)


def leg_labels(shape: tuple[int, int, int], seed: int) -> LabelMap:
    """The bones of `leg_scan`, each voxel from the nearest of the phantom's."""
    labels = _phantom(seed).labels
    wide = _in_square(labels.array, labels.shape)
    at = [np.minimum(((np.arange(n) + 0.5) * m / n).astype(int), m - 1) for n, m in zip(shape, wide, strict=True)]
    inside = [np.minimum(index, n - 1) for index, n in zip(at, labels.shape, strict=True)]
    array = np.asfortranarray(labels.array[np.ix_(*inside)])
    for axis, (index, n) in enumerate(zip(at, labels.shape, strict=True)):
        np.moveaxis(array, axis, 0)[index >= n] = 0
    return LabelMap(array, Grid(wide, labels.affine).with_shape(shape).affine, task=labels.task)


def write_leg_nifti(folder: Path, shape: tuple[int, int, int], seed: int) -> Path:
    """`leg_scan` as one uncompressed NIfTI file in a folder."""
    path = folder / f"legs-{shape[2]}.nii"
    write(leg_scan(shape, seed), path)
    return path


def write_leg_dicom(folder: Path, shape: tuple[int, int, int], seed: int) -> Path:
    """`leg_scan` as a DICOM series, one file a slice."""
    path = folder / f"legs-{shape[2]}"
    write_dicom_series(leg_scan(shape, seed), path, description="Osteon benchmark, legs", seed=seed)
    return path


@cache
def _phantom(seed: int) -> LegPhantom:
    return make_leg_phantom(seed=seed, protocol="dixon-water", age_years=AGE_YEARS, geometry=COARSE)


def _in_square(array: NDArray[np.generic], shape: tuple[int, int, int]) -> tuple[int, int, int]:
    side = max(shape[:2])
    return side, side, array.shape[2]


def _picture(
    array: NDArray[np.uint16], position: float, wide: tuple[int, int, int], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """One slice between the phantom's, linearly, in the square field of view."""
    low = int(np.clip(np.floor(position), 0, array.shape[2] - 1))
    high = min(low + 1, array.shape[2] - 1)
    share = np.float32(np.clip(position - low, 0, 1))
    between = (1 - share) * array[:, :, low] + share * array[:, :, high]
    zoom = [n / m for n, m in zip(wide[:2], shape[:2], strict=True)]
    return np.asarray(
        ndimage.affine_transform(
            between, zoom, [(z - 1) / 2 for z in zoom], output_shape=shape[:2], order=1, mode="grid-constant"
        ),
        dtype=np.float32,
    )
