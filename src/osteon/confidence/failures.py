"""Scans on which a model fails by degrees: what confidence is calibrated on, and tested with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.synthesis import Body
from osteon.synthesis.scanner import PROTOCOLS, GeneratorSettings, PreparedBody, ScanGeometry, scan_of
from osteon.synthesis.scanner.volume import SCAN
from osteon.volume import LabelMap, Volume

KINDS = {"clean": 0.35, "poor": 0.45, "broken": 0.2}
"""Shares of scans as a clinic would accept them, of poor ones, and of ones in which something is wrong."""

PLANES = {"axial": 0.65, "coronal": 0.25, "sagittal": 0.1}

Fault = Callable[[NDArray[np.float32], tuple[float, float, float], np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class HardScan:
    """A scan of known truth.

    Parameters
    ----------
    scan : Volume
    truth : LabelMap
    kind : str
        One of `KINDS`.
    what : str
        Contrast, and the fault of a broken scan.
    """

    scan: Volume
    truth: LabelMap
    kind: str
    what: str


def hard_scan(body: Body, seed: int) -> HardScan:
    """Scan a body, well or badly: contrast, plane, grid, field of view, noise, shading and faults are drawn.

    Parameters
    ----------
    body : Body
    seed : int

    Returns
    -------
    HardScan
        In a broken scan the truth lies where the scan shows the bones.
    """
    rng = np.random.default_rng((seed, 77))
    kind = _drawn(KINDS, rng)
    hardness = {"clean": 0.0, "poor": float(rng.uniform(0.1, 1)), "broken": 0.1}[kind]
    protocol = str(rng.choice([*PROTOCOLS, "random"]))
    prepared = PreparedBody.of(body, [s.name for s in body.labels.task.structures], ignore=0)
    geometry = _geometry(hardness, rng)
    while not prepared.holds(geometry.span):  # a body of CT ends at the knees
        geometry = _geometry(hardness, rng)
    scan, truth = scan_of(body, protocol, seed=seed, geometry=geometry, settings=_settings(hardness))
    if kind != "broken":
        return HardScan(scan, truth, kind, protocol)
    fault = str(rng.choice(list(FAULTS)))
    array = FAULTS[fault](scan.array.astype(np.float32), scan.spacing_mm, rng)
    return HardScan(replace(scan, array=np.rint(array).astype(np.uint16)), truth, kind, f"{protocol}, {fault}")


def _drawn(shares: dict[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _geometry(hardness: float, rng: np.random.Generator) -> ScanGeometry:
    """Coarser and more oblique with hardness; the whole of the legs, or a part of them."""
    plane: Any = _drawn(PLANES, rng)
    whole = plane == "axial" and rng.random() < 0.25
    length = 1.0 if whole else float(rng.uniform(0.25, 0.35 if plane != "axial" else 0.6))
    begin = float(rng.uniform(0, 1 - length))
    # the network sees a slice for every row of a coronal picture, so its pixels are larger to spare time
    pixel = (1.7 if plane == "axial" else 3.0) + float(rng.uniform(0, 0.6 + 1.8 * hardness))
    step = float(rng.uniform(6, 9 + 3 * hardness))
    turned = rng.normal(0, 2 + 8 * hardness, 3)
    return ScanGeometry(
        plane,
        (pixel, step),
        gap_mm=float(rng.uniform(0, 0.3)) * step,
        rotation_degrees=(float(turned[0]), float(turned[1]), float(turned[2])),
        span=(begin, begin + length),
        size=float(rng.uniform(0.9, 1.05) - 0.35 * hardness * rng.random()),
    )


def _settings(hardness: float) -> GeneratorSettings:
    """Settings of a scan, from a clinic's (0) to what hardly anybody would keep (1)."""
    if hardness == 0:
        return SCAN
    return SCAN.model_copy(
        update={
            "noise": 0.04 + 0.35 * hardness**2,
            "bias": 0.35 + 1.0 * hardness,
            "texture": 1.0 + 2.0 * hardness,
            "tissue_variation": 0.08 + 0.2 * hardness,
            "chemical_shift_mm": 2.5 + 4 * hardness,
            "fourier_share": 0.15 + 0.6 * hardness,
            "clip_share": 0.4 * hardness,
            "masked_share": 0.3,
            "deformation": True,
            "deformation_mm": 3.0 + 7 * hardness,
        }
    )


def _inverted(array: NDArray[np.float32], spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Any:
    """Dark tissue bright and bright tissue dark, air as it was."""
    top = float(np.percentile(array, 99.5))
    return np.where(array > 0.06 * top, np.maximum(1.05 * top - array, 0), array)


def _lost_slices(array: NDArray[np.float32], spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Any:
    """A run of slices without signal."""
    count = array.shape[2]
    lost = max(1, int(count * rng.uniform(0.1, 0.4)))
    first = int(rng.integers(0, count - lost + 1))
    array[:, :, first : first + lost] *= np.float32(rng.uniform(0, 0.1))
    return array


def _blurred(array: NDArray[np.float32], spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Any:
    """The patient moved."""
    reach_mm = float(rng.uniform(2.5, 7))
    return ndimage.gaussian_filter(array, [reach_mm / s for s in spacing_mm[:2]] + [0])


def _shadow(array: NDArray[np.float32], spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Any:
    """Signal is lost about one place, as near metal."""
    radius_mm = float(rng.uniform(50, 130))
    middle = [rng.uniform(0.25, 0.75) * n for n in array.shape]
    axes = np.ogrid[tuple(slice(n) for n in array.shape)]
    from_middle = sum(((x - m) * s) ** 2 for x, m, s in zip(axes, middle, spacing_mm, strict=True))
    return array * (1 - np.exp(-from_middle / (2 * (radius_mm / 2) ** 2))).astype(np.float32)


def _drowned(array: NDArray[np.float32], spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Any:
    """Noise as strong as the signal."""
    top = float(np.percentile(array, 99.5)) * float(rng.uniform(0.15, 0.6))
    first, second = (top * rng.standard_normal(array.shape, dtype=np.float32) for _ in range(2))
    return np.hypot(array + first, second)


def _ghosted(array: NDArray[np.float32], spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Any:
    """The body appears a second time, moved across the picture."""
    axis = int(rng.integers(2))
    moved = np.roll(array, int(array.shape[axis] * rng.uniform(0.2, 0.5)), axis)
    return array + np.float32(rng.uniform(0.4, 1.0)) * moved


FAULTS: dict[str, Fault] = {
    "inverted": _inverted,
    "lost slices": _lost_slices,
    "blurred": _blurred,
    "shadow": _shadow,
    "drowned": _drowned,
    "ghosted": _ghosted,
}
"""What may be wrong with a scan, by name."""
