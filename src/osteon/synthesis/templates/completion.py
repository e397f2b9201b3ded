"""Bones and muscles that a set of surfaces lacks, from the other side or from another person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.errors import TaskError
from osteon.geometry import FloatArray, Grid
from osteon.io.surface import Surface
from osteon.masks.from_surface import voxels_of
from osteon.synthesis.templates.fitting import affine, closest_points, moved, similarity
from osteon.synthesis.templates.regions import closed_in_slices, distance_mm

MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
SHAFT = (0.22, 0.80)
"""Where the shaft of a femur begins and ends, as shares of its height."""
TAPER = 0.08
"""Over this share of the height a change of the shaft fades out."""
GROOVE_MM = 8.0
NARROW_MM = 4.0
"""Clefts between muscles up to twice as wide are no place of a bone."""
PLAUSIBLE = (0.6, 1.5)
"""Area of the room between the muscles over that of the bone, within which the room is believed to be the bone's."""
CELL_MM = 2.0


def carried(surface: Surface, shared: Sequence[tuple[Surface, Surface]]) -> Surface:
    """A surface of one person, brought to another with what both have.

    Parameters
    ----------
    surface : Surface
    shared : sequence of (Surface, Surface)
        Structures around it, of its own person and of the other; at least four, not all in a plane.

    Raises
    ------
    TaskError
        If fewer than four structures are shared.
    """
    if len(shared) < 4:
        raise TaskError(f"Only {len(shared)} structures are shared by the two bodies; four are needed to fit a bone.")
    centres = [np.stack([pair[n].vertices.mean(axis=0) for pair in shared]) for n in (0, 1)]
    pairs = [(a.vertices, b.vertices) for a, b in shared]
    alike = closest_points(pairs, similarity, similarity(centres[0], centres[1]))
    # a few small structures leave an affine fit free to stretch what lies between them: go half the way
    return moved(surface, (alike + closest_points(pairs, affine, alike)) / 2)


def mirrored(surface: Surface, bone: Surface, partner: Surface) -> Surface:
    """A surface of one side brought to the other, with a bone that both sides have.

    Parameters
    ----------
    surface : Surface
    bone, partner : Surface
        The same bone of the surface's side and of the other.
    """
    return moved(surface, _onto(bone, [partner], MIRROR))


def replaced(bone: Surface, goals: Sequence[Surface], *, mirror: bool) -> Surface:
    """Another person's bone in the place of one's own.

    Parameters
    ----------
    bone : Surface
    goals : sequence of Surface
        The own bone first, then what lies on it, such as the cartilage of its ends; each weighs the same.
    mirror : bool
        Whether it comes from the other side.
    """
    return moved(bone, _onto(bone, goals, MIRROR if mirror else np.eye(4)))


def _onto(bone: Surface, goals: Sequence[Surface], start: FloatArray) -> FloatArray:
    """Affine fit of a bone that stands upright on both sides; ``start`` mirrors it or leaves it as it is."""
    turned, own = moved(bone, start).vertices, goals[0].vertices
    first = np.diag([np.ptp(own[:, 2]) / np.ptp(turned[:, 2])] * 3 + [1.0])
    middles = [(points.max(axis=0) + points.min(axis=0)) / 2 for points in (turned, own)]
    first[:3, 3] = middles[1] - first[:3, :3] @ middles[0]
    pairs = [(turned, goal.vertices) for goal in goals]
    transform = closest_points(pairs, affine, closest_points(pairs[:1], similarity, first))
    return np.asarray(transform @ start, dtype=np.float64)


def refitted_shaft(femur: Surface, muscles: Iterable[Surface]) -> Surface:
    """A femur whose shaft fills the room that the muscles leave for it.

    In every slice the room's centre and area are compared with the bone's; the shaft is moved and widened or narrowed
    accordingly, smoothly along its length, and not at all at its ends.

    Parameters
    ----------
    femur : Surface
        Upright, RAS mm.
    muscles : iterable of Surface
        Those around it.
    """
    low = femur.vertices.min(axis=0) - 40
    size = np.ceil((femur.vertices.max(axis=0) + 40 - low) / CELL_MM).astype(int)
    place = np.diag([CELL_MM, CELL_MM, CELL_MM, 1.0])
    place[:3, 3] = low
    grid = Grid((int(size[0]), int(size[1]), int(size[2])), place)
    bone, flesh = voxels_of(femur, grid), np.zeros(grid.shape, dtype=np.bool_)
    for muscle in muscles:
        flesh |= voxels_of(muscle, grid)
    centres, shifts, scales = _rooms(bone, flesh, grid)
    share = (femur.vertices[:, 2] - femur.vertices[:, 2].min()) / np.ptp(femur.vertices[:, 2])
    weight = np.clip(np.minimum(share - SHAFT[0], SHAFT[1] - share) / TAPER, 0, 1)
    at = (femur.vertices[:, 2] - low[2]) / CELL_MM
    heights = np.arange(grid.shape[2])

    def along(values: FloatArray) -> FloatArray:
        return np.stack([np.interp(at, heights, column) for column in values.T], axis=1)

    arm = femur.vertices[:, :2] - along(centres)
    moves = along(shifts) + arm * (along(scales[:, None]) - 1)
    vertices = femur.vertices.copy()
    vertices[:, :2] += weight[:, None] * moves
    return Surface(vertices, femur.faces)


def _rooms(bone: NDArray[np.bool_], flesh: NDArray[np.bool_], grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centre of the bone (mm), shift to the room's (mm) and scale to its size, one a slice, smooth along the bone."""
    edges = grid.spacing_mm
    room = closed_in_slices(flesh, GROOVE_MM, edges) & ~flesh
    core = distance_mm(room, edges, in_slice=True) > NARROW_MM
    room &= distance_mm(~core, edges, in_slice=True) <= NARROW_MM
    found = np.flatnonzero(bone.any(axis=(0, 1)))
    first, last = (int(found[0] + s * (found[-1] - found[0])) for s in SHAFT)
    rows = []
    for k in range(first, last + 1):
        pieces = ndimage.label(room[:, :, k])[0]
        shared = np.bincount(pieces[bone[:, :, k]], minlength=2)[1:]
        own = np.argwhere(bone[:, :, k]) * edges[:2] + grid.affine[:2, 3]
        there = np.argwhere(pieces == int(np.argmax(shared)) + 1) * edges[:2] + grid.affine[:2, 3]
        if shared.any() and PLAUSIBLE[0] < len(there) / len(own) < PLAUSIBLE[1]:
            move, scale = there.mean(axis=0) - own.mean(axis=0), np.sqrt(len(there) / len(own))
        else:
            move, scale = np.full(2, np.nan), np.nan
        rows.append(np.concatenate([own.mean(axis=0), move, [scale]]))
    table = _filled(np.array(rows))
    everywhere = np.clip(np.arange(bone.shape[2]) - first, 0, len(table) - 1)
    table = ndimage.gaussian_filter1d(table, 10 / edges[2], axis=0, mode="nearest")[everywhere]
    return table[:, :2], table[:, 2:4], table[:, 4]


def _filled(table: FloatArray) -> FloatArray:
    """Rows without an answer between those that have one; no change where none has."""
    good = np.isfinite(table).all(axis=1)
    result = table.copy()
    if not good.any():
        result[:, 2:] = [0.0, 0.0, 1.0]
        return result
    for column in range(2, table.shape[1]):
        result[:, column] = np.interp(np.arange(len(table)), np.flatnonzero(good), table[good, column])
    return result
