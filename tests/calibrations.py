"""Evidence and calibrations made by hand, for tests of confidence."""

from __future__ import annotations

import numpy as np

from osteon.confidence import Calibration, Evidence
from osteon.confidence.cues import CUES, NAMES
from osteon.confidence.fitting import KnownScan

GROUPS = ("femur", "fibula")


def evidence(structure: str, unsure: float, **numbers: float) -> Evidence:
    """Evidence that is calm in every way but how unsure the network is, and what ``numbers`` say."""
    calm = {cue.number: 0.05 for cue in CUES.values()}
    calm |= {"soft_dice": 1 - unsure, "cut": 0.0, "slender": -5.0, "volume_cm3": 100.0}
    return Evidence(structure, structure.rsplit("-", 1)[0], calm | numbers)


def known_scans(count: int, seed: int) -> list[KnownScan]:
    """Scans whose Dice follows from how unsure the network is, differently for each bone, with some chance."""
    rng = np.random.default_rng(seed)
    scans = []
    for number in range(count):
        level = rng.uniform(0.02, 0.45)
        found, dice = [], {}
        for group in GROUPS:
            for side in ("right", "left"):
                name = f"{group}-{side}"
                unsure = float(np.clip(level * rng.uniform(0.7, 1.3), 0.005, 0.6))
                true = 1 - (1.3 if group == "fibula" else 0.9) * unsure + rng.normal(0, 0.01)
                found.append(evidence(name, unsure, outline=unsure / 2 * float(rng.uniform(0.5, 1.5))))
                dice[name] = float(np.clip(true, 0, 1))
        scans.append(KnownScan(f"body-{number % 12}", tuple(found), dice, {"tibia-left": 0.1}, frozenset()))
    return scans


def by_hand(weights_sha256: str = "", *, groups: tuple[str, ...] = GROUPS, look_below: float = 0.8) -> Calibration:
    """A calibration that expects a Dice of 1 where the network is sure, 0.5 where it is as unsure as can be."""
    nothing = dict.fromkeys(NAMES, 0.0)
    low, high = np.log(0.01), np.log(1.01)
    return Calibration(
        weights_sha256=weights_sha256,
        level=0.8,
        look_below=look_below,
        missing_cm3=5.0,
        centres=nothing,
        spreads=dict.fromkeys(NAMES, 1.0),
        weights=nothing | {"unsure": -1.0},
        intercepts=dict.fromkeys(groups, 0.0),
        usual={},
        limits={group: {"unsure": float(np.log(0.1)), "outline": float(np.log(0.1))} for group in groups},
        scores=(-float(high), -float(low)),
        dice=(0.5, 1.0),
    )
