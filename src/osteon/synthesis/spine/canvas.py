"""Canvas: signal and labels on thin sub-slices, painted shape over shape, each within its own box."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import Grid
from osteon.synthesis.contrast import TEXTURE
from osteon.synthesis.patch import Patch, coordinates, patch_of
from osteon.synthesis.shapes import Array, Point
from osteon.synthesis.spine.chain import Frame


class Canvas:
    """Signal (float32) and labels (uint16) on a grid whose thick slices are cut into thin ones.

    Shapes are soft over one voxel in the plane, and thick slices are the mean of their thin ones, so that borders show
    partial volume; labels are hard, by majority over the thin slices.

    Parameters
    ----------
    grid : Grid
        The scan's; slices run along the third axis.
    signals : mapping of str to float
        Signal of each tissue.
    rng : Generator
        Of the textures.
    """

    def __init__(self, grid: Grid, signals: Mapping[str, float], rng: np.random.Generator) -> None:
        thickness = grid.spacing_mm[2]
        # an odd number, so that two labels never tie
        self.subslices = int(np.clip(2 * round((thickness / 1.4 - 1) / 2) + 1, 1, 7))
        self.grid = grid.with_shape((grid.shape[0], grid.shape[1], grid.shape[2] * self.subslices))
        self.signals = signals
        self.softness_mm = max(self.grid.spacing_mm)
        self.signal = np.zeros(self.grid.shape, dtype=np.float32)
        self.labels = np.zeros(self.grid.shape, dtype=np.uint16)
        self.grain = _noise(rng, self.grid, 1.2)
        self.mottle = _noise(rng, self.grid, 4.0)

    def whole(self) -> Patch:
        """All voxels, in world coordinates."""
        x, y, z = coordinates(self.grid.affine, tuple(slice(0, n) for n in self.grid.shape))
        return Patch((slice(None), slice(None), slice(None)), x, y, z)

    def patch(self, frame: Frame, centre: Point, reach_mm: Point) -> Patch | None:
        """Voxels of a local box (half extents ``reach_mm`` and a margin of two voxels); None if none are in view."""
        local = np.eye(4)
        local[:3, :3] = frame.axes
        local[:3, 3] = -frame.axes @ frame.origin
        reach = np.array(reach_mm) + 2 * self.softness_mm
        return patch_of(self.grid, local, np.array(centre) - reach, np.array(centre) + reach)

    def opacity(self, distance_mm: Array) -> Array:
        """How much of a voxel a shape covers, from its signed distance."""
        return np.asarray(np.clip(0.5 - distance_mm / np.float32(self.softness_mm), 0, 1), dtype=np.float32)

    def paint(self, patch: Patch, opacity: Array | float, tissue: str) -> None:
        """Lay a tissue, with its texture, over a patch."""
        fine, coarse = TEXTURE.get(tissue, (0.0, 0.0))
        value: Array | np.float32 = np.float32(self.signals[tissue])
        if fine or coarse:
            speckle = np.float32(fine) * self.grain[patch.box] + np.float32(coarse) * self.mottle[patch.box]
            # a signal may be negative, where fat and water are opposed in phase
            value = value * np.maximum(1 + speckle, 0)
        below = self.signal[patch.box]
        below += opacity * (value - below)

    def paint_shape(
        self, frame: Frame, reach_mm: Point, shape: Callable[[Array, Array, Array], Array], tissue: str
    ) -> tuple[Patch, Array] | None:
        """Paint a shape given by its signed distance in a frame; returns where, and the distances."""
        patch = self.patch(frame, (0.0, 0.0, 0.0), reach_mm)
        if patch is None:
            return None
        distance = shape(patch.x, patch.y, patch.z)
        self.paint(patch, self.opacity(distance), tissue)
        return patch, distance

    def label(self, patch: Patch, inside: NDArray[np.bool_], value: int) -> None:
        """Give voxels of a patch a label value."""
        self.labels[patch.box][inside] = value

    def thick_signal(self) -> Array:
        """Signal on the scan's own grid: each slice the mean of its thin ones, ``(i, j, k)``."""
        i, j, _ = self.grid.shape
        return np.asarray(self.signal.reshape(i, j, -1, self.subslices).mean(axis=3), dtype=np.float32)

    def thick_labels(self) -> NDArray[np.uint16]:
        """Labels on the scan's own grid: the value most of a slice's thin ones have, ``(i, j, k)``."""
        i, j, _ = self.grid.shape
        thin = self.labels.reshape(i, j, -1, self.subslices)
        # the middle thin slice decides where three values meet evenly
        order = sorted(range(self.subslices), key=lambda s: abs(s - self.subslices // 2))
        best, most = thin[..., order[0]].copy(), np.zeros(thin.shape[:3], dtype=np.uint8)
        for s in order:
            votes = (thin == thin[..., s, None]).sum(axis=3, dtype=np.uint8)
            wins = votes > most
            best[wins], most[wins] = thin[..., s][wins], votes[wins]
        return best


def _noise(rng: np.random.Generator, grid: Grid, scale_mm: float) -> Array:
    """Smooth noise of mean 0 and standard deviation 1, correlated over a length."""
    step = np.maximum(1, np.floor(0.75 * scale_mm / np.array(grid.spacing_mm)))
    coarse = tuple(int(np.ceil(n / s)) + 1 for n, s in zip(grid.shape, step, strict=True))
    noise = rng.standard_normal(coarse, dtype=np.float32)
    sigma = scale_mm / (np.array(grid.spacing_mm) * step)
    noise = ndimage.gaussian_filter(noise, sigma, mode="wrap")
    for axis, (n, s) in enumerate(zip(grid.shape, step, strict=True)):
        noise = _stretched(noise, axis, n, float(s))
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def _stretched(array: Array, axis: int, length: int, step: float) -> Array:
    """Linear interpolation along one axis."""
    if step == 1:
        return array.take(np.arange(length), axis=axis)
    position = np.arange(length, dtype=np.float32) / np.float32(step)
    low = position.astype(np.intp)
    weight = (position - low).reshape([-1 if a == axis else 1 for a in range(array.ndim)])
    return np.asarray(array.take(low, axis=axis) * (1 - weight) + array.take(low + 1, axis=axis) * weight)
