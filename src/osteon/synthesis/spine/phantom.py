"""make_phantom: a lumbar spine as MRI with exact labels, from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteon.anatomy import Task
from osteon.errors import TaskError, UsageError
from osteon.geometry import FloatArray, Grid
from osteon.synthesis.spine.acquisition import acquire
from osteon.synthesis.spine.canal import paint_canal
from osteon.synthesis.spine.canvas import Canvas
from osteon.synthesis.spine.chain import Chain, Frame
from osteon.synthesis.spine.look import look_seed, spine_signals
from osteon.synthesis.spine.parameters import SpineParameters
from osteon.synthesis.spine.trunk import Trunk, paint_beside_spine, paint_organs, paint_trunk
from osteon.synthesis.spine.vertebra import (
    VertebraLabel,
    paint_arches,
    paint_bodies,
    paint_discs,
    paint_sacrum,
)
from osteon.volume import LabelMap, Volume

SHAPE = (320, 320, 16)
SPACING_MM = (1.0, 1.0, 4.0)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A made scan (uint16), its labels on the same grid, and the anatomy they were made from."""

    scan: Volume
    labels: LabelMap
    parameters: SpineParameters


def make_phantom(
    task: Task,
    *,
    seed: int,
    contrast: str = "t2",
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    vertebra: VertebraLabel = "body",
    age_years: float | None = None,
) -> Phantom:
    """Make a lumbar spine as a sagittal MR scan with exact labels.

    The same seed gives the same anatomy on the same grid in all contrasts, as of one subject scanned twice.

    Parameters
    ----------
    task : Task
        Structures it names are labelled (``vertebra-L5`` and up, ``spinal-canal``, ``disc-L5-S1`` and up).
    seed : int
    contrast : str
        One of `osteon.synthesis.spine.look.CONTRASTS`.
    shape : (3,) tuple of int
        Voxels to posterior, to inferior, and slices to the patient's right.
    spacing_mm : (3,) tuple of float
    vertebra : "body" or "whole"
        Whether a vertebra's label has its arch. A vertebra whose middle is out of view carries no label.
    age_years : float, optional
        Children are smaller. Drawn between 20 and 70 where it is not given.

    Raises
    ------
    TaskError
        If the task names no structure of the spine.
    UsageError
        If the contrast, shape or spacing is impossible.
    """
    # one stream of random numbers per purpose, so that a change in one leaves the others as they were
    parameters = SpineParameters.draw(np.random.default_rng((seed, 0)), age_years)
    return paint_phantom(
        task, parameters, seed=seed, contrast=contrast, shape=shape, spacing_mm=spacing_mm, vertebra=vertebra
    )


def paint_phantom(
    task: Task,
    parameters: SpineParameters,
    *,
    seed: int,
    contrast: str,
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    vertebra: VertebraLabel = "body",
) -> Phantom:
    """Scan a spine of given measures; all else as for `make_phantom`."""
    values = {s.name: s.value for s in task.structures if s.name.startswith(("vertebra-", "disc-", "spinal-canal"))}
    if not values:
        raise TaskError(
            f"The task {task.name} names no vertebra, disc or spinal canal, and the phantom is a lumbar spine. "
            "Choose the task lumbar-spine or one with structures of its names."
        )
    scanner = np.random.default_rng(look_seed(seed, contrast))
    if min(shape) < 1 or not min(spacing_mm) > 0:
        raise UsageError(
            f"A phantom of shape {shape} and spacing {spacing_mm} mm is impossible; both must be positive."
        )
    placing, soft, texture = (np.random.default_rng((seed, purpose)) for purpose in range(1, 4))
    chain = Chain(parameters)
    grid = _grid(chain, shape, spacing_mm, placing)
    canvas = Canvas(grid, spine_signals(contrast, parameters.marrow_fat, scanner), texture)
    trunk = Trunk(chain)
    paint_trunk(canvas, chain, trunk)
    paint_organs(canvas, chain, trunk, soft)
    paint_beside_spine(canvas, chain)
    paint_arches(canvas, chain, values if vertebra == "whole" else {})
    paint_sacrum(canvas, chain)
    paint_discs(canvas, chain, values)
    paint_canal(canvas, chain, values.get("spinal-canal"), soft)
    paint_bodies(canvas, chain, values, soft)
    scan = acquire(canvas.thick_signal(), grid, _from_back(grid, trunk), scanner)
    affine = _placed(grid.affine, placing)
    return Phantom(Volume(scan, affine), LabelMap(canvas.thick_labels(), affine, task=task), parameters)


def _grid(
    chain: Chain, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], rng: np.random.Generator
) -> Grid:
    """Sagittal grid (axes to posterior, inferior, right), slightly oblique, with S1 in its lower third."""
    turn = rng.normal(0, 2.0, size=3).clip(-5, 5)
    axes = Frame.tilted(np.zeros(3), float(turn[0]), float(turn[1])).axes
    yaw = np.radians(turn[2])
    axes = axes @ np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    right, anterior, up = axes
    matrix = np.stack([-anterior, -up, right], axis=1) * np.array(spacing_mm)
    size = np.array(shape) * np.array(spacing_mm)
    jitter = rng.uniform(-1, 1, size=3) * np.array([0.02, 0.03, 0.3 / shape[2]])
    # where on the image the middle of L3's back wall comes to lie
    anchor = np.array([0.60, 0.74, (shape[2] // 2 + 0.5) / shape[2]]) + jitter
    level = chain.height_of(2.0)
    anchor[1] -= (level - chain.sacrum[0].origin[2]) / size[1]
    target = np.array([chain.middle_x.at(level), chain.back_wall_y.at(level), level])
    affine = np.eye(4)
    affine[:3, :3] = matrix
    affine[:3, 3] = target - matrix @ (anchor * np.array(shape) - 0.5)
    return Grid(shape, affine)


def _placed(affine: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The same grid about the scanner's isocentre: patients never lie with S1 at the origin of the world."""
    placed = affine.copy()
    placed[:3, 3] += np.array([0.0, -20.0, -90.0]) + rng.uniform(-15, 15, size=3)
    return placed


def _from_back(grid: Grid, trunk: Trunk) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    i, j, k = np.ogrid[tuple(slice(n) for n in grid.shape)]
    _, y, z = (row[0] * i + row[1] * j + row[2] * k + row[3] for row in grid.affine[:3])
    return np.asarray(y - trunk.back(z.astype(np.float32)), dtype=np.float32)
