"""A body from somebody's label map of pelvis and thighs, both sides in one label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.anatomy import Task
from osteon.errors import TaskError
from osteon.geometry import Grid, inverse, resample_linear, transform_points
from osteon.synthesis.body import Body
from osteon.synthesis.parts import CODE
from osteon.synthesis.templates.labelling import labelled
from osteon.synthesis.templates.naming import part_of
from osteon.synthesis.templates.regions import Mask, distance_mm
from osteon.synthesis.templates.soft_tissue import fill_joints, fill_soft_tissue, fill_spine
from osteon.volume import LabelMap, Volume

REACH_MM = 8.0
"""Signed distances are cut off here, so that a structure ends half a slice beyond its last one."""


def body_from_labels(
    labels: Volume, outline: Volume, meanings: dict[int, str], *, name: str, spacing_mm: float = 2.0
) -> Body:
    """Body of somebody whose bones and muscles are labelled, without telling right from left.

    Thick slices are refined by interpolating each structure's signed distance within the slice (Raya and Udupa 1990,
    doi 10.1109/42.52980), and the structure that lies deepest wins.

    Parameters
    ----------
    labels : Volume
        Integers.
    outline : Volume
        Not zero inside the body, on the grid of the labels.
    meanings : dict of int to str
        Name of each label but 0, the background; see `osteon.synthesis.templates.naming`.
    name : str
        Of the body, and its source.
    spacing_mm : float
        Voxel edge of the result.

    Raises
    ------
    GeometryError
        If the grids differ, or femora or hip bones do not fall into two sides.
    TaskError
        If a label has no name, or one that is not known.
    """
    nameless = sorted(set(np.unique(labels.array).tolist()) - {0, *meanings})
    if nameless:
        raise TaskError(f"The labels of {name} hold values without a meaning: {', '.join(map(str, nameless))}.")
    labels.grid.require_match(outline.grid, f"The labels of {name}", "the body's outline")
    labels, outline = labels.reoriented("RAS"), outline.reoriented("RAS")
    box = _box(outline.array != 0)
    labels, outline = labels.cropped(box), outline.cropped(box)
    grid = labels.grid.with_spacing((spacing_mm, spacing_mm, spacing_mm))
    edges = grid.spacing_mm
    inside = _refined(outline.array != 0, labels, grid) > 0
    parts = _most_inward(labels, meanings, grid)
    parts[~inside] = CODE["air"]
    task = Task.load("leg-bones")
    values = labelled(parts, edges, task)
    fill_spine(parts, edges)
    fill_joints(parts, values, edges)
    fill_soft_tissue(parts, inside, edges, name)
    return Body(name, Volume(parts, grid.affine), LabelMap(values, grid.affine, task=task), source=name)


def _box(mask: Mask) -> tuple[slice, slice, slice]:
    """Bounding box with a margin of ten voxels across the body and none along it."""
    i, j, k = (np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3))
    across = [slice(max(0, int(x[0]) - 10), min(n, int(x[-1]) + 11)) for x, n in zip((i, j), mask.shape, strict=False)]
    return across[0], across[1], slice(int(k[0]), int(k[-1]) + 1)


def _most_inward(labels: Volume, meanings: dict[int, str], grid: Grid) -> NDArray[np.uint8]:
    """Part of the label whose refined signed distance is largest, one label at a time beside a running maximum."""
    best = _refined(labels.array == 0, labels, grid)
    parts = np.zeros(grid.shape, dtype=np.uint8)
    edges = np.array(labels.spacing_mm)
    for number, found in enumerate(ndimage.find_objects(labels.array), start=1):
        if found is None:
            continue
        margin = np.ceil((REACH_MM + edges) / edges).astype(int)
        box = tuple(
            slice(max(0, s.start - m), min(n, s.stop + m)) for s, m, n in zip(found, margin, labels.shape, strict=True)
        )
        near = labels.cropped((box[0], box[1], box[2]))
        there = _overlap(near.grid, grid)
        depth = _refined(near.array == number, near, grid.cropped(there))
        wins = depth > best[there]
        parts[there][wins] = part_of(meanings[number])
        best[there][wins] = depth[wins]
    return parts


def _overlap(part: Grid, whole: Grid) -> tuple[slice, slice, slice]:
    """Box of the voxels of one grid whose centres lie in the box of another with parallel axes."""
    corners = np.array([[0, 0, 0], part.shape]) - 0.5
    index = transform_points(inverse(whole.affine), transform_points(part.affine, corners))
    start = np.maximum(np.ceil(index[0]).astype(int), 0)
    stop = np.minimum(np.floor(index[1]).astype(int) + 1, whole.shape)
    i, j, k = (slice(int(a), int(max(a, b))) for a, b in zip(start, stop, strict=True))
    return i, j, k


def _refined(mask: Mask, like: Volume, grid: Grid) -> NDArray[np.float32]:
    """Signed distance within slices (mm, positive inside) on a finer grid."""
    inward = np.minimum(distance_mm(mask, like.spacing_mm, in_slice=True), REACH_MM)
    outward = np.minimum(distance_mm(~mask, like.spacing_mm, in_slice=True), REACH_MM)
    return resample_linear(inward - outward, like.affine, grid, outside=-REACH_MM)
