"""Tissues with the relaxation times of the literature, and the spin-echo signals of the spine's phantoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Contrast = Literal["t1", "t2"]


@dataclass(frozen=True)
class Tissue:
    """What a tissue brings to an MR signal.

    Parameters
    ----------
    proton_density : float
        Against water.
    t1_ms, t2_ms : float
        At 1.5 T.
    t1_3t_ms, t2_3t_ms : float, optional
        At 3 T; 1.2 and 0.95 times those at 1.5 T where they are not given.
    fat_fraction : float
        Share of the signal that is fat's. The times are those of the larger part.
    """

    proton_density: float
    t1_ms: float
    t2_ms: float
    t1_3t_ms: float | None = None
    t2_3t_ms: float | None = None
    fat_fraction: float = 0.0

    def times_ms(self, field_tesla: float) -> tuple[float, float]:
        """T1 and T2 at 1.5 or 3 T."""
        if field_tesla < 2:
            return self.t1_ms, self.t2_ms
        return self.t1_3t_ms or 1.2 * self.t1_ms, self.t2_3t_ms or 0.95 * self.t2_ms


# B: de Bazelaire et al. 2004, doi 10.1148/radiol.2303021331. S: Stanisz et al. 2005, doi 10.1002/mrm.20605.
# G: Gold et al. 2004, doi 10.2214/ajr.183.2.1830343. Fast spin echo keeps fat bright (J coupling is undone), as G's
# T2 of fat has it. What bears no letter was set by eye to the look of clinical scans.
TISSUES: dict[str, Tissue] = {
    "air": Tissue(0.0, 1000, 10),
    "gas": Tissue(0.02, 1000, 10),
    "cortex": Tissue(0.12, 500, 12),
    "ligament": Tissue(0.35, 700, 20, fat_fraction=0.03),
    "skin": Tissue(0.6, 500, 40, fat_fraction=0.1),
    "fat": Tissue(0.95, 288, 165, 371, 133, fat_fraction=0.95),  # G
    "visceral-fat": Tissue(0.85, 300, 120, 382, 110, fat_fraction=0.85),
    "red-marrow": Tissue(0.68, 750, 64),  # B has 549 and 49 for marrow as a whole
    "yellow-marrow": Tissue(0.85, 320, 125, 365, 133, fat_fraction=0.9),  # G: 288 and 165; 3 T G
    "muscle": Tissue(0.85, 930, 40, 1412, 38, fat_fraction=0.03),  # between B (856) and S (1008); 3 T: S, T2 S to G
    "csf": Tissue(1.0, 4200, 1800),
    "nerve": Tissue(0.85, 745, 78, 993, 78, fat_fraction=0.1),  # S, spinal cord
    "annulus": Tissue(0.6, 900, 38),
    "nucleus": Tissue(0.95, 1300, 125),
    "flow": Tissue(0.06, 1441, 290, 1932, 275),  # S: blood; most of it leaves the slice between pulse and echo
    "vein": Tissue(0.8, 1441, 120, 1932, 100),
    "liver": Tissue(0.8, 586, 52, 809, 34),  # B
    "bowel": Tissue(0.8, 900, 62),
    "urine": Tissue(1.0, 3500, 1500),
    "cartilage": Tissue(0.75, 1066, 42, 1240, 37),  # G
    # cartilage of children holds more water, and its T2 is longer
    "epiphyseal-cartilage": Tissue(0.8, 1150, 55, 1350, 48),
    "growth-plate": Tissue(0.85, 1150, 65, 1350, 57),
}

SPINE_TISSUES = tuple(TISSUES)[: tuple(TISSUES).index("urine") + 1]
"""Tissues of `tissue_signals`. Each draws random numbers there: a tissue more would change every spine phantom."""

TEXTURE: dict[str, tuple[float, float]] = {
    "fat": (0.03, 0.05),
    "visceral-fat": (0.08, 0.13),
    "marrow": (0.07, 0.06),
    "muscle": (0.10, 0.14),
    "liver": (0.05, 0.05),
    "bowel": (0.08, 0.20),
    "csf": (0.02, 0.03),
    "interspinous": (0.12, 0.22),
    "sacral-marrow": (0.08, 0.08),
}
"""Relative variation of a tissue's signal: fine (about 1 mm) and coarse (about 4 mm). The same for every contrast."""

ECHO_MS: dict[Contrast, tuple[float, float]] = {"t1": (560.0, 11.0), "t2": (3600.0, 100.0)}
"""Repetition and echo time of each contrast."""


def spin_echo(tissue: Tissue, repetition_ms: float, echo_ms: float) -> float:
    """Signal of a spin echo, ``PD (1 - exp(-TR/T1)) exp(-TE/T2)``."""
    recovery = 1 - np.exp(-repetition_ms / tissue.t1_ms)
    return float(tissue.proton_density * recovery * np.exp(-echo_ms / tissue.t2_ms))


def tissue_signals(contrast: Contrast, marrow_fat: float, rng: np.random.Generator) -> dict[str, float]:
    """Signal of every tissue of the spine in one scan.

    Parameters
    ----------
    contrast : "t1" or "t2"
    marrow_fat : float
        Share of yellow marrow, 0 to 1.
    rng : Generator
        Varies relaxation times by 5 % and the sequence's times by 10 %, as subjects and protocols do.
    """
    repetition, echo = (t * float(rng.uniform(0.9, 1.1)) for t in ECHO_MS[contrast])
    signals = {}
    for name in SPINE_TISSUES:
        tissue = TISSUES[name]
        vary = rng.normal(1.0, 0.05, size=2).clip(0.87, 1.13)
        varied = Tissue(tissue.proton_density, tissue.t1_ms * float(vary[0]), tissue.t2_ms * float(vary[1]))
        signals[name] = spin_echo(varied, repetition, echo)
    return with_mixtures(signals, marrow_fat)


def with_mixtures(signals: dict[str, float], marrow_fat: float) -> dict[str, float]:
    """Signals of tissues, and of those of the spine that are mixtures of two of them.

    Parameters
    ----------
    signals : dict of str to float
        Of every one of `SPINE_TISSUES`.
    marrow_fat : float
        Share of yellow marrow, 0 to 1.
    """
    signals = dict(signals)

    def mix(first: str, second: str, share: float) -> float:
        return (1 - share) * signals[first] + share * signals[second]

    signals["marrow"] = mix("red-marrow", "yellow-marrow", marrow_fat)
    signals["sacral-marrow"] = mix("red-marrow", "yellow-marrow", min(1.0, marrow_fat + 0.12))
    signals["interspinous"] = mix("muscle", "fat", 0.45)
    signals["cleft"] = mix("nucleus", "annulus", 0.45)
    signals["basivertebral-vein"] = mix("vein", "fat", 0.15)
    signals["roots"] = mix("nerve", "csf", 0.35)
    return signals
