"""Phantoms of legs: a built-in body, scanned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteon.errors import UsageError
from osteon.synthesis.body import Body
from osteon.synthesis.legs import LegParameters, make_legs
from osteon.synthesis.scanner import ScanGeometry, scan_of
from osteon.synthesis.scanner.protocol import protocol as known_protocol
from osteon.volume import LabelMap, Volume

SPACING_MM = (1.5, 1.5, 2.0)
"""Of the body behind a phantom, finer than most scans."""


YOUNGEST_YEARS = 4.0
"""The growth tables behind the built-in legs begin here."""


@dataclass(frozen=True, eq=False)
class LegPhantom:
    """A made scan of both legs (uint16), its labels on the same grid, and the body with its known measurements."""

    scan: Volume
    labels: LabelMap
    body: Body


def draw_legs(
    seed: int, *, age_years: float | None = None, spacing_mm: tuple[float, float, float] = SPACING_MM
) -> Body:
    """Draw somebody's legs.

    Parameters
    ----------
    seed : int
        Another seed is another person.
    age_years : float, optional
        `YOUNGEST_YEARS` and up; drawn where it is not given, every second body a child.
    spacing_mm : (3,) tuple of float

    Raises
    ------
    UsageError
        If nobody of that age can be made.
    """
    if age_years is not None and age_years < YOUNGEST_YEARS:
        raise UsageError(f"Legs are made from {YOUNGEST_YEARS:.0f} years of age, not of {age_years:g} years.")
    parameters = LegParameters.draw(np.random.default_rng(seed), age_years=age_years)
    return make_legs(parameters, name=f"legs-{seed}", spacing_mm=spacing_mm, seed=seed)


def make_leg_phantom(
    *,
    seed: int,
    protocol: str = "t1-gre",
    age_years: float | None = None,
    geometry: ScanGeometry | None = None,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
) -> LegPhantom:
    """Make a scan of both legs from the iliac crests to the soles.

    The same seed and age are the same person in every protocol.

    Parameters
    ----------
    seed : int
    protocol : str
        One of `osteon.synthesis.scanner.PROTOCOLS`, or ``random``.
    age_years : float, optional
    geometry : ScanGeometry, optional
        Axial slices of 1.5 x 1.5 x 4 mm where it is not given.
    spacing_mm : (3,) tuple of float
        Of the body that is scanned.

    Raises
    ------
    UsageError
        If the protocol or the age is not known.
    """
    if protocol != "random":
        known_protocol(protocol)  # before a body is built for nothing
    body = draw_legs(seed, age_years=age_years, spacing_mm=spacing_mm)
    scan, labels = scan_of(body, protocol, seed=seed, geometry=geometry)
    return LegPhantom(scan, labels, body)
