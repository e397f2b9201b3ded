"""The outline of a body along its long axis: how wide it is, and whether it is two legs or one trunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.preprocessing.coarse import block_means
from osteon.preprocessing.region import body_mask
from osteon.volume import Volume

FloatArray = NDArray[np.float64]

STEP_MM = 5.0
"""Largest voxel edges at which a body is outlined, unless the scan's own are larger."""

BAND = 0.12
"""Half the width, as a share of the body's, of the band in which the gap between the legs is looked for."""

SMOOTH_MM = 25.0
FURROW_MM = 15.0

LOWEST_MM = 250.0
ANKLE = 0.6
"""Feet are in view where, within `LOWEST_MM` of the body's lower end, a section follows that has less than this share
of one below it: ankles over feet. A leg that is cut off higher up grows thicker, or little thinner."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A body from the feet up, slice by slice.

    Parameters
    ----------
    start_mm : float
        World height of the first slice that holds body.
    step_mm : float
    width_mm : (n,) ndarray
        From right to left, of the part in the middle that is at least half as deep as the deepest: arms beside the body
        do not count, also where they touch it.
    bridge : (n,) ndarray
        Depth of the body, from front to back, in its middle as a share of its largest: 0 between legs that are apart,
        near 1 in a trunk.
    soles_in_view : bool
        Whether the feet are in the scan.
    """

    start_mm: float
    step_mm: float
    width_mm: FloatArray
    bridge: FloatArray
    soles_in_view: bool

    def height_mm(self, number: float) -> float:
        """World height of a slice."""
        return self.start_mm + number * self.step_mm


def outline_of(scan: Volume) -> Outline:
    """Outline the body of a scan, on a coarse grid.

    Parameters
    ----------
    scan : Volume
        Any orientation and plane.
    """
    upright = _coarse(scan.reoriented("RAS"))
    edges = upright.spacing_mm
    depth = _depth(body_mask(upright))  # (i, j, k) -> (i, k)
    # the furrow between thighs that touch is wider than the cleft of the buttocks or a line of dark fat
    depth = ndimage.grey_closing(depth, size=(_odd(FURROW_MM / edges[0]), 1))
    held = np.flatnonzero(depth.any(axis=0))
    depth = depth[:, held[0] : held[-1] + 1]
    middle = _middle(depth)
    width, bridge = np.zeros(depth.shape[1]), np.zeros(depth.shape[1])
    for k, line in enumerate(depth.T):
        width[k], bridge[k] = _across(line, middle[k])
    smooth = _odd(SMOOTH_MM / edges[2])
    area = depth.sum(axis=0)
    at_mm = upright.world_mm(np.array([[upright.shape[0] / 2, upright.shape[1] / 2, held[0]]]))[0, 2]
    return Outline(
        start_mm=float(at_mm),
        step_mm=float(upright.affine[2, 2]),
        width_mm=ndimage.median_filter(width, smooth, mode="nearest") * edges[0],
        bridge=ndimage.median_filter(bridge, smooth, mode="nearest"),
        soles_in_view=_feet(area[: max(2, round(LOWEST_MM / edges[2]))]),
    )


def _odd(count: float) -> int:
    return 2 * max(0, round((count - 1) / 2)) + 1


def _depth(body: NDArray[np.bool_]) -> FloatArray:
    """From the first to the last voxel of the body, from back to front: dark fat and lungs within do not count."""
    last = body.shape[1] - np.argmax(body[:, ::-1], axis=1)
    return np.asarray(np.where(body.any(axis=1), last - np.argmax(body, axis=1), 0), dtype=np.float64)


def _coarse(scan: Volume) -> Volume:
    size = [max(1, min(int(STEP_MM / edge), n)) for edge, n in zip(scan.spacing_mm, scan.shape, strict=True)]
    return block_means(scan, (size[0], size[1], size[2]))


def _feet(area: FloatArray) -> bool:
    return bool((area < ANKLE * np.maximum.accumulate(area)).any())


def _middle(depth: FloatArray) -> FloatArray:
    """Where the middle of the body lies in each slice: a straight line, as a patient lies straight."""
    area = depth.sum(axis=0)
    heights = np.arange(depth.shape[1], dtype=np.float64)
    centre: FloatArray = (np.arange(depth.shape[0])[:, None] * depth).sum(axis=0) / np.maximum(area, 1)
    if np.count_nonzero(area) < 2:
        return centre
    return np.asarray(np.polyval(np.polyfit(heights, centre, 1, w=area), heights))


def _across(line: FloatArray, middle: float) -> tuple[float, float]:
    """Width of the middle part of a slice in voxels, and how deep its middle is against its deepest place."""
    held = np.flatnonzero(line)
    if held.size == 0:
        return 0.0, 0.0
    deep = np.flatnonzero(line >= line.max() / 2)
    half = max(1.0, BAND * (held[-1] - held[0] + 1))
    low, high = int(max(0, np.floor(middle - half))), int(min(line.size - 1, np.ceil(middle + half)))
    bridge = float(line[low : high + 1].min() / line.max()) if high >= low else 0.0
    runs = np.split(deep, np.flatnonzero(np.diff(deep) > 1) + 1)
    nearest = min(runs, key=lambda run: max(run[0] - middle, middle - run[-1]))
    return float(nearest.size), bridge
