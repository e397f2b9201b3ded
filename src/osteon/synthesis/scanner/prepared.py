"""Bodies made ready to be sliced: one code of material and one class a voxel, landmarks, points to judge brightness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.errors import UsageError
from osteon.synthesis.body import Body
from osteon.synthesis.parts import BONES, CODE
from osteon.synthesis.scanner.bone import LENGTH_MM, LEVELS, bone_levels, size_at

FIRST_BONE = 128
"""Material of the first level of the first bone; below it a material is a part's code."""

SPOTS = 4096
"""Points of a body whose signals tell how bright its scan is."""

LANDMARKS = (0.0, 0.25, 0.6, 0.95, 1.0)
"""Position of iliac crest, top of the femoral head, knee, ankle and sole: what `PreparedBody.position` returns."""


def bone_material(bone: str, level: int) -> int:
    """Material of a bone's level (`osteon.synthesis.scanner.bone`)."""
    return FIRST_BONE + BONES.index(bone) * LEVELS + level


@dataclass(frozen=True, eq=False)
class PreparedBody:
    """A body ready to be sliced.

    Parameters
    ----------
    name, source : str
    age_years : float or None
    materials : (i, j, k) uint8 Tensor
        i to the right, j to the front, k up. Outside the bones a part's code, inside them `bone_material`. One voxel of
        border on every side: air on four of them, the last slice repeated at both ends.
    classes : (i, j, k) uint8 Tensor
        Class to learn; ``ignore`` in the border at both ends where the body goes on.
    affine : (4, 4) ndarray
        Index of these arrays to RAS mm.
    spots : (n, 2) float32 ndarray
        Material and height in voxels of random points of the body's box.
    heights : (5,) tuple of float
        Indices k of `LANDMARKS`, falling.
    boxes : (k, 4) float32 ndarray
        Of every slice: first and last index i, first and last index j that are not air; the whole where all is.
    """

    name: str
    source: str
    age_years: float | None
    materials: Tensor
    classes: Tensor
    affine: NDArray[np.float64]
    spots: NDArray[np.float32]
    heights: tuple[float, ...]
    boxes: NDArray[np.float32]

    @classmethod
    def of(cls, body: Body, classes: Sequence[str], *, ignore: int = 255) -> PreparedBody:
        """Prepare a body.

        Parameters
        ----------
        body : Body
        classes : sequence of str
            Structures or groups of the body's task that become classes 1, 2, and so on.
        ignore : int
            Class of places that teach nothing.
        """
        parts = body.parts.array
        materials = parts.copy()
        levels = bone_levels(body)
        for number, bone in enumerate(BONES):
            here = parts == CODE[bone]
            materials[here] = FIRST_BONE + number * LEVELS + levels[here]
        lookup = np.zeros(256, dtype=np.uint8)
        for value, number in body.labels.task.class_of_value(classes).items():
            lookup[value] = number
        target = lookup[body.labels.array]
        held = [np.flatnonzero(parts.any(axis=other)) for other in ((1, 2), (0, 2))]
        start = [int(h[0]) if h.size else 0 for h in held]
        stop = [int(h[-1]) + 1 if h.size else 1 for h in held]
        box = np.s_[start[0] : stop[0], start[1] : stop[1], :]
        affine = body.parts.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ (np.array([*start, 0.0]) - 1)
        padded, teaching = _bordered(materials[box], target[box], ignore)
        return cls(
            body.name,
            body.source,
            body.age_years,
            torch.from_numpy(padded),
            torch.from_numpy(teaching),
            affine,
            _spots(padded),
            tuple(h + 1 for h in _landmark_heights(body)),
            _boxes(padded != CODE["air"]),
        )

    def to(self, device: torch.device) -> PreparedBody:
        """The same body on a device."""
        return replace(self, materials=self.materials.to(device), classes=self.classes.to(device))

    def spots_near(self, height: float, reach_mm: float) -> NDArray[np.uint8]:
        """Materials at random points at most so far above or below a height k; of the whole body if few are."""
        near = np.abs(self.spots[:, 1] - height) * self.spacing_mm[2] < reach_mm
        return self.spots[near if near.sum() > 200 else slice(None), 0].astype(np.uint8)

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Voxel edges, (3,), in mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def position(self, height: NDArray[np.float64]) -> NDArray[np.float32]:
        """Where along the body slices lie, 0 (iliac crest) to 1 (sole), from heights k in voxels."""
        return np.interp(-height, [-h for h in self.heights], LANDMARKS).astype(np.float32)

    def heights_of(self, positions: tuple[float, float]) -> tuple[float, float]:
        """Lowest and highest index k between two positions that this body holds.

        Raises
        ------
        UsageError
            If it holds none of them.
        """
        low, high = self._reach(positions)
        if not self.holds(positions):
            raise UsageError(f"{self.name} holds nothing between {positions[0]} and {positions[1]} along the body.")
        return low, high

    def holds(self, positions: tuple[float, float]) -> bool:
        """Whether more than two slices of this body lie between two positions."""
        low, high = self._reach(positions)
        return high - low > 2

    def _reach(self, positions: tuple[float, float]) -> tuple[float, float]:
        top, bottom = np.interp(positions, LANDMARKS, self.heights)
        return max(2.0, float(bottom)), min(self.materials.shape[2] - 3.0, float(top))


