"""Where the legs begin: the pelvis's upper end in a whole-body or hip-down scan, from the outline of the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import UsageError
from osteon.geometry import axis_of
from osteon.preprocessing.outline import Outline, outline_of
from osteon.preprocessing.region import Box
from osteon.volume import LabelMap, Volume

FloatArray = NDArray[np.float64]

BRIDGED = 0.72
"""Between the legs the body is thinner than this share of its depth, from front to back; above the crotch it is not."""

TRUNK, TRUNK_MM = 0.82, 50.0
"""Over such a height above the crotch a trunk is on average so deep in its middle. Thighs that touch from the knee up,
as a small child's can, are not, though they are above `BRIDGED`."""

BRIDGED_IF_TOUCHING = 0.85
"""Takes the place of `BRIDGED` then: halfway between a shallow furrow and a trunk."""

TOUCHING = 0.8
"""Share of the confidence that is left then."""

CREST_BY_LEG = 0.25
"""From the crotch up to the iliac crests as a share of the way down to the soles: 0.25 ± 0.03 in 20 built-in bodies
of 4 to 18 years, whose feet point down as in a scanner."""

CREST_BY_HIP = 0.63
"""The same as a share of the width of the hips: 0.61 ± 0.07 in those bodies, 0.65 ± 0.08 in four adults in CT."""

LEG_WEIGHT = 0.6
"""Weight of the estimate from the leg's length, where the soles are in view, against that from the hips' width."""

ONE_WAY, TWO_WAYS = 0.75, 0.9
"""Highest confidence of an outline with one estimate, and with two that agree; the rest is the model's to give."""

MARGIN_MM = 60.0
"""What is kept above the pelvis's upper end: more than the largest error so far, in built-in bodies and in CT."""

TOLERANCE_SLICES = 50
"""What the study kept to either side of the slice that its users named."""

UNSURE = 0.5
"""Below this confidence nothing is cut away."""


@dataclass(frozen=True)
class LowerBody:
    """Where the legs begin in a scan.

    Parameters
    ----------
    slice_number : int
        Of the pelvis's upper end, from 0 along the scan's own axis that runs closest to the patient's.
    axis : int
        That axis of the array.
    kept : slice
        Slices from the feet to some way above the pelvis; all of them where nothing is known.
    confidence : float
        0 to 1.
    reason : str
        In words, a whole sentence.
    """

    slice_number: int
    axis: int
    kept: slice
    confidence: float
    reason: str

    def box(self, shape: tuple[int, int, int]) -> Box:
        """Box of voxels that is kept."""
        i, j, k = (self.kept if axis == self.axis else slice(0, n) for axis, n in enumerate(shape))
        return i, j, k

    def cuts(self, shape: tuple[int, int, int]) -> bool:
        """Whether anything is left out."""
        return self.kept != slice(0, shape[self.axis])

    def on_whole(self, part: Volume, scan: Volume) -> Volume:
        """What was found in the box, on the whole scan's grid; 0 elsewhere."""
        array = np.zeros(scan.shape, dtype=part.array.dtype)
        array[self.box(scan.shape)] = part.array
        return scan.with_array(array)

    def facts(self) -> dict[str, object]:
        """For ``run.json``."""
        return {
            "slice": self.slice_number,
            "kept_slices": [self.kept.start, self.kept.stop - 1],
            "confidence": round(self.confidence, 3),
            "reason": self.reason,
        }


def find_lower_body(scan: Volume) -> LowerBody:
    """Find the upper end of the pelvis from the body's outline.

    From the feet up, the legs are apart, or touch in a furrow; where the body is nearly as deep in its middle as
    anywhere else begins the trunk. The iliac crests stand above this crotch by a share of the leg's length and of the
    hips' width (`CREST_BY_LEG`, `CREST_BY_HIP`). Arms beside the body do not matter. The confidence is how clearly
    legs and trunk differ, times how well both estimates agree.

    Parameters
    ----------
    scan : Volume
        Any orientation, contrast and plane; its header must tell head from feet.

    Returns
    -------
    LowerBody
        With all slices kept where the confidence is below `UNSURE`, or the scan ends below or just above the pelvis.
    """
    outline = outline_of(scan)
    below, clarity = _crotch(outline)
    if below == 0:
        return everything(scan, 0.0, "No gap between two legs was found, so the whole scan is searched.")
    if below == len(outline.bridge):
        reason = "The legs fill the scan up to its upper end: there is nothing above them to leave out."
        return everything(scan, clarity, reason)
    crotch_mm = outline.height_mm(below - 0.5)
    above_mm = CREST_BY_HIP * _hip_width_mm(outline, below)
    confidence, how = ONE_WAY * clarity, "the width of the hips"
    if outline.soles_in_view:
        by_leg = CREST_BY_LEG * (crotch_mm - outline.height_mm(0))
        confidence = TWO_WAYS * clarity * float(np.exp(-(((by_leg - above_mm) / (0.6 * by_leg)) ** 2)))
        above_mm = LEG_WEIGHT * by_leg + (1 - LEG_WEIGHT) * above_mm
        how = "the length of the legs and the width of the hips"
    top_mm = crotch_mm + above_mm
    if top_mm >= outline.height_mm(len(outline.bridge) - 1):
        reason = "The scan ends near the upper end of the pelvis: there is nothing above to leave out."
        return everything(scan, confidence, reason)
    axis, number = _slice_at(scan, top_mm)
    reason = f"The crotch is seen in the body's outline; the pelvis ends about {above_mm:.0f} mm above it, by {how}."
    if confidence < UNSURE:
        kept = slice(0, scan.shape[axis])
        return LowerBody(number, axis, kept, confidence, f"{reason} This is not sure, so the whole scan is searched.")
    kept = _up_to(scan, axis, number, round(MARGIN_MM / scan.spacing_mm[axis]))
    return LowerBody(number, axis, kept, confidence, reason)


