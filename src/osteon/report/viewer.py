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
from osteon.report.thinning import thinned

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
    small, became = thinned(surface, cell_mm)
    vertices, faces = small.vertices, small.faces
    # of the surface before it was thinned, whose form they tell
    fine = vertex_normals(surface.vertices, surface.faces.astype(np.int64))
    mean = np.stack([np.bincount(became, fine[:, axis]) for axis in range(3)], axis=1)
    normals = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
    position = np.round((vertices - low) / np.maximum(high - low, 1e-9) * 65535).astype("<u2")
    return {
        "colour": [round(c, 3) for c in rgb],
        "position": _base64(position),
        "normal": _base64(np.round(normals * 127).astype("i1")),
        "face": _base64(faces.astype("<u4" if len(vertices) > 65535 else "<u2")),
        "wide": len(vertices) > 65535,
    }


def _base64(array: NDArray[np.generic]) -> str:
    return b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
