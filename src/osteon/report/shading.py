"""Surfaces as a shaded picture, drawn in numpy by the painter's algorithm.

No graphics driver, no display and no window system takes part, so a cluster node, a Windows service and a laptop draw
the same bytes; VTK's off-screen window needs EGL or OSMesa, and its first picture alone takes 2.7 s in software.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import FloatArray
from osteon.io.surface import Surface

Image = NDArray[np.uint8]
Colour = tuple[float, float, float]
IntArray = NDArray[np.int32]
Float32 = NDArray[np.float32]

OVERSAMPLING = 2
FILLED = 0.94
"""Share of the frame that the surfaces fill in the tighter direction."""
LIGHT = np.array([-0.45, 0.55, 0.75])
"""Towards the lamp: from the viewer's left, from above, from the front (screen right, screen up, to the viewer)."""


@dataclass(frozen=True)
class Camera:
    """A parallel view of the world, upright.

    Parameters
    ----------
    turn_degrees : float
        0 looks at the patient's front, 90 at the patient's left side, 180 at the back, -90 at the right side.
    rise_degrees : float
        How far the viewer stands above.
    """

    turn_degrees: float = 0.0
    rise_degrees: float = 0.0

    def axes(self) -> FloatArray:
        """Rows: screen right, screen up, and towards the viewer, as RAS directions; ``(3, 3)``."""
        turn, rise = np.radians(self.turn_degrees), np.radians(self.rise_degrees)
        # facing the patient's front, the viewer stands at +A and the patient's left (-R) is on the screen's right
        right = np.array([-np.cos(turn), -np.sin(turn), 0.0])
        ahead = np.array([-np.sin(turn), np.cos(turn), 0.0])
        towards = np.cos(rise) * ahead + np.array([0.0, 0.0, np.sin(rise)])
        up = -np.sin(rise) * ahead + np.array([0.0, 0.0, np.cos(rise)])
        return np.stack([right, up, towards])

    def extent_mm(self, surfaces: Mapping[str, Surface]) -> FloatArray:
        """Width and height in mm of what is seen."""
        points = np.concatenate([s.vertices for s in surfaces.values()]) @ self.axes()[:2].T
        return np.asarray(np.ptp(points, axis=0), dtype=np.float64)


def shaded(
    surfaces: Mapping[str, Surface],
    colours: Mapping[str, Colour],
    camera: Camera,
    size: tuple[int, int],
    background: Colour,
) -> Image:
    """Picture of surfaces, fitted into the frame.

    Parameters
    ----------
    surfaces : mapping of str to Surface
    colours : mapping of str to (3,) tuple of float
        0 to 1, for every surface.
    camera : Camera
    size : (width, height)
        In pixels.
    background : (3,) tuple of float

    Returns
    -------
    (height, width, 3) uint8 ndarray
    """
    width, height = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
    picture = np.empty((height, width, 3), dtype=np.float32)
    picture[:] = background
    if surfaces:
        points, normals, tints, faces = _gathered(surfaces, colours)
        axes = camera.axes()
        on_screen, scale = _projected(points @ axes.T, width, height)
        pixel, depth, normal, tint = _painted(
            on_screen, faces, (normals @ axes.T).astype(np.float32), tints, (width, height)
        )
        shade = _shade(depth, pixel, normal, (height, width), scale)
        picture.reshape(-1, 3)[pixel] = np.clip(tint * shade[:, :1] + shade[:, 1:], 0, 1)
    some = [picture[y::OVERSAMPLING, x::OVERSAMPLING] for y in range(OVERSAMPLING) for x in range(OVERSAMPLING)]
    return np.asarray(np.round(sum(some[1:], some[0]) * (255 / OVERSAMPLING**2)), dtype=np.uint8)


def _gathered(
    surfaces: Mapping[str, Surface], colours: Mapping[str, Colour]
) -> tuple[FloatArray, FloatArray, Float32, NDArray[np.int64]]:
    """Points, normals and colours at the points, and faces of all surfaces together."""
    points = np.concatenate([s.vertices for s in surfaces.values()])
    tints = np.concatenate(
        [np.tile(np.array(colours[name], dtype=np.float32), (len(s.vertices), 1)) for name, s in surfaces.items()]
    )
    starts = np.cumsum([0, *(len(s.vertices) for s in surfaces.values())])
    faces = np.concatenate([s.faces.astype(np.int64) + at for s, at in zip(surfaces.values(), starts, strict=False)])
    return points, vertex_normals(points, faces), tints, faces


def vertex_normals(points: FloatArray, faces: NDArray[np.int64]) -> FloatArray:
    """Unit normals at the points, ``(n, 3)``: means of the faces' normals, weighted by their areas."""
    a, b, c = np.ascontiguousarray(faces.T)
    corner = points[a]
    ux, uy, uz = (points[b] - corner).T
    vx, vy, vz = (points[c] - corner).T
    across = (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)  # as long as twice the area
    normals = np.empty((len(points), 3))
    for axis, part in enumerate(across):
        normals[:, axis] = sum(np.bincount(at, part, minlength=len(points)) for at in (a, b, c))
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12), dtype=np.float64)


def _projected(seen: FloatArray, width: int, height: int) -> tuple[FloatArray, float]:
    """Pixels from the left and from the top, depth towards the viewer in pixels; and pixels per mm."""
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = FILLED * float(min(width / max(high[0] - low[0], 1e-6), height / max(high[1] - low[1], 1e-6)))
    centred = (seen - (low + high) / 2) * scale
    return np.stack([width / 2 + centred[:, 0], height / 2 - centred[:, 1], centred[:, 2]], axis=1), scale


