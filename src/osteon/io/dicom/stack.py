"""From loose slices to one grid, or a sentence why not.

Slices are put in order by their position along the slice normal, never by file name or instance number
(DICOM PS3.3 C.7.6.2: Image Plane Module).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from osteon.errors import GeometryError, OsteonError, ReadError
from osteon.geometry import GRID_TOLERANCE, SHEAR_TOLERANCE, FloatArray, Grid
from osteon.io.dicom.frames import Frame
from osteon.io.dicom.pixels import cut_short, pixels_of
from osteon.io.world import LPS_TO_RAS

SAME_PLACE_MM = 1e-3
"""Slices closer than this are at one place; scanners write positions to a thousandth of a millimetre or finer."""

SAME_DIRECTION = 1e-3
"""Largest difference of a direction cosine between slices of one stack."""


UNKNOWN_THICKNESS_MM = 1.0
"""Of a slice that is alone and does not say how thick it is."""


@dataclass(frozen=True)
class Stack:
    """Slices that are one volume.

    Parameters
    ----------
    frames : list of Frame
        In the order of the grid's third axis, equal duplicates dropped.
    grid : Grid
        RAS+ mm; i is the column, j the row, k the slice.
    notes : list of str
        What was done to get there, as sentences.
    """

    frames: list[Frame]
    grid: Grid
    notes: list[str]


def stacked(frames: Sequence[Frame], where: str) -> Stack:
    """Frames in any order as one volume; a single slice is one of one.

    Parameters
    ----------
    frames : sequence of Frame
    where : str
        Named in errors: the folder, or the series in it.

    Raises
    ------
    ReadError
        If slices differ in size, are missing or cut short, or lie at one place with different content.
    GeometryError
        If orientations are mixed or the slices are sheared against their normal (a tilted gantry).
    """
    _require_one_orientation(frames, where)
    _require_one_matrix(frames, where)
    short = next((frame for frame in frames if frame.stored.cut_short), None)
    if short is not None:
        raise cut_short(short)
    kept = _without_duplicates(_sorted(frames), where)
    notes = []
    if len(kept) < len(frames):
        notes.append(f"It holds {_slices(len(frames) - len(kept))} twice with equal content; the copies are left out.")
    if len(kept) > 1:
        _require_even_steps(kept, where)
    elif kept[0].thickness_mm is None:
        notes.append(f"The slice does not say how thick it is; {UNKNOWN_THICKNESS_MM:g} mm is assumed.")
    return Stack(kept, _grid(kept, where), notes)


def lies_evenly(frames: Sequence[Frame]) -> bool:
    """Whether frames are, by their places alone, one volume of two slices or more without a gap or a repetition."""
    if len(frames) < 2 or np.diff(np.sort(heights_mm(frames))).min() <= SAME_PLACE_MM:
        return False
    try:
        _require_one_orientation(frames, "")
        _require_one_matrix(frames, "")
        ordered = _sorted(frames)
        _require_even_steps(ordered, "")
        _grid(ordered, "")
    except OsteonError:
        return False
    return True


def crowding(frames: Sequence[Frame]) -> int:
    """How many frames lie at a place that another already has."""
    places = np.round([frame.position for frame in frames], 2)
    return len(frames) - len(np.unique(places, axis=0))


def heights_mm(frames: Sequence[Frame]) -> FloatArray:
    """Positions along the slice normal of the first."""
    return np.array([frame.position for frame in frames]) @ frames[0].normal


def _slices(count: int) -> str:
    return f"{count} slice{'s' * (count != 1)}"


def _sorted(frames: Sequence[Frame]) -> list[Frame]:
    # the name decides only between slices of one place, so that the result does not hang on the folder's order
    heights = heights_mm(frames)
    order = sorted(range(len(frames)), key=lambda n: (heights[n], frames[n].source.name, frames[n].index))
    return [frames[n] for n in order]


def _require_one_matrix(frames: Sequence[Frame], where: str) -> None:
    sizes = sorted({frame.size for frame in frames})
    if len(sizes) > 1:
        listed = ", ".join(f"{columns} x {rows}" for rows, columns in sizes)
        raise ReadError(
            f"{where} holds slices of different size ({listed} pixels); one volume has one size. "
            "Keep the slices of one scan only."
        )
    spacings = np.array([frame.spacing for frame in frames])
    if (spacings <= 0).any():
        raise GeometryError(f"{where} has a pixel spacing of zero mm. The header is damaged: export the series again.")
    spread = np.ptp(spacings, axis=0).max() * max(sizes[0])
    if spread > GRID_TOLERANCE * spacings.min():
        raise GeometryError(
            f"{where} holds slices of different pixel spacing ({spacings.min():.4f} to {spacings.max():.4f} mm); one "
            "volume has one spacing. Keep the slices of one scan only."
        )


def _require_one_orientation(frames: Sequence[Frame], where: str) -> None:
    directions = np.array([[*frame.along_row, *frame.along_column] for frame in frames])
    lengths = np.linalg.norm(directions.reshape(-1, 2, 3), axis=2)
    if np.abs(lengths - 1).max() > 0.01:
        raise GeometryError(
            f"{where} has direction cosines that are not of length 1. The header is damaged: export the series again."
        )
    if np.abs(directions - directions[0]).max() > SAME_DIRECTION:
        kinds = len(np.unique(np.round(directions, 2), axis=0))
        raise GeometryError(
            f"{where} mixes slices of {kinds} different orientations, as a localizer does; one volume has one. "
            "Choose another series, or keep the slices of one orientation."
        )


def _without_duplicates(frames: list[Frame], where: str) -> list[Frame]:
    """One frame a place: equal ones are dropped with a warning, different ones refused."""
    heights = heights_mm(frames)
    kept = [frames[0]]
    crowded: list[float] = []
    for frame, height, before in zip(frames[1:], heights[1:], heights[:-1], strict=True):
        if height - before > SAME_PLACE_MM:
            kept.append(frame)
        elif np.abs(frame.position - kept[-1].position).max() > SAME_PLACE_MM:
            raise GeometryError(
                f"{where} has slices side by side in one plane (at {height:.1f} mm along the slice normal), which "
                "make no volume. Keep the slices of one stack only."
            )
        elif not np.array_equal(pixels_of([frame]), pixels_of([kept[-1]])):
            crowded.append(float(height))
    if crowded:
        places = f"{len(kept)} place{'s' * (len(kept) > 1)}"
        raise ReadError(
            f"{where} has {len(frames)} slices at {places}, and different ones at the same place (the first "
            f"at {crowded[0]:.1f} mm along the slice normal): several volumes in one series, as of echoes, time points "
            "or magnitude and phase. Keep the slices of one volume in a folder of their own."
        )
    return kept


def _require_even_steps(frames: list[Frame], where: str) -> None:
    heights = heights_mm(frames)
    steps = np.diff(heights)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])  # the lower median: a gap never counts as usual
    wide = np.flatnonzero(steps > 1.5 * usual)
    if len(wide):
        more = ", ..." if len(wide) > 5 else ""
        gaps = ", ".join(f"between {heights[n]:.1f} and {heights[n + 1]:.1f} mm" for n in wide[:5])
        counts = np.maximum(1, np.round(steps[wide] / usual - 1).astype(int))
        lost = (
            f"{heights[n] + m * steps[n] / (count + 1):.1f}"
            for n, count in zip(wide, counts, strict=True)
            for m in range(1, count + 1)
        )
        raise ReadError(
            f"{where} lacks {_slices(int(counts.sum()))} {gaps}{more} along the slice normal: {steps[wide[0]]:.2f} mm "
            f"there, {usual:.2f} mm elsewhere. Missing at {', '.join(islice(lost, 8))}"
            f"{' ...' if counts.sum() > 8 else ''} mm. Export the whole series again."
        )
    even = np.linspace(heights[0], heights[-1], len(heights))
    off = float(np.abs(heights - even).max())
    smallest = min(*frames[0].spacing, usual)
    if off > GRID_TOLERANCE * smallest:
        worst = int(np.abs(heights - even).argmax())
        raise ReadError(
            f"{where} has unevenly spaced slices, {steps.min():.2f} to {steps.max():.2f} mm apart; the one at "
            f"{heights[worst]:.1f} mm lies {off:.2f} mm beside its place. Keep the slices of one stack only."
        )


def _grid(frames: list[Frame], where: str) -> Grid:
    first, last = frames[0], frames[-1]
    if len(frames) == 1:
        step = first.normal * (first.thickness_mm or UNKNOWN_THICKNESS_MM)
    else:
        step = (last.position - first.position) / (len(frames) - 1)
    leaning = float(np.linalg.norm(np.cross(step, first.normal)) / np.linalg.norm(step))
    if leaning > SHEAR_TOLERANCE:
        raise GeometryError(
            f"{where} is sheared: its slices follow a line {np.degrees(np.arcsin(min(1.0, leaning))):.1f} degrees off "
            "their normal, as by a tilted gantry. Resample it to a right-angled grid first, for example in 3D Slicer."
        )
    line = first.position + np.arange(len(frames))[:, None] * step
    off = float(np.linalg.norm(np.array([frame.position for frame in frames]) - line, axis=1).max())
    if off > GRID_TOLERANCE * min(*first.spacing, float(np.linalg.norm(step))):
        raise GeometryError(
            f"{where} has slices that are shifted within their planes, by up to {off:.2f} mm: no right-angled volume. "
            "Keep the slices of one stack only."
        )
    affine = np.eye(4)
    affine[:3, 0] = first.along_row * first.spacing[1]
    affine[:3, 1] = first.along_column * first.spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = first.position
    rows, columns = first.size
    return Grid((columns, rows, len(frames)), np.asarray(LPS_TO_RAS @ affine, dtype=np.float64))
