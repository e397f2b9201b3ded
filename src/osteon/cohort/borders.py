"""How well the borders of a mask lie on the edges that an image shows, at many shifts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

USUAL_EDGE = 75.0
"""Percentile of the gradients that counts as half an edge, so that skin and fat do not outshine bone."""

FEWEST = 4
"""Voxels that an axis needs for a gradient to mean something."""


def on_edges(
    image: NDArray[np.float32], values: NDArray[np.integer[Any]], spacing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Squared edge along the border's normals, summed, whichever side is the brighter, at every shift.

    Normalised gradients of image and mask, as of Haber and Modersitzki 2006 (MICCAI, LNCS 4191:726). The square of a
    scalar product is a sum over pairs of axes, and its sum over the border at all shifts a correlation.

    Parameters
    ----------
    image : (i + 2 a, j + 2 b, k + 2 c) ndarray
        Larger than the mask by the reach of the shifts at either side.
    values : (i, j, k) ndarray
        Labels.
    spacing : (3,) ndarray
        Voxel edges, mm.

    Returns
    -------
    (2 a + 1, 2 b + 1, 2 c + 1) ndarray
        0 or more; the middle is no shift.
    """
    fine = [axis for axis in range(3) if spacing[axis] <= 2.0 * spacing.min() and values.shape[axis] > FEWEST]
    edges, normals = _edges(image, spacing, fine), _normals(values, spacing, fine)
    total = np.zeros(np.array(image.shape) - values.shape + 1)
    for a in range(len(fine)):
        for b in range(a, len(fine)):
            twice = 1.0 if a == b else 2.0
            total += twice * signal.correlate(edges[a] * edges[b], normals[a] * normals[b], mode="valid", method="fft")
    return np.maximum(total, 0)


def _edges(image: NDArray[np.float32], spacing: NDArray[np.float64], fine: list[int]) -> list[NDArray[np.float32]]:
    """Gradient along each fine axis, weak edges less and strong ones hardly more than middling ones."""
    smooth = ndimage.gaussian_filter(image, [1.0 if axis in fine else 0.0 for axis in range(3)])
    along = [np.gradient(smooth, axis=axis) / np.float32(spacing[axis]) for axis in fine]
    length = np.sqrt(sum(g**2 for g in along))
    usual = np.percentile(length, USUAL_EDGE) + 1e-6
    return [np.asarray(g / (length + usual), dtype=np.float32) for g in along]


def _normals(
    values: NDArray[np.integer[Any]], spacing: NDArray[np.float64], fine: list[int]
) -> list[NDArray[np.float32]]:
    """Gradient of every label's own mask along each fine axis, summed: it points into the structures."""
    total = [np.zeros(values.shape, dtype=np.float32) for _ in fine]
    for value in np.unique(values[values != 0]):
        mask = (values == value).astype(np.float32)
        for place, axis in enumerate(fine):
            total[place] += (np.gradient(mask, axis=axis) / spacing[axis]).astype(np.float32)
    return total
