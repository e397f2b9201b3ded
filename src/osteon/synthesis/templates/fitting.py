"""Surfaces of one person brought onto those of another: landmarks, closest points, and a smooth warp."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from osteon.geometry import FloatArray, inverse, transform_points
from osteon.io.surface import Surface

Motion = Callable[[FloatArray, FloatArray], FloatArray]
"""From ``(n, 3)`` points and their partners, mm, to the 4 x 4 affine that brings the first onto the second."""

DRAWN = 1500
"""Points of each structure that closest-point steps look at."""
OUTLIERS = 0.1
"""Share of the pairs, those furthest apart, that closest-point steps leave out."""
NORMALS_AGREE = 0.5
"""Least cosine between the normals of two points that are one place of a bone's surface."""


def similarity(points: FloatArray, partners: FloatArray) -> FloatArray:
    """Rotation, one scale and shift with the least squared distance (Umeyama 1991, doi 10.1109/34.88573).

    Parameters
    ----------
    points, partners : (n, 3) ndarray
        mm; n at least 3, not in a line.

    Returns
    -------
    (4, 4) ndarray
    """
    a, b = points.mean(axis=0), partners.mean(axis=0)
    u, strengths, vt = np.linalg.svd((partners - b).T @ (points - a))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = (u * sign) @ vt
    scale = (strengths * sign).sum() / ((points - a) ** 2).sum()
    result = np.eye(4)
    result[:3, :3] = scale * turn
    result[:3, 3] = b - scale * turn @ a
    return result


def affine(points: FloatArray, partners: FloatArray) -> FloatArray:
    """The 4 x 4 affine with the least squared distance; n at least 4, not in a plane."""
    solution = np.linalg.lstsq(np.column_stack([points, np.ones(len(points))]), partners, rcond=None)[0]
    result = np.eye(4)
    result[:3] = solution.T
    return result


def closest_points(
    pairs: Sequence[tuple[FloatArray, FloatArray]], motion: Motion, start: FloatArray, steps: int = 40
) -> FloatArray:
    """Iterative closest points (Besl and McKay 1992) over several structures at once, trimmed.

    Parameters
    ----------
    pairs : sequence of ((n, 3) ndarray, (m, 3) ndarray)
        Points of a structure, and of the same structure where they are to go, mm. Each target point looks for its
        nearest moved point, so that what the target lacks does not matter. Every structure weighs the same: as many
        points are drawn from each, from a small one several times.
    motion : `similarity` or `affine`
    start : (4, 4) ndarray
    steps : int

    Returns
    -------
    (4, 4) ndarray
        From the points to their targets.
    """
    random = np.random.default_rng(0)
    targets = [target[random.choice(len(target), DRAWN, replace=len(target) < DRAWN)] for _, target in pairs]
    trees = [cKDTree(points) for points, _ in pairs]
    transform = start
    for _ in range(steps):
        back = inverse(transform)
        chosen, goals = [], []
        for (points, _), tree, target in zip(pairs, trees, targets, strict=True):
            distance, nearest = tree.query(transform_points(back, target))
            kept = distance <= np.quantile(distance, 1 - OUTLIERS)
            chosen.append(points[nearest[kept]])
            goals.append(target[kept])
        transform = motion(np.concatenate(chosen), np.concatenate(goals))
    return transform


def smooth_warp(points: FloatArray, partners: FloatArray, smoothing: float) -> Callable[[FloatArray], FloatArray]:
    """Thin-plate spline that moves points towards their partners.

    Parameters
    ----------
    points, partners : (n, 3) ndarray
        mm; a few hundred.
    smoothing : float
        0 goes through every partner; larger values bend less.

    Returns
    -------
    callable
        From ``(m, 3)`` points to where they go.
    """
    spline = RBFInterpolator(points, partners - points, kernel="thin_plate_spline", smoothing=smoothing, degree=1)
    return lambda at: np.asarray(at + spline(at), dtype=np.float64)


def normals(surface: Surface) -> FloatArray:
    """Unit normals at the vertices, outward, ``(n, 3)``, weighted by the area of the faces around."""
    a, b, c = surface.vertices[surface.faces].transpose(1, 0, 2)  # (m, 3, 3) -> (3, m, 3)
    across = np.cross(b - a, c - a)
    result = np.zeros_like(surface.vertices)
    for corner in range(3):
        np.add.at(result, surface.faces[:, corner], across)
    length = np.linalg.norm(result, axis=1, keepdims=True)
    return np.asarray(result / np.maximum(length, 1e-12))


def matches(moving: Surface, goal: Surface, reach_mm: float, *, opposed: bool) -> tuple[FloatArray, FloatArray]:
    """Vertices of one surface and their nearest places on another whose normals fit.

    Parameters
    ----------
    moving, goal : Surface
    reach_mm : float
        Places further away are no partners.
    opposed : bool
        Whether the surfaces touch from two sides, as a muscle its bone, rather than coincide.

    Returns
    -------
    points, partners : (n, 3) ndarray
        mm, some hundred, spread over the surface.
    """
    facing = normals(goal) * (-1.0 if opposed else 1.0)
    picked = _spread(moving.vertices)
    distance, nearest = cKDTree(goal.vertices).query(moving.vertices[picked])
    fits = (normals(moving)[picked] * facing[nearest]).sum(axis=1) > NORMALS_AGREE
    kept = fits & (distance < reach_mm)
    return moving.vertices[picked[kept]], goal.vertices[nearest[kept]]


def _spread(vertices: FloatArray, edge_mm: float = 8.0) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """One vertex for each cube of space that holds any."""
    _, first = np.unique(np.floor(vertices / edge_mm).astype(np.int64), axis=0, return_index=True)
    return first.astype(np.int64)


def moved(surface: Surface, transform: FloatArray) -> Surface:
    """A surface under an affine; faces turn over where it mirrors."""
    flips = np.linalg.det(transform[:3, :3]) < 0
    return Surface(transform_points(transform, surface.vertices), surface.faces[:, ::-1] if flips else surface.faces)


def sphere_centre(points: FloatArray) -> FloatArray:
    """Centre of the sphere through ``(n, 3)`` points, by linear least squares, ``(3,)``."""
    middle = points.mean(axis=0)
    near = points - middle
    solution = np.linalg.lstsq(np.column_stack([2 * near, np.ones(len(near))]), (near**2).sum(axis=1), rcond=None)[0]
    return np.asarray(middle + solution[:3], dtype=np.float64)
