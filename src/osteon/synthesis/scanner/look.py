"""How bright each material is in one scan: water and fat signals, from a protocol or at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.synthesis.contrast import TISSUES
from osteon.synthesis.parts import BONES, CODE, PARTS
from osteon.synthesis.scanner.bone import LEVELS, SHELLS, shell_share
from osteon.synthesis.scanner.prepared import FIRST_BONE, bone_material
from osteon.synthesis.scanner.protocol import Protocol, Settings, signal
from osteon.synthesis.scanner.protocol import protocol as known_protocol
from osteon.synthesis.scanner.settings import GeneratorSettings

Table = NDArray[np.float32]

NAMES = tuple(TISSUES)
_DENSITY = np.array([t.proton_density for t in TISSUES.values()])
_FAT_SHARE = np.array([t.fat_fraction for t in TISSUES.values()])
_TIMES = {field: np.array([t.times_ms(field) for t in TISSUES.values()]).T for field in (1.5, 3.0)}

DEPHASING_MS = {"red-marrow": 16.0, "yellow-marrow": 22.0, "cortex": 3.0, "muscle": 60.0}
"""T2' at 1.5 T: trabeculae disturb the field in marrow, more so where they are dense. Others: 80 ms."""
_DEPHASING = np.array([DEPHASING_MS.get(name, 80.0) for name in NAMES])

# Fat fraction of adult marrow at the ends, in the flares and in the shaft. Conversion from red to yellow marrow runs
# from the hands and feet to the trunk, in each bone from the epiphyses and the shaft to the metaphyses: Vogler and
# Murphy 1988, doi 10.1148/radiology.168.3.3043546.
MARROW_FAT: dict[str, tuple[float, float, float]] = {
    "femur": (0.88, 0.68, 0.78),
    "tibia": (0.92, 0.86, 0.90),
    "fibula": (0.92, 0.86, 0.88),
    "pelvis": (0.52, 0.52, 0.52),
    "sacrum": (0.48, 0.48, 0.48),
    "spine": (0.40, 0.40, 0.40),
    "patella": (0.92, 0.92, 0.92),
    "foot-bone": (0.93, 0.93, 0.93),
}

_SHELL_SHARES = np.array([shell_share(level) for level in range(SHELLS)])
_CODES = [p.code for p in PARTS if p.tissue in TISSUES]
_TISSUES = [NAMES.index(p.tissue) for p in PARTS if p.tissue in TISSUES]
MUSCLES = tuple(p.code for p in PARTS if p.tissue == "muscle")
FATS = tuple(p.code for p in PARTS if p.tissue in ("fat", "visceral-fat"))


def marrow_fat(bone: str, zone: int, age_years: float) -> float:
    """Usual fat fraction of marrow; a child's shafts and flares are red for long, its epiphyses are not.

    An epiphysis is yellow within months of its ossification (Jaramillo et al. 1991, Radiology 180:809).
    """
    ripe = float(np.interp(age_years, (2, 8, 16, 25, 70), (0.3, 0.6, 0.85, 1.0, 1.1)))
    return min(MARROW_FAT[bone][zone] * (ripe if zone else max(1.0, ripe)), 0.95)


