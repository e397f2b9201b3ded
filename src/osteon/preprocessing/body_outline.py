"""Where the body is in a scan, coarsely: what a mask must lie in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

DARKEST_TISSUE = 0.5
"""Share of Otsu's threshold between dark and bright roots above which a smoothed voxel is tissue and not air."""


def body_outline(scan: NDArray[Any]) -> NDArray[np.bool_]:
    """Voxels of the body, with all that it encloses: bone, air in the bowel, joints.

    Smoothed voxels above a share of Otsu's threshold (Otsu 1979, IEEE Trans SMC 9:62), holes filled in every plane. In
    doubt a voxel is body, because a mask is accused of lying outside: `osteon.preprocessing.body_mask`, which is after
    the patient and not the noise, loses up to a quarter of the discs in a scan with a surface coil.

    Parameters
    ----------
    scan : (i, j, k) ndarray
        Of voxels some millimetres apart: a mask's place is judged, not its border.

    Returns
    -------
    (i, j, k) bool ndarray
        All true where nothing in the scan is darker than the rest, as in a field of view within the body.
    """
    smooth = ndimage.gaussian_filter(scan.astype(np.float32), 0.7)
    low, high = (float(p) for p in np.percentile(smooth, (0.5, 99.5)))
    if high <= low:
        return np.ones(scan.shape, dtype=np.bool_)
    above = np.sqrt(np.clip(smooth, low, high) - low)  # near a coil the rest would count as dark
    body = above > DARKEST_TISSUE * float(threshold_otsu(above))
    for axis in range(3):
        for index in range(body.shape[axis]):
            plane: Any = [slice(None)] * 3
            plane[axis] = index
            body[tuple(plane)] = ndimage.binary_fill_holes(body[tuple(plane)])
    return np.asarray(body, dtype=np.bool_)
