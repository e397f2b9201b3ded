"""The surfaces in a page, to turn with the mouse: a small mesh in base64 and a page of WebGL."""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape

import numpy as np
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.geometry import FloatArray
from osteon.io.surface import Surface
from osteon.report.shading import vertex_normals

VERTEX_BUDGET = 14_000
"""About how many vertices all structures may have together; the page stays below half a megabyte for them."""


def viewer(surfaces: dict[str, Surface], task: Task, script: str) -> str:
    """Canvas, data and script that show the surfaces.

    Parameters
    ----------
    surfaces : dict of str to Surface
    task : Task
        For the colours.
    script : str
        JavaScript that reads the JSON block ``osteon-meshes`` and draws on the canvas ``osteon-view``.
    """
    area_mm2 = sum(surface.area_mm2 for surface in surfaces.values())
    cell_mm = float(np.sqrt(1.6 * area_mm2 / VERTEX_BUDGET))  # a cell of the grid holds about 1.6 of its squares' area
    points = np.concatenate([s.vertices for s in surfaces.values()])
    low, high = points.min(axis=0), points.max(axis=0)
    meshes = [_packed(surface, task.by_name(name).rgb, cell_mm, low, high) for name, surface in surfaces.items()]
    data = json.dumps({"low": low.round(3).tolist(), "high": high.round(3).tolist(), "meshes": meshes})
    names = escape(", ".join(surfaces))
    return (
        '<div class="viewer"><canvas id="osteon-view" tabindex="0" role="img" '
        f'aria-label="3-D view of the surfaces of {names}; arrow keys turn it, plus and minus zoom"></canvas>'
        '<p class="hint">Drag or use the arrow keys to turn, scroll or press + and − to zoom.</p></div>\n'
        f'<script type="application/json" id="osteon-meshes">{data}</script>\n<script>{script}</script>'
    )


def _packed(
    surface: Surface, rgb: tuple[float, float, float], cell_mm: float, low: FloatArray, high: FloatArray
) -> dict[str, object]:
    """A thinned surface: 16-bit positions between ``low`` and ``high``, 8-bit normals, 16-bit faces."""
    vertices, normals, faces = thinned(surface, cell_mm)
    position = np.round((vertices - low) / np.maximum(high - low, 1e-9) * 65535).astype("<u2")
    return {
        "colour": [round(c, 3) for c in rgb],
        "position": _base64(position),
        "normal": _base64(np.round(normals * 127).astype("i1")),
        "face": _base64(faces.astype("<u4" if len(vertices) > 65535 else "<u2")),
        "wide": len(vertices) > 65535,
    }


def thinned(surface: Surface, cell_mm: float) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Vertices that share a cell of a grid become one (Rossignac and Borrel 1993); normals are those of the original.

    Returns
    -------
    vertices, normals : (n, 3) ndarray
    faces : (m, 3) ndarray
        Without those that collapsed.
    """
    cells = np.floor((surface.vertices - surface.vertices.min(axis=0)) / cell_mm).astype(np.int64)
    # one number a cell, which sorts ten times as fast as three
    _, cell_of, count = np.unique(
        np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1)), return_inverse=True, return_counts=True
    )
    cell_of = cell_of.ravel()
    normals = vertex_normals(surface.vertices, surface.faces.astype(np.int64))
    vertices = np.stack([np.bincount(cell_of, surface.vertices[:, a]) for a in range(3)], axis=1) / count[:, None]
    mean = np.stack([np.bincount(cell_of, normals[:, a]) for a in range(3)], axis=1)
    faces = cell_of[surface.faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return vertices, mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9), faces[whole]


def _base64(array: NDArray[np.generic]) -> str:
    return b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
