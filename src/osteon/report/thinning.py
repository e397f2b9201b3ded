"""Surfaces with fewer vertices, for pictures that could not show them all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.io.surface import Surface

FINER = 0.25
"""Triangles smaller than this share of a cell's square are worth thinning."""


def thinned(surface: Surface, cell_mm: float) -> tuple[Surface, NDArray[np.int64]]:
    """Vertices that share a cell of a grid become one (Rossignac and Borrel 1993).

    Parameters
    ----------
    surface : Surface
    cell_mm : float
        Edge of a cell.

    Returns
    -------
    surface : Surface
        Without the faces that collapsed.
    became : (n,) ndarray
        Which of its vertices each of the original ones became.
    """
    cells = np.floor((surface.vertices - surface.vertices.min(axis=0)) / cell_mm).astype(np.int64)
    # one number a cell, which sorts ten times as fast as three
    _, became, count = np.unique(
        np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1)), return_inverse=True, return_counts=True
    )
    became = became.ravel()
    vertices = np.stack([np.bincount(became, surface.vertices[:, a]) for a in range(3)], axis=1) / count[:, None]
    a, b, c = became[surface.faces.T]
    whole = np.flatnonzero((a != b) & (b != c) & (c != a))
    return Surface(vertices, np.stack([a[whole], b[whole], c[whole]], axis=1).astype(np.int32)), became


def for_pixels(surfaces: dict[str, Surface], pixels: int) -> dict[str, Surface]:
    """Surfaces with about a vertex for each pixel of a picture of so many, where they have more.

    Parameters
    ----------
    surfaces : dict of str to Surface
    pixels : int
        Along the longest of the world's axes.
    """
    if not surfaces:
        return {}
    lows, highs = zip(*((s.vertices.min(axis=0), s.vertices.max(axis=0)) for s in surfaces.values()), strict=True)
    cell_mm = float((np.max(highs, axis=0) - np.min(lows, axis=0)).max()) / pixels
    return {name: _for_cells(surface, cell_mm) for name, surface in surfaces.items()}


def _for_cells(surface: Surface, cell_mm: float) -> Surface:
    mean_mm2 = surface.area_mm2 / max(1, len(surface.faces))
    return thinned(surface, cell_mm)[0] if mean_mm2 < FINER * cell_mm**2 else surface
