"""The frame of a vertebral body: its own right, forward and up, and the mask sampled along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import FloatArray, inverse, spacing_mm, transform_points

_RIGHT = np.array([1.0, 0.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])
_LARGEST_TILT_DEGREES = 45.0


@dataclass(frozen=True, eq=False)
class Frame:
    """Origin and three directions at right angles, in world mm.

    Parameters
    ----------
    origin : (3,) ndarray
    directions : (3, 3) ndarray
        Rows: right, forward (anterior), up (superior), of unit length.
    """

    origin: FloatArray
    directions: FloatArray

    @classmethod
    def along(cls, up: FloatArray, origin: FloatArray) -> Frame:
        """Frame whose third direction is ``up``; right is the patient's, made perpendicular to it."""
        up = up / np.linalg.norm(up)
        right = _RIGHT - (_RIGHT @ up) * up
        right /= np.linalg.norm(right)
        return cls(origin, np.stack([right, np.cross(up, right), up]))

    def tilted(self, slope_right: float, slope_forward: float) -> Frame:
        """Frame whose right and forward lie in a plane that rises by these slopes."""
        right, forward, up = self.directions
        return Frame.along(up - slope_right * right - slope_forward * forward, self.origin)

    def local(self, world_mm: FloatArray) -> FloatArray:
        """Coordinates right, forward, up in mm, ``(n, 3)``, of world points."""
        return np.asarray((world_mm - self.origin) @ self.directions.T, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Samples:
    """A mask sampled along the axes of a frame.

    Parameters
    ----------
    membership : (right, forward, up) ndarray
        0 to 1, interpolated linearly; the mask's border is where it passes 0.5.
    right, forward, up : (n,) ndarray
        Positions in mm from the frame's origin, evenly spaced.
    """

    membership: NDArray[np.float32]
    right: FloatArray
    forward: FloatArray
    up: FloatArray


def voxel_centres(mask: NDArray[np.bool_], affine: FloatArray) -> FloatArray:
    """World positions (RAS mm) of the voxels of a mask, ``(n, 3)``."""
    return transform_points(affine, np.argwhere(mask).astype(np.float64))


def sample(mask: NDArray[np.bool_], affine: FloatArray, frame: Frame, step_mm: float = 1.0) -> Samples:
    """Sample a mask along a frame's axes, with a margin of background around it.

    Parameters
    ----------
    mask : (i, j, k) bool ndarray
    affine : (4, 4) ndarray
    frame : Frame
    step_mm : float
    """
    points = frame.local(voxel_centres(mask, affine))
    margin = float(spacing_mm(affine).max()) + step_mm
    # half a step off the origin, so that samples do not fall on the border of a shape that is symmetric about it
    first = np.floor((points.min(axis=0) - margin) / step_mm).astype(int)
    last = np.ceil((points.max(axis=0) + margin) / step_mm).astype(int)
    right, forward, up = ((np.arange(a, b) + 0.5) * step_mm for a, b in zip(first, last, strict=True))
    to_index = inverse(affine)[:3, :3] @ frame.directions.T  # index steps for a mm right, forward, up
    origin = transform_points(inverse(affine), frame.origin[None])[0]
    membership = ndimage.affine_transform(
        mask.astype(np.float32),
        to_index * step_mm,
        offset=origin + to_index @ np.array([right[0], forward[0], up[0]]),
        output_shape=(len(right), len(forward), len(up)),
        order=1,
        mode="grid-constant",
    )
    return Samples(membership, right, forward, up)


def spine_axes(centroids: FloatArray) -> list[FloatArray | None]:
    """Direction from the vertebra below to the one above, for each of several.

    Parameters
    ----------
    centroids : (n, 3) ndarray
        In world mm, in any order; neighbours are those next in height.

    Returns
    -------
    list of (3,) ndarray or None
        Not normalised; None for a vertebra on its own.
    """
    axes: list[FloatArray | None] = [None] * len(centroids)
    order = np.argsort(centroids[:, 2])
    for place, this in enumerate(order):
        below, above = order[max(place - 1, 0)], order[min(place + 1, len(order) - 1)]
        if below != above:
            axes[int(this)] = centroids[above] - centroids[below]
    return axes


def own_axis(points: FloatArray) -> FloatArray:
    """Principal axis of a body that runs closest to up; up itself where none does.

    Parameters
    ----------
    points : (n, 3) ndarray
        Voxel centres in world mm.
    """
    _, vectors = np.linalg.eigh(np.cov(points.T))
    axis = vectors[:, int(np.argmax(np.abs(vectors[2])))]
    axis = axis * np.sign(axis[2])
    steep = axis[2] > np.cos(np.radians(_LARGEST_TILT_DEGREES))
    return np.asarray(axis if steep else _UP, dtype=np.float64)
