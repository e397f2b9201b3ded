"""Where a slice and its neighbours lie in a body: place, turn, size, mirror image, smooth displacement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from osteon.synthesis.scanner.bone import size_at
from osteon.synthesis.scanner.fields import UNIT
from osteon.synthesis.scanner.prepared import PreparedBody
from osteon.synthesis.scanner.settings import GeneratorSettings

FloatArray = NDArray[np.float64]

SUBSLICES = 3
"""Points across a slice's thickness that are averaged; the middle one is also the place of the label."""

BASES = {
    "axial": np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]).T,
    "coronal": np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]).T,
    "sagittal": np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]).T,
}
"""Directions along a row, down a column, to the next slice (in columns), as `WORKING_ORIENTATION` of preprocessing."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A picture's place in a body.

    Parameters
    ----------
    matrix : (3, 3) ndarray
        Voxels of the body for each mm along a row, down a column and to the next slice.
    origin : (3,) ndarray
        Voxel at the middle of the picture.
    knots : (2, 3, g, g) float32 ndarray
        Displacement in voxels, and its change for each mm to the next slice (`osteon.synthesis.scanner.fields`).
    offsets_mm : (channel, SUBSLICES, 3) ndarray
        Along a row, down a column, to the next slice.
    window_mm : (4,) list of float
        What the scan shows: from and to along a row, from and to down a column, from the picture's middle.
    mirrored : bool
        Whether left and right of the body are exchanged.
    """

    matrix: FloatArray
    origin: FloatArray
    knots: NDArray[np.float32]
    offsets_mm: FloatArray
    window_mm: list[float]
    mirrored: bool


def draw_height(body: PreparedBody, span: tuple[float, float], rng: np.random.Generator) -> float:
    """Index k of a slice's middle, evenly between two positions along the body."""
    return float(rng.uniform(*body.heights_of(span)))


@dataclass(frozen=True)
class Patient:
    """Who is scanned, made from a body.

    Parameters
    ----------
    size : float
        Against the body's own.
    age_years : float
    zoom : float
        By how much finer than usual the pixels are in which a small patient is seen.
    """

    size: float
    age_years: float
    zoom: float


def draw_patient(body: PreparedBody, how: GeneratorSettings, rng: np.random.Generator) -> Patient:
    """Draw the size of a patient, the age that goes with it, and the pixels that show it."""
    size = float(np.exp(rng.normal(0, how.scaling)))
    against_adults = size_at(body.age_years)
    age_years = float(body.age_years or 0.0)
    if against_adults == 1:
        age_years = float(rng.uniform(18, 75))
        if rng.random() < how.child_share:
            against_adults = size = float(rng.uniform(how.child_size, 0.97))
            age_years = float(np.interp(size, (size_at(4), 1.0), (4.0, 18.0)))
    zoom = 1.0
    if against_adults < 1 and how.grown_share and rng.random() < how.grown_share:
        zoom = float(rng.uniform(1, 1 / against_adults))
    return Patient(size, age_years, zoom)


def draw_plane(
    body: PreparedBody,
    height: float,
    size: float,
    picture_mm: tuple[float, float],
    offsets_mm: FloatArray,
    how: GeneratorSettings,
    rng: np.random.Generator,
) -> Plane:
    """Draw the plane of an axial slice.

    Parameters
    ----------
    body : PreparedBody
    height : float
        Index k of the slice's middle.
    size : float
        Of the patient against the body.
    picture_mm : (2,) tuple of float
        Height and width of the picture.
    offsets_mm : (channel, SUBSLICES, 3) ndarray
        See `draw_offsets`.
    how : GeneratorSettings
    rng : Generator
    """
    tilt = rng.normal(0, how.tilt_degrees, 2)
    turn = Rotation.from_euler("xyz", [*tilt, rng.normal(0, how.rotation_degrees)], degrees=True).as_matrix()
    mirrored = bool(rng.random() < how.flip)
    stretch = size * np.exp(rng.normal(0, how.stretch, 3)) * np.array([-1.0 if mirrored else 1.0, 1.0, 1.0])
    matrix = np.diag(1 / (stretch * body.spacing_mm)) @ turn @ BASES["axial"]
    box = body.boxes[round(height)].astype(float)
    middle = np.array([box[:2].mean(), box[2:].mean(), height])
    half_width_mm = (box[1] - box[0]) / 2 * body.spacing_mm[0] * size
    reach = np.array([how.shift_mm, how.shift_mm, 0.0])
    window = [-picture_mm[1] / 2, picture_mm[1] / 2, -picture_mm[0] / 2, picture_mm[0] / 2]
    shift_mm = rng.uniform(-reach, reach)
    if rng.random() < how.one_leg:
        # the midline comes to lie at one edge of what is shown
        side = float(rng.choice((-1.0, 1.0)))
        shift_mm = shift_mm / 3 + np.array([side * half_width_mm / 2, 0.0, 0.0])
        edge = -shift_mm[0] + side * rng.uniform(-12, 12)
        window[0 if side > 0 else 1] = edge
    elif rng.random() < how.cut_share:
        edge = int(rng.integers(4))
        window[edge] *= rng.uniform(0.35, 0.8)
    origin = middle + matrix @ shift_mm
    return Plane(matrix, origin, _knots(body, picture_mm, how, rng), offsets_mm, window, mirrored)


