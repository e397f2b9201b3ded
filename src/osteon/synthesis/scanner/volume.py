"""scan_of: a whole scan of a body on a grid of its own, with exact labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from osteon.synthesis.body import Body
from osteon.synthesis.parts import CODE
from osteon.synthesis.scanner.acquisition import COIL_KNOTS, Acquisition
from osteon.synthesis.scanner.cutting import cut
from osteon.synthesis.scanner.fields import UNIT, Float32, stacked
from osteon.synthesis.scanner.look import randomised, realistic
from osteon.synthesis.scanner.planes import Plane, through_slice
from osteon.synthesis.scanner.prepared import PreparedBody
from osteon.synthesis.scanner.protocol import Protocol
from osteon.synthesis.scanner.protocol import protocol as known_protocol
from osteon.synthesis.scanner.scan_geometry import ScanGeometry, extent, placed
from osteon.synthesis.scanner.settings import GeneratorSettings
from osteon.synthesis.scanner.signals import brightest_signal, signals, texture_knots
from osteon.synthesis.scanner.threads import one_thread
from osteon.volume import LabelMap, Volume

FloatArray = NDArray[np.float64]

SCAN = GeneratorSettings(deformation=False, noise=0.04, fourier_share=0.15, end_share=0.0, clip_share=0.0)
"""Settings of a scan: the body as it is, so that its truth holds, and faults that a clinic would accept."""

IGNORE = 255
"""Class of places beyond a body map that ends where the body goes on."""

SLAB = 8
"""Slices made at once, which bounds the memory."""


def scan_of(
    body: Body,
    protocol: str | Protocol = "t1-se",
    *,
    seed: int,
    geometry: ScanGeometry | None = None,
    settings: GeneratorSettings = SCAN,
) -> tuple[Volume, LabelMap]:
    """Scan a body.

    Parameters
    ----------
    body : Body
    protocol : str or Protocol
        A name in `PROTOCOLS`, one of the user's own, or ``random`` for random intensities.
    seed : int
        The place of the patient in the scanner, contrast, texture, faults, and deformation if ``settings`` have it.
    geometry : ScanGeometry, optional
    settings : GeneratorSettings
        Contrast and acquisition; what concerns single slices (regions, flips, one leg) is not used, nor is the share of
        pictures that fold over: labels do not fold.

    Returns
    -------
    scan : Volume
        uint16, axes along the rows, down the columns, across the slices.
    labels : LabelMap
        On the same grid; a voxel's label is that of its middle.

    Raises
    ------
    UsageError
        If the protocol is not known, or the body holds nothing of the span.
    """
    geometry = geometry or ScanGeometry()
    if protocol != "random":
        known_protocol(protocol)
    # one stream of random numbers per purpose, so that a change in one leaves the others as they were
    placing, anatomy, tissue, scanner = (np.random.default_rng((seed, purpose)) for purpose in range(4))
    structures = body.labels.task.structures
    prepared = PreparedBody.of(body, [s.name for s in structures], ignore=IGNORE)
    shape, first_mm = extent(prepared, geometry)
    planes = _planes(prepared, geometry, shape, first_mm, settings, anatomy)
    age = 35.0 if body.age_years is None else body.age_years
    look = randomised(settings, tissue) if protocol == "random" else realistic(protocol, age, settings, tissue)
    with one_thread():
        scan, classes = _pictures(prepared, planes, geometry, look, settings, (seed, scanner))
    values = np.array([0, *(s.value for s in structures)], dtype=np.uint16)
    labels = values[np.where(classes == IGNORE, 0, classes)]
    if values.max() < 256:
        labels = labels.astype(np.uint8)
    affine = placed(prepared, geometry, first_mm, placing)
    return Volume(scan, affine), LabelMap(labels, affine, task=body.labels.task)


def _pictures(
    body: PreparedBody,
    planes: list[Plane],
    geometry: ScanGeometry,
    look: Float32,
    settings: GeneratorSettings,
    chance: tuple[int, np.random.Generator],
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Pictures and classes along planes, slab by slab, as arrays (column, row, slice)."""
    seed, scanner = chance
    edge, step = geometry.spacing_mm
    shape = extent(body, geometry)[0]
    size, places, length_mm = (shape[1], shape[0]), np.linspace(0, 1, shape[2]), shape[2] * step
    acquisition = Acquisition.draw(
        settings.model_copy(update={"resolution_mm": (edge, 1.3 * edge), "wrap_share": 0.0}), size, edge, scanner
    )
    brightest = brightest_signal(body.spots_near(0, np.inf), look, acquisition.bias, scanner)
    coil = _through(COIL_KNOTS, length_mm / 100, places, scanner)
    fine = np.random.default_rng((seed, 4))
    counts = texture_knots((size[0] * edge, size[1] * edge), fine)
    texture = _through(counts, length_mm * counts[0] / (size[0] * edge), places, fine)
    gain = float(scanner.uniform(500, 2500))
    scan, classes = np.zeros(shape, dtype=np.uint16), np.zeros(shape, dtype=np.uint8)
    for start in range(0, shape[2], SLAB):
        slab = slice(start, start + SLAB)
        cuts = [cut(body, plane, size, edge) for plane in planes[slab]]
        found = torch.stack([c for _, c in cuts])
        # a body that goes on beyond its map is cut off there, as the labels are
        materials = torch.cat([m for m, _ in cuts]).masked_fill_((found == IGNORE)[:, None], CODE["air"])
        # the same random numbers for every slab: its tissues vary alike
        signal = signals(materials, look, settings.texture, texture[slab], np.random.default_rng((seed, 5)))
        taken = acquisition.taken(signal, coil[slab], brightest, scanner)
        scan[:, :, slab] = np.rint(taken.numpy() * gain).astype(np.uint16).transpose(2, 1, 0)
        classes[:, :, slab] = found.numpy().transpose(2, 1, 0)
    return scan, classes


