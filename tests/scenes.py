"""Small scans with labels that several tests draw or measure."""

from __future__ import annotations

import numpy as np

from osteon.anatomy import Task
from osteon.volume import LabelMap, Volume


def spine() -> tuple[Volume, LabelMap]:
    """Three boxes, one above the other, in a noisy sagittal stack of 4 mm slices."""
    random = np.random.default_rng(3)
    labels = np.zeros((60, 80, 9), dtype=np.int16)
    for at, value in enumerate((1, 2, 3)):
        labels[20:38, 54 - 22 * at : 70 - 22 * at, 2:7] = value
    affine = np.array([[0, 0, 4.0, -16], [-1.0, 0, 0, 30], [0, -1.0, 0, 40], [0, 0, 0, 1]])
    scan = random.normal(100, 8, labels.shape).astype(np.float32) + 60 * (labels > 0)
    return Volume(scan, affine), LabelMap(labels, affine, task=Task.load("lumbar-spine"))


def rotation(axis: int, degrees: float) -> np.ndarray:
    """A 3 x 3 rotation about one axis."""
    a, b = [n for n in range(3) if n != axis]
    turn = np.eye(3)
    angle = np.radians(degrees)
    turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
    return turn
