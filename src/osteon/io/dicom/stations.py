"""Whole-body scans come in stations, one for each place of the table: they are joined where they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import GRID_TOLERANCE, FloatArray, Grid, axis_of, inverse, transform_points
from osteon.io.dicom.groups import Group
from osteon.io.dicom.pixels import pixels_of
from osteon.io.dicom.stack import SAME_DIRECTION, Stack

SUPERIOR = 2
"""World axis along which a table moves."""

MOST_OVERLAP = 0.7
"""Of a station: scans that share more are the same scan twice."""

GAIN_LIMITS = (2 / 3, 3 / 2)
"""A station's intensities are scaled by no more than this; a larger difference is another contrast."""

ENOUGH_VOXELS = 500
"""Of tissue in an overlap, to judge levels by."""


@dataclass(frozen=True)
class Joint:
    """Stations along one axis.

    Parameters
    ----------
    grid : Grid
        Of all of them; the first station's voxels lie on it.
    axis : int
        Array axis along which they follow one another.
    starts : list of float
        Where on that axis each station's first voxel lies, in voxels.
    """

    grid: Grid
    axis: int
    starts: list[float]


def with_stations_joined(groups: list[Group]) -> list[Group]:
    """The groups, and after them one more for each row of stations among them.

    Stations belong together if they are of one study and contrast (Dixon image, echo, flip angle), have the same voxels
    and directions, and follow one another along the body with an overlap, or at least without a gap.
    """
    groups = list(groups)
    left = [group for group in groups if group.stack is not None and len(group.stack.frames) > 1]
    while left:
        first = left.pop(0)
        row = _row([first, *(other for other in left if _alike(first, other))])
        if len(row) > 1:
            left = [group for group in left if group not in row]
            groups.append(_joined_group(row, number=len(groups) + 1))
    return groups


def voxels_of(group: Group) -> tuple[NDArray[Any], Grid, list[str]]:
    """Voxels ``(i, j, k)`` of a group, their grid, and what was done to them."""
    if group.stack is None:
        raise ValueError("a group without a stack has no voxels")
    if not group.stations:
        return pixels_of(group.stack.frames), group.stack.grid, []
    joint = _joint([station.stack.grid for station in group.stations if station.stack])
    stacks = [station.stack for station in group.stations if station.stack]
    return _blended([pixels_of(stack.frames) for stack in stacks], joint, level=group.modality == "MR")


def _joined_group(row: list[Group], number: int) -> Group:
    stacks = [group.stack for group in row if group.stack is not None]
    frames = [frame for stack in stacks for frame in stack.frames]
    notes = [note for stack in stacks for note in stack.notes]
    numbers = ", ".join(str(group.number) for group in row)
    notes.append(f"The stations {numbers} were joined to one volume, blended where they overlap.")
    joint = _joint([stack.grid for stack in stacks])
    stack = Stack(frames, joint.grid, notes)
    return replace(
        row[0], frames=frames, images=len(frames), number=number, stack=stack, notes=notes, stations=tuple(row)
    )


def _alike(one: Group, other: Group) -> bool:
    """Whether two groups may be stations of one scan, wherever they lie along the body."""
    a, b = one.grid, other.grid
    if a is None or b is None or one.study != other.study or one.modality != other.modality:
        return False
    names = one.header.get("FrameOfReferenceUID"), other.header.get("FrameOfReferenceUID")
    if all(names) and names[0] != names[1]:
        return False
    marks, others = one.frames[0].marks, other.frames[0].marks
    if any(marks[name] != others[name] for name in ("image", "component", "flip", "inversion", "sequence")):
        return False
    if not np.isclose(float(marks["echo"] or 0), float(others["echo"] or 0), rtol=0.02):  # type: ignore[arg-type]
        return False
    scale = np.array(a.spacing_mm)
    if np.abs((a.affine - b.affine)[:3, :3] / scale).max() > SAME_DIRECTION:
        return False
    axis = axis_of(a.affine, SUPERIOR)
    across = [n for n in range(3) if n != axis]
    beside_mm = np.abs(_offset(a, b) * scale)[across].max()
    same_size = all(a.shape[n] == b.shape[n] for n in across)
    return bool(same_size and beside_mm <= GRID_TOLERANCE * scale.min())


