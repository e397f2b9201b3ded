"""Closed surfaces with known volumes, for the tests of masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from osteon.io import Surface


def ball(radius_mm: float = 20.0, middle: tuple[float, float, float] = (0, 0, 0), corners: int = 1500) -> Surface:
    """Convex hull of points spread evenly on a sphere (golden spiral), faces outward."""
    k = np.arange(corners) + 0.5
    polar, around = np.arccos(1 - 2 * k / corners), np.pi * (1 + 5**0.5) * k
    unit = np.stack([np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1)
    faces = ConvexHull(unit).simplices
    a, b, c = unit[faces].transpose(1, 0, 2)
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    faces[inward] = faces[inward][:, ::-1]
    return Surface(unit * radius_mm + middle, faces)


def joined(*surfaces: Surface) -> Surface:
    """Several surfaces as one, as a file of several parts holds them."""
    starts = np.cumsum([0, *(len(one.vertices) for one in surfaces)])
    faces = [one.faces + start for one, start in zip(surfaces, starts, strict=False)]
    return Surface(np.concatenate([one.vertices for one in surfaces]), np.concatenate(faces))


def turned(surface: Surface) -> Surface:
    """The same surface with its faces looking the other way."""
    return Surface(surface.vertices, surface.faces[:, ::-1])


def without(surface: Surface, gone: NDArray[np.bool_]) -> Surface:
    """The surface without some of its faces."""
    return Surface(surface.vertices, surface.faces[~gone])


def soup(surface: Surface) -> Surface:
    """The surface as STL holds it: every triangle with corners of its own."""
    return Surface(surface.vertices[surface.faces].reshape(-1, 3), np.arange(3 * len(surface.faces)).reshape(-1, 3))
