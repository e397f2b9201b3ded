"""Surfaces as programs leave them -> closed bodies: doubled corners, holes, loose triangles, turned parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from osteon.errors import GeometryError
from osteon.geometry import FloatArray
from osteon.io.surface import Surface

IntArray = NDArray[np.int64]

LARGEST_OPENING = 0.25
"""Caps may have this share of a surface's own area: the end of a cut shaft, or holes. Beyond it the surface is a sheet
and no body (of a hemisphere it is a half, of a disc all)."""

SAME_PLACE = 1e-6
"""Corners nearer than this share of a surface's extent are one corner."""

MOST_PARTS = 2000
"""A surface of more separate parts than this is a heap of triangles."""


@dataclass(frozen=True, eq=False)
class Body:
    """A surface whose every edge has an even number of faces, cut into its connected parts.

    Parameters
    ----------
    parts : tuple of (Surface, int)
        Each connected part, with +1 for a body and -1 for a cavity in one.
    openings : int
        How many holes were closed.
    widest_mm : float
        Extent of the widest of them; 0 without holes.
    inverted : bool
        Whether the faces looked inward, all of them.
    """

    parts: tuple[tuple[Surface, int], ...]
    openings: int
    widest_mm: float
    inverted: bool

    @property
    def volume_mm3(self) -> float:
        """Volume of the bodies without their cavities; what two bodies share counts twice."""
        return sum(sign * abs(part.volume_mm3) for part, sign in self.parts)


def body_of(surface: Surface, what: str) -> Body:
    """Close a surface where it is open, and tell bodies from the cavities in them.

    An edge with an odd number of faces borders a hole or a loose triangle. Those edges always form rings; a fan of
    triangles from each ring's middle closes them (a flat cap, for the end of a shaft cut by the scan's last slice).

    Parameters
    ----------
    surface : Surface
    what : str
        Named in errors.

    Raises
    ------
    GeometryError
        If it has no volume, is a sheet and no body, or a heap of triangles.
    """
    merged = _merged(surface)
    if not len(merged.faces):
        raise GeometryError(f"{what} has only triangles without area. Export the surface again.")
    closed, openings, widest, cap_share = _capped(merged)
    if cap_share > LARGEST_OPENING:
        raise GeometryError(
            f"{what} is open: closing it would take flat pieces of {cap_share:.0%} of its own area (at most "
            f"{LARGEST_OPENING:.0%} are accepted), the widest {widest:.0f} mm. It is a sheet and encloses no volume. "
            "Close the surface in the program that made it, and export it again."
        )
    parts = _parts(closed)
    if len(parts) > MOST_PARTS:
        raise GeometryError(
            f"{what} falls into {len(parts)} separate pieces (at most {MOST_PARTS} are accepted): its triangles do not "
            "share corners. Merge the doubled points in the program that made it, and export it again."
        )
    total = sum(part.volume_mm3 for part in parts)
    if total == 0:
        raise GeometryError(f"{what} encloses no volume: it is flat. Check that it is the surface that you want.")
    turned = -1 if total < 0 else 1
    signed = tuple((part, -1 if _is_cavity(part, turned, parts) else 1) for part in parts)
    return Body(signed, openings, widest, inverted=turned < 0)


def _merged(surface: Surface) -> Surface:
    """Corners at the same place become one, and triangles without three corners go."""
    extent = float(np.ptp(surface.vertices, axis=0).max())
    keys = np.round(surface.vertices / max(extent * SAME_PLACE, 1e-12)).astype(np.int64)
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    faces = number.reshape(-1)[surface.faces]
    a, b, c = faces.T
    return Surface(surface.vertices[first], faces[(a != b) & (b != c) & (c != a)])


def _capped(surface: Surface) -> tuple[Surface, int, float, float]:
    """Surface without edges of an odd number of faces; how many rings were closed, the widest (mm), their share."""
    n = len(surface.vertices)
    start = surface.faces.astype(np.int64)
    end = np.roll(start, -1, axis=1)
    edges = np.stack([start.ravel(), end.ravel()], axis=1)
    keys = np.minimum(*edges.T) * n + np.maximum(*edges.T)
    unique, number, uses = np.unique(keys, return_inverse=True, return_counts=True)
    odd = np.flatnonzero(uses % 2)
    if not len(odd):
        return surface, 0, 0.0, 0.0
    # +1 where a face runs from the lower vertex to the higher, so that a cap can run the other way
    balance = np.bincount(number.ravel(), weights=np.where(edges[:, 0] < edges[:, 1], 1, -1))[odd]
    low, high = unique[odd] // n, unique[odd] % n
    rings, ring_of = _connected(low, high, n)
    middle = np.stack(
        [_mean_by(ring_of, surface.vertices[low] + surface.vertices[high], rings, a) / 2 for a in range(3)], 1
    )
    forth = balance > 0
    caps = np.stack([np.where(forth, high, low), np.where(forth, low, high), n + ring_of], axis=1)
    closed = Surface(np.concatenate([surface.vertices, middle]), np.concatenate([surface.faces, caps]))
    widest = max(float(np.linalg.norm(np.ptp(surface.vertices[low[ring_of == r]], axis=0))) for r in range(rings))
    return closed, rings, widest, Surface(closed.vertices, caps).area_mm2 / max(surface.area_mm2, 1e-12)


def _connected(start: IntArray, end: IntArray, n: int) -> tuple[int, IntArray]:
    """Number of connected groups of edges, and the group of each."""
    graph = sparse.coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(n, n))
    _, group = connected_components(graph, directed=False)
    used, number = np.unique(group[start], return_inverse=True)
    return len(used), np.asarray(number, dtype=np.int64)


def _mean_by(group: IntArray, values: FloatArray, groups: int, axis: int) -> FloatArray:
    sums = np.bincount(group, weights=values[:, axis], minlength=groups)
    return np.asarray(sums / np.bincount(group, minlength=groups), dtype=np.float64)


def _parts(surface: Surface) -> list[Surface]:
    """Connected parts, in the order of their first face."""
    faces = surface.faces.astype(np.int64)
    _, part_of = _connected(faces[:, [0, 0]].ravel(), faces[:, [1, 2]].ravel(), len(surface.vertices))
    part_of = part_of.reshape(-1, 2)[:, 0]
    parts = []
    order = np.argsort(part_of, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(part_of[order])) + 1):
        used, numbered = np.unique(faces[rows], return_inverse=True)
        parts.append(Surface(surface.vertices[used], numbered.reshape(-1, 3).astype(np.int32)))
    return parts


def _is_cavity(part: Surface, turned: int, parts: list[Surface]) -> bool:
    """Whether a part looks the other way than the whole and lies in the box of a larger one that does not."""
    volume = part.volume_mm3 * turned
    if volume >= 0:
        return False
    low, high = part.vertices.min(axis=0), part.vertices.max(axis=0)
    return any(
        other.volume_mm3 * turned > -volume
        and (other.vertices.min(axis=0) <= low).all()
        and (other.vertices.max(axis=0) >= high).all()
        for other in parts
    )