def _bordered(
    materials: NDArray[np.uint8], target: NDArray[np.uint8], ignore: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    sides, ends = ((1, 1), (1, 1), (0, 0)), ((0, 0), (0, 0), (1, 1))
    materials = np.pad(np.pad(materials, sides), ends, mode="edge")
    target = np.pad(np.pad(target, sides), ends)
    for end in (0, -1):
        target[:, :, end] = np.where(materials[:, :, end] == CODE["air"], 0, ignore)
    return materials, target


def _boxes(held: NDArray[np.bool_]) -> NDArray[np.float32]:
    edges = []
    for axis, n in ((1, held.shape[0]), (0, held.shape[1])):
        line = np.asarray(held.any(axis=axis))  # (i or j, k)
        some = line.any(axis=0)
        edges.append(np.where(some, line.argmax(axis=0), 0))
        edges.append(np.where(some, n - 1 - line[::-1].argmax(axis=0), n - 1))
    return np.stack(edges, axis=1).astype(np.float32)


def _spots(materials: NDArray[np.uint8]) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    at = rng.integers(0, materials.shape, size=(SPOTS, 3))
    return np.stack([materials[tuple(at.T)], at[:, 2]], axis=1).astype(np.float32)


def _landmark_heights(body: Body) -> list[float]:
    """Indices k of the landmarks, from the labels; what is out of view is placed by usual proportions."""
    parts, step = body.parts.array, body.parts.spacing_mm[2]
    last = parts.shape[2] - 1

    def ends(bone: str) -> tuple[float, float] | None:
        k = np.flatnonzero((parts == CODE[bone]).any(axis=(0, 1)))
        return (float(k[0]), float(k[-1])) if k.size else None

    femur, tibia, pelvis = (ends(b) for b in ("femur", "tibia", "pelvis"))
    length = size_at(body.age_years) / step
    if femur is not None and femur[1] < last:
        hip = femur[1]
    elif pelvis is not None and pelvis[0] > 0:
        hip = pelvis[0] + 90 * length
    elif tibia is not None and tibia[1] < last:
        hip = tibia[1] + LENGTH_MM["femur"] * length
    else:
        hip = last + 0.2 * LENGTH_MM["femur"] * length
    if femur is not None and femur[0] > 0:
        knee = femur[0]
    else:
        knee = tibia[1] if tibia is not None and tibia[1] < last else hip - LENGTH_MM["femur"] * length
    ankle = tibia[0] if tibia is not None and tibia[0] > 0 else knee - LENGTH_MM["tibia"] * length
    crest = pelvis[1] if pelvis is not None and hip < pelvis[1] < last else hip + 130 * length
    return [max(crest, hip + 1), hip, knee, ankle, ankle - 80 * length]
