"""Spines and scans of all kinds, for training: every age, worn and broken parts, any contrast, many grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from osteon.anatomy import Task
from osteon.synthesis.scanner.protocol import PROTOCOLS
from osteon.synthesis.spine.look import RANDOM
from osteon.synthesis.spine.parameters import SpineParameters
from osteon.synthesis.spine.phantom import Phantom, paint_phantom
from osteon.synthesis.spine.vertebra import VertebraLabel

AGE_YEARS = (5.0, 85.0)
RANDOM_SHARE = 0.3
"""Share of scans whose tissues have random intensities; the others follow a protocol."""

IN_PLANE_MM = (0.6, 1.4)
THICKNESS_MM = (3.0, 5.0)
HEIGHT_MM = (230.0, 360.0)
"""Of the field of view; its depth is 0.75 to 1 of it."""

WIDTH_MM = (48.0, 84.0)
"""Across all slices."""


def make_varied_phantom(task: Task, *, seed: int, vertebra: VertebraLabel = "body") -> tuple[str, Phantom]:
    """Make a spine of any age and state, scanned in any contrast on any usual grid.

    Parameters
    ----------
    task, vertebra
        As for `osteon.synthesis.spine.make_phantom`.
    seed : int

    Returns
    -------
    contrast : str
        Which one was drawn.
    phantom : Phantom
    """
    rng = np.random.default_rng((seed, 5))
    # sizes change fast in childhood: half of the spines are of those under 25
    age = float(rng.uniform(AGE_YEARS[0], 25) if rng.random() < 0.35 else rng.uniform(25, AGE_YEARS[1]))
    parameters = worn(SpineParameters.draw(np.random.default_rng((seed, 0)), age), rng)
    contrast = RANDOM if rng.random() < RANDOM_SHARE else str(rng.choice(list(PROTOCOLS)))
    shape, spacing_mm = draw_grid(rng)
    phantom = paint_phantom(
        task, parameters, seed=seed, contrast=contrast, shape=shape, spacing_mm=spacing_mm, vertebra=vertebra
    )
    return contrast, phantom


def draw_grid(rng: np.random.Generator) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    """Shape (to posterior, to inferior, slices) and spacing in mm of a sagittal scan."""
    in_plane, thickness = float(rng.uniform(*IN_PLANE_MM)), float(rng.uniform(*THICKNESS_MM))
    height = float(rng.uniform(*HEIGHT_MM))
    depth = height * float(rng.uniform(0.75, 1.0))
    slices = max(9, round(float(rng.uniform(*WIDTH_MM)) / thickness))
    return (round(depth / in_plane), round(height / in_plane), slices), (in_plane, in_plane, thickness)


def worn(parameters: SpineParameters, rng: np.random.Generator) -> SpineParameters:
    """A spine with what patients have: broken vertebrae, collapsed and bulging discs, scoliosis, a narrow canal.

    How often is set by eye, more often than in patients, so that every cohort holds some of each.
    """
    old = float(np.clip((parameters.age_years - 30) / 50, 0, 1))
    bodies, discs = list(parameters.bodies), list(parameters.discs)
    for level, body in enumerate(bodies):
        if rng.random() < 0.02 + 0.06 * old:
            # a compression fracture lowers the front most: the endplates close forwards
            lost = float(rng.uniform(0.15, 0.4))
            wedge = body.wedge_degrees - float(rng.uniform(0, 12))
            bodies[level] = replace(body, height_mm=body.height_mm * (1 - lost), wedge_degrees=wedge)
        elif rng.random() < 0.15:
            bodies[level] = replace(body, endplate_concavity_mm=body.endplate_concavity_mm * float(rng.uniform(1, 2.2)))
    for level, disc in enumerate(discs):
        if rng.random() < 0.04 + 0.2 * old:
            height = disc.height_mm * float(rng.uniform(0.45, 0.8))
            bulge = disc.bulge_mm + float(rng.uniform(0, 2.5)) * parameters.scale
            discs[level] = replace(disc, height_mm=height, bulge_mm=bulge, health=0.3 * disc.health)
    curved = float(rng.uniform(3, 9)) if rng.random() < 0.2 else parameters.scoliosis_degrees
    narrow = float(rng.uniform(0.65, 0.9)) if rng.random() < 0.15 + 0.3 * old else 1.0
    return replace(
        parameters,
        bodies=tuple(bodies),
        discs=tuple(discs),
        scoliosis_degrees=curved,
        canal_depth_mm=parameters.canal_depth_mm * narrow,
    )