def _knots(
    body: PreparedBody, picture_mm: tuple[float, float], how: GeneratorSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    counts = [4 + int(p / how.knots_mm) for p in picture_mm]
    knots = rng.standard_normal((2, 3, *counts), dtype=np.float32)
    amount_mm = how.deformation_mm * rng.uniform(0, 1.6) if how.deformation else 0.0
    # between slices the field changes as quickly as it does within them
    knots[1] *= 0.6 / how.knots_mm
    voxels = UNIT * amount_mm / body.spacing_mm
    knots *= voxels[None, :, None, None].astype(np.float32)
    return knots


def draw_offsets(
    channels: int, context_mm: float, spacing_mm: float, how: GeneratorSettings, rng: np.random.Generator
) -> FloatArray:
    """Places of all points that are averaged, from the thickness and distance of the scan's slices.

    Returns
    -------
    (channel, SUBSLICES, 3) ndarray
        mm along a row, down a column, to the next slice. The point in the middle of the middle slice is 0.
    """
    thickness = float(np.exp(rng.uniform(*np.log(how.thickness_mm))))
    step = thickness * (1 + rng.uniform(0.05, 0.6) * (rng.random() < how.gap_share))
    across = np.array([0.0, 0.0, thickness])
    if rng.random() < how.other_plane:
        # scanned in coronal or sagittal slices: thick down the columns or along the rows, fine across
        step = float(rng.uniform(0.6, 2.0))
        across = np.array([0.0, thickness, step] if rng.random() < 0.6 else [thickness, 0.0, step])
    apart = max(1, round(context_mm / step)) * step
    order = np.arange(channels) - channels // 2
    if rng.random() < how.end_share / 2:
        # at an end of the stack its last slice stands in for the missing neighbours
        order = order.clip(max=0) if rng.random() < 0.5 else order.clip(min=0)
    points = through_slice(across, spacing_mm, float(rng.uniform(0, 2 * np.pi)))
    return np.asarray(points[None] + (order * apart)[:, None, None] * np.array([0.0, 0.0, 1.0]))


def through_slice(across_mm: FloatArray | float, spacing_mm: float, angle: float) -> FloatArray:
    """Points that stand for one pixel of a thick slice: across its thickness, and apart within the pixel.

    Parameters
    ----------
    across_mm : float or (3,) ndarray
        Thickness, or the vector (along a row, down a column, to the next slice) through it.
    spacing_mm : float
        Of pixels.
    angle : float
        In the picture's plane, of the points within the pixel.

    Returns
    -------
    (SUBSLICES, 3) ndarray
        mm along a row, down a column, to the next slice; the middle one is 0, and so is their mean: the picture does
        not move against the labels, which are those of the middle.
    """
    towards = np.array([np.cos(angle), np.sin(angle), 0.0])
    within = spacing_mm / 3 * np.array([towards, np.zeros(3), -towards])
    across = across_mm * np.array([0.0, 0.0, 1.0]) if np.ndim(across_mm) == 0 else across_mm
    return np.asarray(np.array([-1, 0, 1])[:, None] / 3 * across + within)