def _row(groups: list[Group]) -> list[Group]:
    """The stations that follow the first of the groups, or come before it, without a gap; in the axis's direction."""
    first = groups[0]
    grids = {group: group.grid for group in groups if group.grid is not None}
    axis = axis_of(grids[first].affine, SUPERIOR)
    places = {
        group: (start := _offset(grids[first], grid)[axis], start + grid.shape[axis]) for group, grid in grids.items()
    }
    ordered = sorted(groups, key=lambda group: places[group])
    row: list[Group] = []
    for group in ordered:
        if row and not _follows(places[row[-1]], places[group]):
            if first in row:
                break
            row = []
        row.append(group)
    return row


def _follows(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether a station begins where another ends, or a little earlier (extents in voxels along the body)."""
    overlap = before[1] - after[0]
    shorter = min(before[1] - before[0], after[1] - after[0])
    return -GRID_TOLERANCE <= overlap <= MOST_OVERLAP * shorter


def _offset(grid: Grid, other: Grid) -> FloatArray:
    """Where another grid's first voxel lies, in voxels of this one."""
    index: FloatArray = transform_points(inverse(grid.affine), other.affine[None, :3, 3])[0]
    return index


def _joint(grids: Sequence[Grid]) -> Joint:
    axis = axis_of(grids[0].affine, SUPERIOR)
    starts = [float(_offset(grids[0], grid)[axis]) for grid in grids]
    length = int(np.floor(max(start + grid.shape[axis] for start, grid in zip(starts, grids, strict=True)) + 1e-3))
    box = [slice(0, n) for n in grids[0].shape]
    box[axis] = slice(0, length)
    return Joint(grids[0].cropped((box[0], box[1], box[2])), axis, starts)


def _blended(stations: list[NDArray[Any]], joint: Joint, *, level: bool) -> tuple[NDArray[Any], Grid, list[str]]:
    """One array of all stations: weights fall linearly towards a station's ends, so that one fades into the next."""
    dtype = np.result_type(*stations)
    total = np.zeros(joint.grid.shape, dtype=np.float32, order="F")
    weights = np.zeros(joint.grid.shape[joint.axis], dtype=np.float32)
    lines = np.moveaxis(total, joint.axis, 0)
    gains = [1.0]
    last: tuple[NDArray[np.float32], int] | None = None
    for array, start in zip(stations, joint.starts, strict=True):
        moved, begin = _on_whole_voxels(array, start, joint)
        if last is not None:
            gains.append(gains[-1] * (_gain(*last, moved, begin) if level else 1.0))
        last = moved, begin
        span = slice(begin, begin + len(moved))
        ramp = np.minimum(np.arange(1, len(moved) + 1), np.arange(len(moved), 0, -1)).astype(np.float32)
        lines[span] += moved * (ramp * np.float32(gains[-1]))[:, None, None]
        weights[span] += ramp
    lines /= weights[:, None, None]
    notes = [f"Intensities of station {n} were scaled by {gain:.2f}." for n, gain in enumerate(gains, 1) if gain != 1]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        total = np.rint(total).clip(limits.min, limits.max).astype(dtype)
    return total, joint.grid, notes


def _on_whole_voxels(array: NDArray[Any], start: float, joint: Joint) -> tuple[NDArray[np.float32], int]:
    """A station on the voxels of the joint grid, its axis first, and the first of them; linear between two slices."""
    lines = np.moveaxis(array, joint.axis, 0).astype(np.float32)
    begin = int(np.ceil(start - GRID_TOLERANCE))  # as near as two equal grids may be
    part = np.float32(begin - start)
    if part > 0:
        lines = lines[:-1] * (1 - part) + lines[1:] * part
    return lines[: joint.grid.shape[joint.axis] - begin], begin


def _gain(before: NDArray[np.float32], at: int, after: NDArray[np.float32], begin: int) -> float:
    """By how much a station is multiplied to be as bright as the one before it where both show tissue."""
    count = at + len(before) - begin
    if count <= 0:
        return 1.0
    one, other = before[-count:], after[:count]
    tissue = (one > one.mean()) & (other > other.mean())
    if tissue.sum() < ENOUGH_VOXELS:
        return 1.0
    return float(np.clip(np.median(one[tissue]) / np.median(other[tissue]), *GAIN_LIMITS))