def _planes(
    body: PreparedBody,
    geometry: ScanGeometry,
    shape: tuple[int, int, int],
    first: FloatArray,
    settings: GeneratorSettings,
    rng: np.random.Generator,
) -> list[Plane]:
    """One plane a slice; their displacements belong to one smooth field."""
    edge, step = geometry.spacing_mm
    matrix = np.diag(1 / (geometry.size * body.spacing_mm)) @ geometry.axes
    size_mm = np.array([shape[1] * edge, shape[0] * edge, shape[2] * step])
    counts = 4 + (size_mm / settings.knots_mm).astype(int)
    amount_mm = settings.deformation_mm * float(rng.uniform(0.3, 1.3)) if settings.deformation else 0.0
    knots = rng.standard_normal((counts[2], 3, counts[0], counts[1]), dtype=np.float32)
    # one axis more than a picture has smooths it once more
    knots *= (UNIT**1.5 * amount_mm / body.spacing_mm)[None, :, None, None].astype(np.float32)
    places = np.linspace(0, 1, shape[2])
    # places run from the middle of the first slice to that of the last
    apart_mm = max(1, shape[2] - 1) * step
    here, slope = stacked(knots, places), stacked(knots, places, derivative=True) / apart_mm
    middle = np.array([(shape[0] - 1) / 2 * edge, (shape[1] - 1) / 2 * edge, 0.0]) + first
    offsets = through_slice(step - geometry.gap_mm, edge, float(rng.uniform(0, 2 * np.pi)))[None]
    plane = Plane(matrix, np.zeros(3), np.zeros((2, 3, 4, 4), np.float32), offsets, [], False)
    return [
        replace(
            plane,
            origin=matrix @ (middle + np.array([0.0, 0.0, number * step])),
            knots=np.stack([here[number], slope[number]]).astype(np.float32),
        )
        for number in range(shape[2])
    ]


def _through(counts: tuple[int, int], cells: float, places: FloatArray, rng: np.random.Generator) -> Float32:
    """Knots of every slice from random knots in three dimensions, about standard normal: ``(slice, row, column)``."""
    knots = rng.standard_normal((4 + int(cells), *counts), dtype=np.float32)
    return np.asarray(np.sqrt(UNIT) * stacked(knots, places), dtype=np.float32)