def _painted(
    points: FloatArray, faces: NDArray[np.int64], normals: Float32, tints: Float32, size: tuple[int, int]
) -> tuple[NDArray[np.int64], Float32, Float32, Float32]:
    """What is seen: pixel numbers, with depth, normal and colour at each."""
    x, y, z = np.ascontiguousarray(points.T)
    a, b, c = np.ascontiguousarray(faces.T)
    area = (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])
    front = np.flatnonzero(area < -1e-9)  # counter-clockwise from outside; the screen's y runs down
    depth = z[a[front]] + z[b[front]] + z[c[front]]
    order = front[np.argsort(depth)]  # far first: what is painted last stays
    faces, area = faces[order], area[order]
    seen, face = _nearest(points[faces][:, :, :2], size)
    a, b, c = np.ascontiguousarray(faces[face].T)
    across, down = seen % size[0] + 0.5 - x[a], seen // size[0] + 0.5 - y[a]
    beta = ((across * (y[c] - y[a]) - down * (x[c] - x[a])) / area[face]).astype(np.float32)
    gamma = (((x[b] - x[a]) * down - (y[b] - y[a]) * across) / area[face]).astype(np.float32)

    def between(values: Float32) -> Float32:
        here = values[a]
        return np.asarray(here + beta[:, None] * (values[b] - here) + gamma[:, None] * (values[c] - here))

    return seen, between(z.astype(np.float32)[:, None])[:, 0], between(normals), tints[a]


def _nearest(corners: FloatArray, size: tuple[int, int]) -> tuple[NDArray[np.int64], IntArray]:
    """Pixels that triangles ``(m, 3, 2)`` cover, and the last triangle on each.

    Every triangle becomes its rows of pixels, every row its pixels.
    """
    width, height = size
    rows = np.sort(corners[:, :, 1], axis=1)
    top = np.clip(np.ceil(rows[:, 0] - 0.5), 0, height).astype(np.int32)
    bottom = np.clip(np.floor(rows[:, 2] - 0.5), -1, height - 1).astype(np.int32)
    row_face, row = _spread(top, bottom)
    left, right = _row_ends(corners[row_face], row.astype(np.float64) + 0.5)
    first = np.clip(np.ceil(left - 0.5), 0, width).astype(np.int32)
    last = np.clip(np.floor(right - 0.5), -1, width - 1).astype(np.int32)
    at, column = _spread(first, last)
    nearest = np.full(width * height, -1, dtype=np.int32)
    nearest[row[at] * width + column] = row_face[at]
    seen = np.flatnonzero(nearest >= 0)
    return seen, nearest[seen]


def _spread(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray]:
    """Every whole number of every range (both ends included): which range, and the number."""
    count = np.maximum(last - first + 1, 0)
    which = np.repeat(np.arange(len(count), dtype=np.int32), count)
    return which, np.arange(len(which), dtype=np.int32) + np.repeat(first - (np.cumsum(count) - count), count)


def _row_ends(corners: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where a row's centre line enters and leaves its triangle, ``(n,)`` each."""
    left, right = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        x0, y0, x1, y1 = corners[:, start, 0], corners[:, start, 1], corners[:, end, 0], corners[:, end, 1]
        crosses = (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1)) & (y0 != y1)
        x = x0 + (y - y0) / np.where(crosses, y1 - y0, 1.0) * (x1 - x0)
        left, right = np.where(crosses, np.minimum(left, x), left), np.where(crosses, np.maximum(right, x), right)
    return np.where(np.isfinite(left), left, 0.0), np.where(np.isfinite(right), right, -1.0)


def _shade(depth: Float32, pixel: NDArray[np.int64], normal: Float32, shape: tuple[int, int], scale: float) -> Float32:
    """Diffuse factor and highlight of each seen pixel, ``(n, 2)``, darkened in hollows.

    Hollows are where the depth lies behind its own blurred self (Luft, Colditz and Deussen, "Image enhancement by
    unsharp masking the depth buffer", SIGGRAPH 2006).
    """
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal / np.maximum(length, 1e-9)
    lamp = (LIGHT / np.linalg.norm(LIGHT)).astype(np.float32)
    half = lamp + np.array([0, 0, 1], dtype=np.float32)
    diffuse = 0.5 + 0.5 * (normal @ lamp)  # wraps around, so that the far side keeps its form
    highlight = 0.16 * np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 28
    rim = np.clip(normal[:, 2], 0, 1) ** 0.5
    surface = np.zeros(shape, dtype=np.float32)
    covered = np.zeros(shape, dtype=np.float32)
    surface.reshape(-1)[pixel], covered.reshape(-1)[pixel] = depth, 1.0
    # the blur of 5 mm spans many pixels, so every fourth pixel is enough for it
    coarse, blur = (slice(None, None, 4), slice(None, None, 4)), 5.0 * scale / 4
    mean = ndimage.gaussian_filter(surface[coarse], blur, truncate=2)
    mean /= np.maximum(ndimage.gaussian_filter(covered[coarse], blur, truncate=2), 1e-3)
    row, column = np.divmod(pixel, shape[1])
    behind = ndimage.map_coordinates(mean, [row / 4, column / 4], order=1, mode="nearest") - depth
    hollow = np.clip(behind / (6.0 * scale), 0, 1)
    factor = (0.27 + 0.85 * diffuse**1.4) * (0.7 + 0.3 * rim) * (1 - 0.4 * hollow)
    return np.stack([factor, highlight], axis=1)