def lower_body_from_slice(scan: Volume, number: int) -> LowerBody:
    """The lower body as a user names it: the slice where the pelvis ends, give or take `TOLERANCE_SLICES`.

    Parameters
    ----------
    scan : Volume
    number : int
        From 0, as viewers count along the axis that runs closest to the patient's.

    Raises
    ------
    UsageError
        If the scan has no such slice.
    """
    axis = axis_of(scan.affine, 2)
    if not 0 <= number < scan.shape[axis]:
        raise UsageError(
            f"There is no slice {number} in this scan: along the body it has slices 0 to {scan.shape[axis] - 1}. Give "
            "the approximate slice of the pelvis's upper end, or leave --from-slice out."
        )
    kept = _up_to(scan, axis, number, TOLERANCE_SLICES)
    reason = f"Slice {number} was named as the pelvis's upper end; {TOLERANCE_SLICES} slices above it are kept."
    return LowerBody(number, axis, kept, 1.0, reason)


def confirmed(found: LowerBody, labels: LabelMap, uppermost: str) -> tuple[LowerBody, str | None]:
    """Hold what the outline says against what a model found: the upper end of the uppermost structure.

    Parameters
    ----------
    found : LowerBody
    labels : LabelMap
        On the scan's grid.
    uppermost : str
        Group of structures that ends where the legs begin, such as the pelvis.

    Returns
    -------
    LowerBody
        At the model's slice where it found any, more sure where both agree, less where they do not.
    reason_to_look : str or None
        If the structure reaches the place where the scan was cut.
    """
    others: Any = tuple(axis for axis in range(3) if axis != found.axis)
    held = np.flatnonzero(labels.mask(uppermost).sum(axis=others) > 0)
    if held.size == 0:
        return found, None
    up = labels.affine[2, found.axis] > 0
    number = int(held[-1] if up else held[0])
    end = found.kept.stop - 1 if up else found.kept.start
    apart_mm = abs(number - found.slice_number) * labels.spacing_mm[found.axis]
    agree = float(np.exp(-((apart_mm / MARGIN_MM) ** 2)))
    # two ways that say the same leave less doubt than either; two that differ leave more
    confidence = found.confidence + (1 - found.confidence) * agree / 2 - found.confidence * (1 - agree) / 2
    reason = f"{found.reason} The model found the {uppermost}'s upper end {apart_mm:.0f} mm from there."
    reached = found.cuts(labels.shape) and abs(end - number) <= 1
    say = (
        f"The {uppermost} reaches the slice above which the scan was left out ({end}). Give the slice of its upper end "
        "with --from-slice, and segment again."
    )
    return LowerBody(number, found.axis, found.kept, confidence, reason), say if reached else None


def everything(scan: Volume, confidence: float, reason: str) -> LowerBody:
    """Nothing is left out, with how sure that is and why."""
    axis = axis_of(scan.affine, 2)
    up = scan.affine[2, axis] > 0
    return LowerBody(scan.shape[axis] - 1 if up else 0, axis, slice(0, scan.shape[axis]), confidence, reason)


def _crotch(outline: Outline) -> tuple[int, float]:
    """How many slices from the feet up are legs, and how clearly (0 to 1) the others differ from them."""
    below, clarity = _change(outline.bridge, BRIDGED)
    above = outline.bridge[below : below + max(1, round(TRUNK_MM / outline.step_mm))]
    if not 0 < below < len(outline.bridge) or above.mean() >= TRUNK:
        return below, clarity
    below, clarity = _change(outline.bridge, BRIDGED_IF_TOUCHING)
    return below, TOUCHING * clarity


def _change(bridge: FloatArray, level: float) -> tuple[int, float]:
    """How many slices from the feet up lie below a level, and how clearly the others lie above it (0 to 1)."""
    beyond = np.clip((bridge - level) / (1 - level), -1, 1)
    # every slice on the wrong side of the change counts by how wrong it is
    cost = np.concatenate([[0.0], np.cumsum(np.maximum(beyond, 0))])
    cost += np.concatenate([np.cumsum(np.maximum(-beyond, 0)[::-1])[::-1], [0.0]])
    below = int(np.argmin(cost))
    return below, float(1 - cost[below] / max(np.abs(beyond).sum(), 1e-6))


def _hip_width_mm(outline: Outline, crotch: int) -> float:
    """Widest part of the body near the hips: the middle run of its outline, so that arms do not count."""
    depth_mm = float(np.median(outline.width_mm[crotch:])) / 2
    reach = max(1, round(depth_mm / outline.step_mm))
    return float(np.median(np.sort(outline.width_mm[crotch : crotch + reach])[-3:]))


def _slice_at(scan: Volume, height_mm: float) -> tuple[int, int]:
    """Axis and slice at a height in the world, at the middle of the scan."""
    axis = axis_of(scan.affine, 2)
    middle = (np.array(scan.shape, dtype=np.float64) - 1) / 2
    middle[axis] = 0
    start_mm = float(scan.world_mm(middle[None])[0, 2])
    number = round((height_mm - start_mm) / float(scan.affine[2, axis]))
    return axis, int(np.clip(number, 0, scan.shape[axis] - 1))


def _up_to(scan: Volume, axis: int, number: int, more: int) -> slice:
    """From the feet to some slices above a slice."""
    if scan.affine[2, axis] > 0:
        return slice(0, min(scan.shape[axis], number + more + 1))
    return slice(max(0, number - more), scan.shape[axis])
