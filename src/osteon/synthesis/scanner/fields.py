"""Smooth random fields: few random knots, spread by cubic B-splines as two small matrix products."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Float32 = NDArray[np.float32]

UNIT = 2.0
"""Standard normal knots, not correlated, times this give a field of about unit variance: splines smooth them."""


def spline_basis(positions: NDArray[np.float64], knots: int, *, derivative: bool = False) -> Float32:
    """Weights of uniform cubic B-splines at some positions.

    Parameters
    ----------
    positions : (n,) ndarray
        From 0 to 1, over the whole of the field.
    knots : int
        At least 4.
    derivative : bool
        Weights of the slope against the position instead.

    Returns
    -------
    (n, knots) float32 ndarray
        Rows add up to 1, those of the slope to 0.
    """
    cells = knots - 3
    place = np.clip(positions, 0, 1) * cells
    cell = np.minimum(place.astype(int), cells - 1)
    t = place - cell
    if derivative:
        weights = [-((1 - t) ** 2) / 2, (3 * t**2 - 4 * t) / 2, (-3 * t**2 + 2 * t + 1) / 2, t**2 / 2]
        weights = [w * cells for w in weights]
    else:
        weights = [(1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6]
    basis = np.zeros((len(place), knots), dtype=np.float32)
    for step, weight in enumerate(weights):
        basis[np.arange(len(place)), cell + step] = weight
    return basis


def alike(count: int, knots: tuple[int, int], change: float, rng: np.random.Generator) -> Float32:
    """Knots of some slices that differ a little from each other, standard normal: ``(slice, row knot, column knot)``.

    Parameters
    ----------
    count : int
        Slices.
    knots : (2,) tuple of int
    change : float
        Size of what is a slice's own against what all share.
    rng : Generator
    """
    common = rng.standard_normal((1, *knots), dtype=np.float32)
    own = rng.standard_normal((count, *knots), dtype=np.float32)
    return np.asarray((common + change * own) / np.sqrt(1 + change**2), dtype=np.float32)


def stacked(knots: Float32, places: NDArray[np.float64], *, derivative: bool = False) -> Float32:
    """Knots of slices out of knots in three dimensions.

    Parameters
    ----------
    knots : (slice knot, ...) ndarray
    places : (n,) ndarray
        Of the slices, 0 to 1.
    derivative : bool
        The slope against the place instead.

    Returns
    -------
    (n, ...) float32 ndarray
    """
    basis = spline_basis(places, len(knots), derivative=derivative)
    return np.asarray(np.tensordot(basis, knots, axes=1), dtype=np.float32)


def spread(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    """A smooth field over a picture from its knots.

    Parameters
    ----------
    coarse : (..., row knot, column knot) Tensor
    size : (2,) tuple of int
        Rows and columns of the picture.

    Returns
    -------
    (..., row, column) Tensor
    """
    down, along = (_basis(n, m, coarse.device) for n, m in zip(size, coarse.shape[-2:], strict=True))
    return down @ (coarse @ along.T)


@lru_cache(maxsize=256)
def _basis(pixels: int, knots: int, device: torch.device) -> Tensor:
    return torch.from_numpy(spline_basis(np.linspace(0, 1, pixels), knots)).to(device)
