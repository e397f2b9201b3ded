"""Where the legs begin in a scan: proposed by the body's outline, and a picture on which a person can move the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from osteon.app.viewing import grid_of, steps_for, view_of_scan
from osteon.app.workspace import Workspace
from osteon.io import read
from osteon.preprocessing import find_lower_body
from osteon.report.slices import CODES, windowed
from osteon.volume import Volume

HEIGHT = 640
"""Of the picture, in pixels."""

DEPTH_SHARE = 0.3
"""Share of the body's depth that the picture is the mean of: legs do not lie in one coronal slice."""


@dataclass(frozen=True)
class Proposal:
    """Where the legs begin.

    Parameters
    ----------
    slice_number : int
        Of the pelvis's upper end, from 0 along the scan's own axis.
    count : int
        Slices along it.
    upwards : bool
        Whether they are numbered from the feet up.
    slice_mm : float
        From one to the next.
    confidence : float
        0 to 1.
    reason : str
    """

    slice_number: int
    count: int
    upwards: bool
    slice_mm: float
    confidence: float
    reason: str


def propose(workspace: Workspace, case: str) -> Proposal:
    """Propose the slice where the pelvis ends, from the scan as the viewer first shows it: large ones are thinned."""
    thin, grid = _thinned(workspace, case), grid_of(workspace.scan(case))
    found = find_lower_body(thin)
    axis, step = found.axis, steps_for(grid.shape, grid.spacing_mm)[found.axis]
    number = min(grid.shape[axis] - 1, found.slice_number * step)
    upwards = bool(grid.affine[2, axis] > 0)
    return Proposal(number, grid.shape[axis], upwards, grid.spacing_mm[axis], found.confidence, found.reason)


def coronal_picture(workspace: Workspace, case: str) -> Image.Image:
    """The body from the front, head up, the patient's right on the left; its rows are all slices of the scan."""
    turned = _thinned(workspace, case).reoriented(CODES["coronal"])  # (columns, rows, slices)
    depth = turned.shape[2]
    half = max(1, round(DEPTH_SHARE * depth / 2))
    pixels = turned.array[:, :, max(0, depth // 2 - half) : depth // 2 + half].mean(axis=2).T  # (rows, columns)
    low, high = (float(p) for p in np.percentile(pixels, (1.0, 99.5)))
    grey = Image.fromarray(windowed(pixels, (low, high if high > low else low + 1.0)))
    width_mm, height_mm = turned.shape[0] * turned.spacing_mm[0], turned.shape[1] * turned.spacing_mm[1]
    return grey.resize((max(1, round(HEIGHT * width_mm / height_mm)), HEIGHT), Image.Resampling.BICUBIC)


def _thinned(workspace: Workspace, case: str) -> Volume:
    return read(view_of_scan(workspace.paths, case, workspace.scan(case), whole=False))
