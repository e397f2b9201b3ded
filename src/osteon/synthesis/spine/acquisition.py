"""What the scanner adds: coil sensitivity, blur, noise, 12 bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import Grid
from osteon.synthesis.shapes import Array

FULL_SCALE = 4095
"""Largest value of a scanner's 12 bits."""


def acquire(signal: Array, grid: Grid, from_back_mm: Array, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Turn an ideal signal into a magnitude image.

    Parameters
    ----------
    signal : (i, j, k) float32 ndarray
    grid : Grid
        The scan's.
    from_back_mm : (i, j, k) float32 ndarray
        Distance from the skin of the back, where the surface coil lies.
    rng : Generator

    Returns
    -------
    (i, j, k) uint16 ndarray
        At most `FULL_SCALE`. Noise is Rician (Gudbjartsson and Patz 1995, doi 10.1002/mrm.1910340618).
    """
    in_plane = float(rng.uniform(0.35, 0.55))
    blurred = ndimage.gaussian_filter(signal, (in_plane, in_plane, 0.0))
    received = blurred * coil_sensitivity(grid, from_back_mm, rng)
    top = float(np.percentile(np.abs(received), 99.5))
    sigma = float(rng.uniform(0.006, 0.018)) * top
    real = received + sigma * rng.standard_normal(grid.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(grid.shape, dtype=np.float32)
    magnitude = np.sqrt(real * real + imaginary * imaginary)
    gain = float(rng.uniform(1400, 3000)) / top
    return np.asarray(np.clip(np.rint(magnitude * gain), 0, FULL_SCALE), dtype=np.uint16)


def coil_sensitivity(grid: Grid, from_back_mm: Array, rng: np.random.Generator) -> Array:
    """Sensitivity of a spine coil: falls with the distance from the back and towards the ends, and varies smoothly.

    Parameters as for `acquire`; the result is positive and about 1 at the spine.
    """
    depth = np.clip(from_back_mm, 0, None)
    # after the scanner's own correction a part of the fall remains
    remaining = float(rng.uniform(0.2, 0.75))
    fall = 0.25 + 2.2 * np.exp(-depth / np.float32(70))
    fall /= 0.25 + 2.2 * np.exp(-80 / 70)
    j = np.linspace(-1, 1, grid.shape[1], dtype=np.float32)[None, :, None]
    ends = 1 - float(rng.uniform(0.15, 0.45)) * j**4
    knots = rng.normal(0, 0.09, size=(4, 5, 3)).astype(np.float32)
    places = np.meshgrid(
        *(np.linspace(0, n - 1, m) for n, m in zip(knots.shape, grid.shape, strict=True)), indexing="ij"
    )
    smooth = np.exp(ndimage.map_coordinates(knots, places, order=3, mode="nearest"))
    return np.asarray(fall**remaining * ends * smooth, dtype=np.float32)
