"""Protocols: pulse sequences with the ranges of their times, and the signal equations of water and fat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from osteon.errors import UsageError

Sequence = Literal["spin-echo", "inversion", "spoiled", "balanced"]
Range = tuple[float, float]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Protocol:
    """A clinical sequence; each scan draws its times from the ranges.

    Parameters
    ----------
    sequence : "spin-echo", "inversion" (recovery before a spin echo), "spoiled" (gradient echo) or "balanced" (SSFP)
    repetition_ms, echo_ms : (2,) tuple of float
    flip_degrees : (2,) tuple of float
        Of gradient echoes.
    inversion_ms : (2,) tuple of float
        At 1.5 T; longer at 3 T as the T1 of fat is. It is nulled at ln 2 of its T1 (200 ms of the table's 288; scanners
        are set shorter, since the T1 of fat was measured from 230 ms up).
    water, fat : (2,) tuple of float
        Weight and sign of either in the picture: fat at -1 is opposed in phase, near 0 it is suppressed.
    """

    sequence: Sequence
    repetition_ms: Range
    echo_ms: Range
    flip_degrees: Range = (90.0, 90.0)
    inversion_ms: Range = (185.0, 212.0)
    water: Range = (1.0, 1.0)
    fat: Range = (1.0, 1.0)


PROTOCOLS: dict[str, Protocol] = {
    "t1-se": Protocol("spin-echo", (450, 750), (8, 18)),
    "t2-se": Protocol("spin-echo", (3000, 5500), (70, 110)),
    "pd-fs": Protocol("spin-echo", (2200, 4000), (25, 50), fat=(0.02, 0.2)),
    "stir": Protocol("inversion", (3500, 6000), (25, 60)),
    "t1-gre": Protocol("spoiled", (4, 12), (1.8, 4.6), (10, 25), fat=(0.6, 1.0)),
    "in-phase": Protocol("spoiled", (5, 150), (2.2, 4.8), (8, 60)),
    "opposed-phase": Protocol("spoiled", (4, 150), (1.1, 2.5), (3, 60), fat=(-1.0, -0.85)),
    "dixon-water": Protocol("spoiled", (4, 15), (1.1, 4.0), (3, 15), fat=(0.0, 0.06)),
    "dixon-fat": Protocol("spoiled", (4, 15), (1.1, 4.0), (3, 15), water=(0.0, 0.06)),
    "bssfp": Protocol("balanced", (3.2, 6.0), (1.5, 3.0), (25, 70), fat=(-1.0, 1.0)),
}
"""Protocols by name. At 1.5 T fat and water are opposed at 2.3 ms and in phase at 4.6 ms, at 3 T in half of that."""


def protocol(name: str | Protocol) -> Protocol:
    """One of `PROTOCOLS`; a protocol itself is returned as it is.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if isinstance(name, Protocol):
        return name
    if name not in PROTOCOLS:
        raise UsageError(f"There is no protocol named {name}. Known: {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


@dataclass(frozen=True)
class Settings:
    """What a scanner was set to for one scan, drawn from a `Protocol`; times in ms."""

    sequence: Sequence
    repetition_ms: float
    echo_ms: float
    flip_degrees: float
    inversion_ms: float
    water: float
    fat: float
    field_tesla: float

    @classmethod
    def draw(cls, of: Protocol, field_tesla: float, rng: np.random.Generator) -> Settings:
        """Draw each setting from its range: repetition time and flip angle evenly in their logarithm."""
        repetition = float(np.exp(rng.uniform(*np.log(of.repetition_ms))))
        echo = min(float(rng.uniform(*of.echo_ms)), 0.9 * repetition)
        inversion = float(rng.uniform(*of.inversion_ms)) * (371 / 288 if field_tesla > 2 else 1.0)
        # a short repetition goes with a small flip angle, near Ernst's
        flip = float(np.exp(rng.uniform(*np.log(of.flip_degrees))))
        if of.sequence == "spoiled":
            ernst = float(np.degrees(np.arccos(np.exp(-repetition / 600))))
            flip = float(np.clip(flip, 0.3 * ernst, 3.0 * ernst))
        return cls(
            of.sequence,
            repetition,
            echo,
            flip,
            inversion,
            float(rng.uniform(*of.water)),
            float(rng.uniform(*of.fat)),
            field_tesla,
        )


def signal(at: Settings, t1_ms: FloatArray, t2_ms: FloatArray, dephasing_ms: FloatArray) -> FloatArray:
    """Signal of unit proton density.

    Spin echo ``(1 - E1) exp(-TE/T2)``; after an inversion ``|1 - 2 exp(-TI/T1) + E1| exp(-TE/T2)``; spoiled gradient
    echo ``sin a (1 - E1) / (1 - cos a E1) exp(-TE/T2*)``; balanced SSFP
    ``sin a (1 - E1) / (1 - (E1 - E2) cos a - E1 E2) exp(-TE/T2)``, with ``E = exp(-TR/T)``
    (Bernstein, King and Zhou 2004, Handbook of MRI Pulse Sequences, chapters 14 and 16).

    Parameters
    ----------
    at : Settings
    t1_ms, t2_ms : (n,) ndarray
    dephasing_ms : (n,) ndarray
        T2' of the tissue's own field differences: ``1/T2* = 1/T2 + 1/T2'``.
    """
    e1, e2 = np.exp(-at.repetition_ms / t1_ms), np.exp(-at.repetition_ms / t2_ms)
    decay = np.exp(-at.echo_ms / t2_ms)
    angle = np.radians(at.flip_degrees)
    if at.sequence == "spin-echo":
        return np.asarray((1 - e1) * decay)
    if at.sequence == "inversion":
        return np.asarray(np.abs(1 - 2 * np.exp(-at.inversion_ms / t1_ms) + e1) * decay)
    if at.sequence == "spoiled":
        steady = np.sin(angle) * (1 - e1) / (1 - np.cos(angle) * e1)
        return np.asarray(steady * decay * np.exp(-at.echo_ms / dephasing_ms))
    return np.asarray(np.sin(angle) * (1 - e1) / (1 - (e1 - e2) * np.cos(angle) - e1 * e2) * decay)
