"""Which part of a body a structure is, from the name that its file or label carries."""

from __future__ import annotations

from fnmatch import fnmatchcase

from osteon.errors import TaskError
from osteon.synthesis.parts import CODE

PATTERNS: tuple[tuple[str, str], ...] = (
    ("*cartilage*", "cartilage"),
    ("*menisc*", "meniscus"),
    ("*biceps_femoris*", "hamstrings"),  # before the femur, whose name it carries
    ("*rectus_femoris*", "quadriceps"),
    ("*quadrat*_femoris*", "hip-rotators"),
    ("*quadratus_lumborum*", "trunk-muscle"),
    ("*semi*mem*", "hamstrings"),
    ("*semi*tend*", "hamstrings"),
    ("*vast*", "quadriceps"),
    ("*adductor*", "adductors"),
    ("*gracilis*", "adductors"),
    ("*pectineus*", "adductors"),
    ("*glut*", "gluteals"),
    ("*il*iac*", "hip-flexors"),
    ("*psoas*", "hip-flexors"),
    ("*sartorius*", "hip-flexors"),
    ("*tensor_fascia*", "hip-flexors"),
    ("*obturator*", "hip-rotators"),
    ("*gemell*", "hip-rotators"),
    ("*piriformis*", "hip-rotators"),
    ("*gastrocnemius*", "calf"),
    ("*soleus*", "calf"),
    ("*plantaris*", "calf"),
    ("*popliteus*", "calf"),
    ("*extensor_*", "anterior-leg"),
    ("*tibialis_anterior*", "anterior-leg"),
    ("*peroneus*", "lateral-leg"),
    ("*flexor_*", "deep-posterior-leg"),
    ("*tibialis_posterior*", "deep-posterior-leg"),
    ("*erector*", "trunk-muscle"),
    ("*abdominis*", "trunk-muscle"),
    ("*oblique*", "trunk-muscle"),
    ("*latissimus*", "trunk-muscle"),
    ("*femur*", "femur"),
    ("*tibia*", "tibia"),
    ("*fibula*", "fibula"),
    ("*pelvis*", "pelvis"),
    ("*sacrum*", "sacrum"),
    ("*coccyx*", "sacrum"),
    ("*spine*", "spine"),
    ("*patella*", "patella"),
    ("*muscle*", "muscle"),
    ("*bone*", "foot-bone"),  # tarsals, metatarsals and phalanges, once the long bones are named
)
"""The first pattern that fits decides; spelled so that the slips of the files at hand fit too."""


def part_of(name: str) -> int:
    """Code of the part that a structure's name stands for.

    Parameters
    ----------
    name : str
        Lower case words joined by underscores, such as ``vhf_left_muscle_soleus``.

    Raises
    ------
    TaskError
        If no pattern fits.
    """
    for pattern, part in PATTERNS:
        if fnmatchcase(name.lower(), pattern):
            return CODE[part]
    raise TaskError(f"The structure {name} is no part of the leg that is known here. Name it after a bone or a muscle.")
