"""One side of a scan of both legs, for cohorts that label one side only."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from osteon.errors import CohortError
from osteon.geometry import axis_of
from osteon.preprocessing.region import Box, body_mask
from osteon.volume import LabelMap, Volume

Side = Literal["right", "left"]

SEARCHED = 0.25
"""The gap between the legs is looked for within this share of the body's width, around its middle."""


def one_side(scan: Volume, side: Side, labels: LabelMap | None = None) -> tuple[Volume, LabelMap | None]:
    """Crop a scan of both legs, and its labels, to the patient's right or left.

    The cut runs through the sagittal plane near the body's middle that holds least of the body: between the legs.
    Nothing is mirrored. Labels that carry the other side's values (cohorts of one side often use those of the right for
    either) get the values of ``side``.

    Parameters
    ----------
    scan : Volume
        Of both legs, in any orientation.
    side : "right" or "left"
        Which was labelled.
    labels : LabelMap, optional
        On the scan's grid.

    Raises
    ------
    CohortError
        If the labels do not lie on that side.
    GeometryError
        If scan and labels lie on different grids.
    """
    box = side_box(scan, side)
    if labels is None:
        return scan.cropped(box), None
    scan.grid.require_match(labels.grid, "the scan", "the labels")
    cropped = labels.cropped(box)
    all_of_them, kept = np.count_nonzero(labels.array), np.count_nonzero(cropped.array)
    if kept < 0.5 * all_of_them:
        raise CohortError(
            f"Only {kept / all_of_them:.0%} of the labels lie on the patient's {side}. Choose the other side, or check "
            "that the left and right of scan and labels were not exchanged when they were exported."
        )
    return scan.cropped(box), _named_after(cropped, side)


def side_box(scan: Volume, side: Side) -> Box:
    """Box of voxels on the patient's right or left of the gap between the legs."""
    axis = axis_of(scan.affine, 0)
    width = body_mask(scan).sum(axis=tuple(a for a in range(3) if a != axis))
    held = np.flatnonzero(width)
    first, last = int(held[0]), int(held[-1])
    reach = SEARCHED * (last - first) / 2
    near = np.arange(int((first + last) / 2 - reach), int(np.ceil((first + last) / 2 + reach)) + 1)
    # of equally narrow places the one nearest to the middle
    cut = int(min(near, key=lambda n: (width[n], abs(2 * n - first - last))))
    upwards = (scan.affine[0, axis] > 0) == (side == "right")
    kept = slice(cut, scan.shape[axis]) if upwards else slice(0, cut + 1)
    box = [kept if a == axis else slice(0, n) for a, n in enumerate(scan.shape)]
    return box[0], box[1], box[2]


def _named_after(labels: LabelMap, side: Side) -> LabelMap:
    array = labels.array.copy()
    for value, partner in labels.task.mirrored_values().items():
        if labels.task.by_value(value).side != side:
            array[labels.array == value] = partner
    return replace(labels, array=array)
