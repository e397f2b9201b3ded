"""A series that holds several volumes is taken apart: by orientation, Dixon image, echo, time point, station."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise

import numpy as np

from osteon.io.dicom.frames import Frame
from osteon.io.dicom.marks import ORDER, STATION_MARKS
from osteon.io.dicom.stack import crowding, heights_mm, lies_evenly

FEWEST = 3
"""Slices of a part that is told apart by its place alone. Fewer are a localizer, or a slice gone astray."""

Parts = list[list[Frame]]


def volumes_of(frames: Sequence[Frame]) -> Parts:
    """Frames of one series as parts, each of which may be a volume; a single part where nothing tells them apart.

    A part is made only for a reason: slices lie at one place or in several planes, and a mark or the slices' places
    settle it. So a scanner that counts acquisitions anew with each slice does not take a volume apart, and a series
    that lacks a slice stays one series that lacks a slice.
    """
    frames = list(frames)
    if len(frames) < 2 or lies_evenly(frames):
        return [frames]
    return _by_place(frames, _plane) or _by_marks(frames) or _by_station(frames) or [frames]


def _by_place(frames: list[Frame], place: Callable[[Frame], Hashable]) -> Parts | None:
    """Parts by where the slices lie, if each of them is sound by itself."""
    parts = _parted(frames, place)
    if len(parts) < 2:
        return None
    parts = [volume for part in parts for volume in volumes_of(part)]
    return parts if all(len(part) >= FEWEST and lies_evenly(part) for part in parts) else None


def _by_marks(frames: list[Frame]) -> Parts | None:
    """Parts by the mark that best settles which of the slices at one place belong together."""
    best, least = None, crowding(frames)
    for name in ORDER:
        parts = _parted(frames, lambda frame, name=name: frame.marks[name])  # type: ignore[misc]
        if len(parts) < 2 or min(len(part) for part in parts) < 2:
            continue
        left = sum(crowding(part) for part in parts)
        if left < least:
            best, least = parts, left
    return [volume for part in best for volume in volumes_of(part)] if best else None


def _by_station(frames: list[Frame]) -> Parts | None:
    """Parts that overlap along the slices' normal, or lie beside one another in the same planes."""
    for name in STATION_MARKS:
        parts = _parted(frames, lambda frame, name=name: frame.marks[name])  # type: ignore[misc]
        sound = len(parts) > 1 and all(len(part) >= FEWEST and lies_evenly(part) for part in parts)
        if sound and _reach_into_one_another(parts):
            return parts
    return _by_place(frames, _corner)


def _reach_into_one_another(parts: Parts) -> bool:
    """Whether each part begins before the one below it ends; else slices are missing between them."""
    normal = parts[0][0].normal
    ends = sorted((min(heights), max(heights)) for heights in ([f.position @ normal for f in part] for part in parts))
    return all(low < high for (_, high), (low, _) in pairwise(ends))


def _parted(frames: list[Frame], key: Callable[[Frame], Hashable]) -> Parts:
    """Parts of one key each, in the order of their first files."""
    parts: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        parts[key(frame)].append(frame)
    return list(parts.values())


def _plane(frame: Frame) -> Hashable:
    """Orientation, size and pixel spacing of a slice, coarse enough for a scanner's rounding."""
    directions = np.round([*frame.along_row, *frame.along_column], 2) + 0.0  # no negative zeros
    return tuple(directions), frame.size, tuple(np.round(frame.spacing, 3))


def _corner(frame: Frame) -> Hashable:
    """Where the first voxel lies within the plane, to a millimetre."""
    height = heights_mm([frame])[0]
    return tuple(np.round(frame.position - height * frame.normal) + 0.0)
