"""Whether a mask lies on the edges that the image shows, or would fit better a little to one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from osteon.geometry import FloatArray
from osteon.volume import LabelMap, Volume

REACH_MM = 15.0
"""Shifts up to so far are tried."""

FINEST_MM = 1.0
"""Finer voxels are taken in steps: the shifts that matter are of millimetres."""

USUAL_EDGE = 75.0
"""Percentile of the gradients that counts as half an edge, so that skin and fat do not outshine bone."""


@dataclass(frozen=True)
class Alignment:
    """The shift by which a mask would fit the image's edges best.

    Parameters
    ----------
    shift_mm : (3,) tuple of float
        Of the mask, in RAS mm; zeros where it fits best as it lies.
    gain : float
        How much better: edges along the border's normals after the shift over those before, 1 or more; the smaller of
        that with the sense of the edges (brighter inside or outside) and that without.
    """

    shift_mm: tuple[float, float, float]
    gain: float

    @property
    def distance_mm(self) -> float:
        """Length of the shift."""
        return float(np.linalg.norm(self.shift_mm))


def alignment(scan: Volume, labels: LabelMap) -> Alignment:
    """Correlate the border of the labels with the edges of the image at all shifts up to `REACH_MM`.

    Normalised gradients of image and mask, as of Haber and Modersitzki 2006 (MICCAI, LNCS 4191:726). The best shift is
    that at which the flux through the border is largest, all of it inwards or all outwards: other tissue's edges do not
    add up so. Where bones border on both brighter and darker tissue that flux is small at the right place too, so the
    shift has to be better without regard to the sense as well.

    Parameters
    ----------
    scan : Volume
    labels : LabelMap
        On the scan's grid.

    Returns
    -------
    Alignment
        Of no shift, where there is no label or no edge.
    """
    spacing = np.array(scan.spacing_mm)
    steps = np.maximum(1, np.floor(FINEST_MM / spacing + 1e-6)).astype(int)
    box = _box(labels, spacing)
    coarse = tuple(slice(b.start, b.stop, int(n)) for b, n in zip(box, steps, strict=True))
    image, values = scan.array[coarse].astype(np.float32), labels.array[coarse]
    spacing = spacing * steps
    fine = [axis for axis in range(3) if spacing[axis] <= 2.0 * spacing.min() and image.shape[axis] > 4]
    reach = np.minimum(np.ceil(REACH_MM / spacing).astype(int), (np.array(image.shape) - 1) // 2)
    edges, normals = _edges(image, spacing, fine), _normals(values, spacing, fine)
    flux = sum(
        signal.correlate(edge, normal, mode="same", method="fft") for edge, normal in zip(edges, normals, strict=True)
    )
    middle = np.array(image.shape) // 2
    window = np.abs(flux[tuple(slice(m - r, m + r + 1) for m, r in zip(middle, reach, strict=True))])
    if not window.any():
        return Alignment((0.0, 0.0, 0.0), 1.0)
    best = np.array(np.unravel_index(int(window.argmax()), window.shape)) - reach
    here = float(window[tuple(reach)])
    parallel = _parallel(edges, normals, best) / max(_parallel(edges, normals, np.zeros(3, dtype=int)), 1e-12)
    direction = scan.affine[:3, :3] / np.array(scan.spacing_mm)
    shift: FloatArray = direction @ (best * spacing)
    gain = float(window.max()) / max(here, 1e-6 * float(window.max()), 1e-12)
    x, y, z = (float(v) for v in shift)
    return Alignment((x, y, z), max(1.0, min(gain, parallel)))


def _box(labels: LabelMap, spacing: NDArray[np.float64]) -> tuple[slice, ...]:
    """Box of all labels with a margin of the reach."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        held = np.flatnonzero(labels.array.any(axis=others))
        margin = int(np.ceil(REACH_MM / spacing[axis])) + 2
        first, last = (int(held[0]), int(held[-1])) if held.size else (0, labels.shape[axis] - 1)
        box.append(slice(max(0, first - margin), min(labels.shape[axis], last + 1 + margin)))
    return tuple(box)


def _parallel(edges: list[NDArray[np.float32]], normals: list[NDArray[np.float32]], shift: NDArray[np.int_]) -> float:
    """Mean squared edge along the border's normals after a shift, whichever side is the brighter."""
    place = np.argwhere(sum(normal**2 for normal in normals) > 0)
    moved = place + shift
    inside = ((moved >= 0) & (moved < edges[0].shape)).all(axis=1)
    if not inside.any():
        return 0.0
    at, to = tuple(place[inside].T), tuple(moved[inside].T)
    along = sum(edge[to] * normal[at] for edge, normal in zip(edges, normals, strict=True))
    return float(np.sum(np.square(along))) / len(place)


def _edges(image: NDArray[np.float32], spacing: NDArray[np.float64], fine: list[int]) -> list[NDArray[np.float32]]:
    """Gradient along each fine axis, weak edges less and strong ones hardly more than middling ones."""
    sigma = [1.0 if axis in fine else 0.0 for axis in range(3)]
    smooth = ndimage.gaussian_filter(image, sigma)
    along = [np.gradient(smooth, axis=axis) / np.float32(spacing[axis]) for axis in fine]
    length = np.sqrt(sum(g**2 for g in along))
    usual = np.percentile(length, USUAL_EDGE) + 1e-6
    return [np.asarray(g / (length + usual), dtype=np.float32) for g in along]


def _normals(values: NDArray[Any], spacing: NDArray[np.float64], fine: list[int]) -> list[NDArray[np.float32]]:
    """Gradient of every label's own mask along each fine axis, summed: it points into the structures."""
    total = [np.zeros(values.shape, dtype=np.float32) for _ in fine]
    for value in np.unique(values[values != 0]):
        mask = (values == value).astype(np.float32)
        for place, axis in enumerate(fine):
            total[place] += (np.gradient(mask, axis=axis) / spacing[axis]).astype(np.float32)
    return total
