"""Resampling within slices, as two matrices of weights: rows and columns are resampled one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from osteon.geometry import Grid, resample_linear
from osteon.preprocessing.intensity import IntensityRange

FloatArray = NDArray[np.float32]


class InPlane:
    """Slices of a scan, normalised and resampled as `osteon.geometry.resample_linear` does, any part of them alone.

    Smoothing and interpolation along an axis are one linear map; its weights are what it makes of an identity matrix,
    and few of them are not zero. That is several times as fast as filtering and interpolating pictures.

    Parameters
    ----------
    array : (slice, row, column) ndarray
        The scan.
    grid, target : Grid
        Its own, and that of the result: of the same axes, outer corner and slices.
    intensity : IntensityRange
    """

    def __init__(self, array: NDArray[np.generic], grid: Grid, target: Grid, intensity: IntensityRange) -> None:
        self._array = array
        self._intensity = intensity
        self._weights = [_weights(grid, target, axis) for axis in (1, 2)]
        self._parts: dict[tuple[int, int, int], tuple[slice, sparse.csr_array]] = {}

    def picture(self, number: int, rows: slice, columns: slice) -> FloatArray:
        """Rows and columns of one slice of the result, ``(row, column)``."""
        of_rows, down = self._part(0, rows)
        of_columns, across = self._part(1, columns)
        seen = self._intensity.normalised(self._array[number, of_rows, of_columns])
        return np.asarray((across @ (down @ seen).T).T)

    def _part(self, axis: int, wanted: slice) -> tuple[slice, sparse.csr_array]:
        """Weights of some rows or columns of the result, and which of the scan they are for."""
        key = (axis, wanted.start, wanted.stop)
        if key not in self._parts:
            some = self._weights[axis][wanted]
            read = slice(int(some.indices.min(initial=0)), int(some.indices.max(initial=0)) + 1)
            self._parts[key] = read, some[:, read].tocsr()
        return self._parts[key]


def _weights(grid: Grid, target: Grid, axis: int) -> sparse.csr_array:
    """``(target, source)`` weights along an axis."""
    count, old, new = grid.shape[axis], grid.spacing_mm[axis], target.spacing_mm[axis]
    affine = np.diag([new, 1.0, 1.0, 1.0])
    affine[0, 3] = (new - old) / 2  # the same outer corner
    place = (np.arange(target.shape[axis]) * new + affine[0, 3]) / old
    # lines so far apart that none is read together with the next: smoothing reads 2 * new / old to either side
    apart = min(count, 8 + 4 * int(np.ceil(new / old)))
    lines = (np.arange(count)[:, None] % apart == np.arange(apart)).astype(np.float32)
    of_lines = Grid((target.shape[axis], apart, 1), affine)
    each = resample_linear(lines[:, :, None], np.diag([old, 1.0, 1.0, 1.0]), of_lines)[:, :, 0]
    row, line = np.nonzero(each)
    repeats = np.rint((place[row] - line) / apart).astype(np.int64) if apart < count else 0
    source = line + apart * repeats  # of a column's lines the nearest
    weights = sparse.coo_array((each[row, line], (row, source)), shape=(target.shape[axis], count)).tocsr()
    weights.sort_indices()
    return weights
