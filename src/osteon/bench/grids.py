"""From the working grid to the scan's own, against interpolating every class everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.bench.inputs import leg_labels
from osteon.bench.measured import Asked, Comparison, Way, alternately
from osteon.geometry import resample_linear
from osteon.inference.onto_grid import largest_class

SHAPE = (256, 256, 50)
SPACING_MM = 2.0
"""In-plane, of the working grid."""


def onto_the_scan(asked: Asked, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Comparison:
    """Bring eight bones' probabilities to the scan's grid; both ways have to give the same classes."""
    labels = leg_labels(shape, asked.seed)
    grid = labels.grid
    working = grid.with_spacing((SPACING_MM, SPACING_MM, grid.spacing_mm[2]))
    values = [0, *labels.values()]
    probabilities = np.empty((len(values), *working.shape), dtype=np.uint8)
    for number, value in enumerate(values):
        membership = resample_linear(labels.array == value, labels.affine, working, outside=float(value == 0))
        probabilities[number] = np.rint(255 * ndimage.gaussian_filter(membership, (1, 1, 0)))

    def everywhere() -> NDArray[np.uint8]:
        best = resample_linear(probabilities[0], working.affine, grid, outside=255.0)
        result = np.zeros(grid.shape, dtype=np.uint8)
        for number in range(1, len(probabilities)):
            one = resample_linear(probabilities[number], working.affine, grid)
            wins = one > best
            result[wins] = number
            best[wins] = one[wins]
        return result

    ways = [
        Way("osteon, in boxes and slabs", lambda: largest_class(probabilities, working, grid, labels.array)),
        Way("every class everywhere", everywhere),
    ]
    size = " x ".join(str(n) for n in shape)
    title = f"{len(values) - 1} bones onto a grid of {size} voxels from {' x '.join(str(n) for n in working.shape)}"
    return alternately(title, ways, asked.repeats, lambda ours, theirs: bool(np.array_equal(ours, theirs)))  # type: ignore[arg-type]
