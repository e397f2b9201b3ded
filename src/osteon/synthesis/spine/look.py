"""How bright each tissue of a spine is in one scan: by a protocol of the scanner's, or at random."""

from __future__ import annotations

import zlib

import numpy as np

from osteon.errors import UsageError
from osteon.synthesis.contrast import SPINE_TISSUES, TISSUES, Contrast, tissue_signals, with_mixtures
from osteon.synthesis.scanner.look import DEPHASING_MS
from osteon.synthesis.scanner.protocol import PROTOCOLS, Settings, signal

RANDOM = "random"
CLINICAL: dict[str, Contrast] = {"t1": "t1", "t2": "t2"}
CONTRASTS = (*CLINICAL, *PROTOCOLS, RANDOM)
"""Contrasts of a spine: two of clinical spin echoes, the scanner's protocols, and any intensity for any tissue."""

USUAL_DEPHASING_MS = 80.0
VARIATION = 0.08
"""Standard deviation, relative, of relaxation times and proton densities between people."""


def look_seed(seed: int, contrast: str) -> tuple[int, int, int]:
    """Seed of what differs between two scans of one subject.

    Raises
    ------
    UsageError
        If there is no such contrast.
    """
    if contrast not in CONTRASTS:
        raise UsageError(f"There is no contrast named {contrast}. Known for a spine: {', '.join(CONTRASTS)}.")
    # the first two have kept their numbers; a name's checksum does not change when protocols are added
    number = list(CLINICAL).index(contrast) if contrast in CLINICAL else zlib.crc32(contrast.encode())
    return seed, 4, number


def spine_signals(contrast: str, marrow_fat: float, rng: np.random.Generator) -> dict[str, float]:
    """Signal of every tissue of the spine in one scan; negative where fat and water are opposed in phase.

    Parameters
    ----------
    contrast : str
        One of `CONTRASTS`.
    marrow_fat : float
        Share of yellow marrow, 0 to 1.
    rng : Generator
    """
    if contrast in CLINICAL:
        return tissue_signals(CLINICAL[contrast], marrow_fat, rng)
    signals = _random(rng) if contrast == RANDOM else _by_protocol(contrast, rng)
    return with_mixtures(signals, marrow_fat)


def _by_protocol(name: str, rng: np.random.Generator) -> dict[str, float]:
    """Water and fat of each tissue through the signal equations (`osteon.synthesis.scanner.protocol`)."""
    field = float(rng.choice((1.5, 3.0)))
    at = Settings.draw(PROTOCOLS[name], field, rng)
    tissues = [TISSUES[tissue] for tissue in SPINE_TISSUES]
    vary = np.exp(rng.normal(0, VARIATION, (3, len(tissues))))
    t1, t2 = np.array([tissue.times_ms(field) for tissue in tissues]).T * vary[:2]
    dephasing = np.array([DEPHASING_MS.get(tissue, USUAL_DEPHASING_MS) for tissue in SPINE_TISSUES]) * (1.5 / field)
    density = np.array([tissue.proton_density for tissue in tissues]) * vary[2]
    size = density * signal(at, t1, t2, dephasing)
    if at.sequence in ("spoiled", "balanced"):
        # blood flows in fresh in gradient echoes: bright, more or less
        for vessel in ("flow", "vein"):
            size[SPINE_TISSUES.index(vessel)] = rng.uniform(0.3, 1.6) * size[SPINE_TISSUES.index("muscle")]
    share = np.array([tissue.fat_fraction for tissue in tissues])
    pure = np.where(share > 0.5, size[SPINE_TISSUES.index("muscle")], size), size[SPINE_TISSUES.index("fat")]
    # the times of a tissue are those of its larger part
    fat = np.where(share > 0.5, size, pure[1]) * share
    total = at.water * pure[0] * (1 - share) + at.fat * fat
    return dict(zip(SPINE_TISSUES, (float(value) for value in total), strict=True))


def _random(rng: np.random.Generator) -> dict[str, float]:
    """Any intensity for any tissue (Billot et al. 2023, doi 10.1016/j.media.2023.102789); air and gas are dark."""
    signals = {name: float(rng.uniform(0.05, 1)) for name in SPINE_TISSUES}
    signals["air"], signals["gas"] = float(rng.uniform(0, 0.04)), float(rng.uniform(0, 0.1))
    if rng.random() < 0.65:
        signals["cortex"] = float(rng.uniform(0, 0.2))
    # a body's marrow is of one kind, more or less
    signals["yellow-marrow"] = float(np.clip(signals["red-marrow"] + rng.normal(0, 0.12), 0.02, 1.1))
    nearest = min(abs(signals[name] - signals["red-marrow"]) for name in ("cortex", "annulus"))
    if nearest < 0.1:
        # a body that looks like its rim and its discs cannot be seen by anyone
        signals["cortex"] = signals["red-marrow"] * float(rng.uniform(0, 0.5))
    return signals