def realistic(protocol: str | Protocol, age_years: float, how: GeneratorSettings, rng: np.random.Generator) -> Table:
    """Water and fat signal of every material in one scan of a protocol.

    Parameters
    ----------
    protocol : str or Protocol
        Name in `PROTOCOLS`, or one of the user's own.
    age_years : float
        Decides about marrow.
    how : GeneratorSettings
    rng : Generator

    Returns
    -------
    (256, 2) float32 ndarray
        Signals of water and of fat; the picture is the size of their sum.
    """
    field = float(rng.choice((1.5, 3.0)))
    at = Settings.draw(known_protocol(protocol), field, rng)
    vary = np.exp(rng.normal(0, how.tissue_variation, (3, len(NAMES))))
    (t1, t2), density = _TIMES[field] * vary[:2], _DENSITY * vary[2]
    tissue = density * signal(at, t1, t2, _DEPHASING * (1.5 / field))
    if at.sequence in ("spoiled", "balanced"):
        # blood flows in fresh in gradient echoes: bright, more or less
        for name in ("flow", "vein"):
            tissue[NAMES.index(name)] = rng.uniform(0.3, 1.6) * tissue[NAMES.index("muscle")]
    pure_fat = tissue[NAMES.index("fat")]
    watery = tissue[NAMES.index("muscle")]
    mostly_fat = _FAT_SHARE > 0.5
    water = np.where(mostly_fat, watery, tissue) * (1 - _FAT_SHARE)
    fat = np.where(mostly_fat, tissue, pure_fat) * _FAT_SHARE
    both = np.stack([water, fat], axis=1)
    table = np.zeros((256, 2))
    infiltration = rng.uniform(0, 0.08) if rng.random() < 0.8 else rng.uniform(0.05, 0.4)
    table[_CODES] = both[_TISSUES]
    share = np.minimum(infiltration * rng.uniform(0.3, 1.7, (len(MUSCLES), 1)), 0.6)
    table[list(MUSCLES)] = (1 - share) * table[list(MUSCLES)] + share * both[NAMES.index("fat")]
    red, yellow = (tissue[NAMES.index(name)] for name in ("red-marrow", "yellow-marrow"))
    usual = np.array([[marrow_fat(bone, zone, age_years) for zone in range(3)] for bone in BONES])
    share = (usual + rng.normal(0, 0.12) + rng.normal(0, 0.02, usual.shape)).clip(0.03, 0.97)
    marrow = np.stack([red * (1 - share), yellow * share], axis=-1)  # (bone, zone, 2)
    _fill_bones(table, marrow, both[NAMES.index("cortex")], rng)
    return (table * [at.water, at.fat]).astype(np.float32)


def randomised(how: GeneratorSettings, rng: np.random.Generator) -> Table:
    """Random intensities of every material, as `realistic` returns them; fat has none of its own."""
    table = np.zeros((256, 2))
    tissues = {name: rng.uniform(0.05, 1) for name in (*NAMES, "marrow")}
    tie_muscles, tie_bones = rng.random(2) < how.tied
    spread = rng.uniform(0, 0.12)
    levels = np.array([tissues[part.tissue] for part in PARTS]) + rng.normal(0, spread / 3, len(PARTS))
    table[[part.code for part in PARTS], 0] = levels
    if not tie_muscles:
        table[list(MUSCLES), 0] = rng.uniform(0.05, 1, len(MUSCLES))
    table[:, 0] = table[:, 0].clip(0.02, 1.1)
    # air is dark in every scan, and so, mostly, are cortex and gas
    table[CODE["air"], 0] = rng.uniform(0, 0.04)
    table[CODE["gas"], 0] = rng.uniform(0, 0.1)
    cortex = rng.uniform(0, 0.2) if rng.random() < 0.65 else rng.uniform(0, 1)
    muscle = table[CODE["muscle"], 0]
    common = tissues["marrow"]
    if abs(common - muscle) + abs(cortex - muscle) < 0.2:
        # a bone that looks like muscle through and through cannot be seen by anyone
        common = (muscle + 0.5) % 1.0
    marrow = np.zeros((len(BONES), 3, 2))
    for number in range(len(BONES)):
        level = common + rng.normal(0, 0.03) if tie_bones else rng.uniform(0.05, 1)
        marrow[number, :, 0] = (level + rng.normal(0, spread, 3)).clip(0.02, 1.1)
    _fill_bones(table, marrow, np.array([cortex, 0.0]), rng)
    return table.astype(np.float32)


def _fill_bones(
    table: NDArray[np.float64], marrow: NDArray[np.float64], cortex: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Bones' rows of a table: cortex, more or less of it in this case, and the marrow (bone, zone, 2) below."""
    share = (_SHELL_SHARES + rng.normal(0, 0.25)).clip(0, 1)[:, None]
    for number, bone in enumerate(BONES):
        first = bone_material(bone, 0)
        table[first : first + SHELLS] = share * cortex + (1 - share) * marrow[number].mean(axis=0)
        table[first + SHELLS : first + LEVELS] = marrow[number]


def kinds() -> NDArray[np.uint8]:
    """Kind of texture of every material: 0 none (air), 1 muscle, 2 fat, 3 marrow, 4 anything else."""
    kind = np.full(256, 4, dtype=np.uint8)
    kind[CODE["air"]] = 0
    kind[list(MUSCLES)] = 1
    kind[list(FATS)] = 2
    kind[FIRST_BONE:] = 3
    return kind
