"""Whether a mask lies where the image changes, or would fit better a little to one side: two ways have to agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from osteon.cohort.borders import on_edges
from osteon.geometry import FloatArray
from osteon.volume import LabelMap, Volume

REACH_MM = 15.0
"""Shifts up to so far are tried."""

FINEST_MM = 1.0
"""Finer voxels are taken in steps: the shifts that matter are of millimetres."""

RIM_MM = 3.0
"""Thickness of the rim around a structure that it is held against."""

LEAST_TOLD = 0.1
"""Information below which a mask and an image have nothing to say about each other (nats a voxel)."""

MARGIN = 4
"""Voxels around the labels that are looked at: the rim, and what a gradient needs."""

NOISE = 1e-3
"""Variance that every region has, as a share of the image's: within air there would be none."""


@dataclass(frozen=True)
class Alignment:
    """The shift by which a mask would fit the image best.

    Parameters
    ----------
    shift_mm : (3,) tuple of float
        Of the mask, in RAS mm; zeros where it fits best as it lies.
    gain : float
        How many times as well, by the worse of both ways, 1 or more.
    """

    shift_mm: tuple[float, float, float]
    gain: float

    @property
    def distance_mm(self) -> float:
        """Length of the shift."""
        return float(np.linalg.norm(self.shift_mm))


def alignment(scan: Volume, labels: LabelMap) -> Alignment:
    """Find the shift up to `REACH_MM` at which a mask fits the image better, by its regions and by its borders.

    Regions: what the mask tells about the image is the mutual information between the intensity and being inside a
    structure or in the rim around it, both taken for normal distributions, as in region competition (Zhu and Yuille
    1996, IEEE TPAMI 18:884). That is far clearer than borders, but is misled by structures that are uneven inside, as
    discs are in T2. Borders: see `osteon.cohort.borders`. Neither asks which side is the brighter.

    Parameters
    ----------
    scan : Volume
    labels : LabelMap
        On the scan's grid.

    Returns
    -------
    Alignment
        Of no shift, where there is no label, or nothing that the mask could tell of the image.
    """
    steps = np.maximum(1, np.floor(FINEST_MM / np.array(scan.spacing_mm) + 1e-6)).astype(int)
    i, j, k = (slice(None, None, int(n)) for n in steps)
    image, values = scan.array[i, j, k].astype(np.float32), labels.array[i, j, k]
    spacing = np.array(scan.spacing_mm) * steps
    spread = float(image.std())
    if not values.any() or spread == 0:
        return Alignment((0.0, 0.0, 0.0), 1.0)
    image = (image - image.mean()) / spread
    reach = np.minimum(np.ceil(REACH_MM / spacing).astype(int), (np.array(image.shape) - 1) // 2)
    image, values = _around_labels(image, values, reach)
    told = np.zeros(2 * reach + 1)
    for inside, rim, corner in _structures(values, spacing):
        told += _told(image, inside, rim, corner, reach)
    told /= np.count_nonzero(values)
    here = tuple(reach)
    if told.max() < LEAST_TOLD:
        return Alignment((0.0, 0.0, 0.0), 1.0)
    borders = on_edges(image, values, spacing)
    gain = np.minimum(told / max(told[here], 1e-3 * told.max()), borders / max(borders[here], 1e-3 * borders.max()))
    best = np.unravel_index(int(gain.argmax()), gain.shape)
    shift: FloatArray = scan.affine[:3, :3] / np.array(scan.spacing_mm) @ ((np.array(best) - reach) * spacing)
    x, y, z = (float(v) for v in shift)
    return Alignment((x, y, z), max(1.0, float(gain[best])))


def _around_labels(
    image: NDArray[np.float32], values: NDArray[np.integer[Any]], reach: NDArray[np.int_]
) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]]]:
    """The box of all labels with a little margin, and the image there and as far around as shifts reach."""
    low, high = [], []
    for axis, n in enumerate(values.shape):
        held = np.flatnonzero(values.any(axis=tuple(a for a in range(3) if a != axis)))
        low.append(max(0, int(held[0]) - MARGIN))
        high.append(min(n, int(held[-1]) + 1 + MARGIN))
    padded = np.pad(image, [(int(r), int(r)) for r in reach], mode="edge")
    around = tuple(slice(a, b + 2 * int(r)) for a, b, r in zip(low, high, reach, strict=True))
    return padded[around], values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]


def _structures(
    values: NDArray[np.integer[Any]], spacing: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int_]]]:
    """Each label's mask and the rim around it in a box, and the box's first voxel; rims lie within fine planes."""
    fine = spacing <= max(RIM_MM, 1.5 * float(spacing.min()))
    around = np.where(fine, np.maximum(1, np.round(RIM_MM / spacing)), 0).astype(int)
    ball = np.ones(2 * around + 1, dtype=np.bool_)
    for value, held in enumerate(ndimage.find_objects(values.astype(np.int32)), start=1):
        if held is None:
            continue
        low = np.maximum([s.start for s in held] - around, 0)
        high = np.minimum([s.stop for s in held] + around, values.shape)
        inside = values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] == value
        rim = ndimage.binary_dilation(inside, ball) & ~inside
        if rim.any():
            yield inside, rim, low


def _told(
    image: NDArray[np.float32],
    inside: NDArray[np.bool_],
    rim: NDArray[np.bool_],
    corner: NDArray[np.int_],
    reach: NDArray[np.int_],
) -> NDArray[np.float64]:
    """Information of one structure at every shift, times its voxels; the image is padded by the reach."""
    high = corner + inside.shape + 2 * reach
    part = image[tuple(slice(a, b) for a, b in zip(corner, high, strict=True))].astype(np.float64)
    part -= part.mean()
    counts = [np.count_nonzero(mask) for mask in (inside, rim)]
    sums = [signal.correlate(part, mask.astype(np.float64), mode="valid", method="fft") for mask in (inside, rim)]
    part *= part
    squares = [signal.correlate(part, mask.astype(np.float64), mode="valid", method="fft") for mask in (inside, rim)]
    logarithms = [
        np.log(np.maximum(q / n - (s / n) ** 2, 0) + NOISE)
        for n, s, q in zip([*counts, sum(counts)], [*sums, sum(sums)], [*squares, sum(squares)], strict=True)
    ]
    within = (counts[0] * logarithms[0] + counts[1] * logarithms[1]) / sum(counts)
    return np.asarray(counts[0] * (logarithms[2] - within))
