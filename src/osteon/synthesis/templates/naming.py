"""Which part of a body a structure is, from the name that its file or label carries."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from osteon.errors import TaskError
from osteon.synthesis.parts import CODE

PATTERNS: tuple[tuple[str, str], ...] = (
    ("*cartilage*", "cartilage"),
    ("*_tendon[s_]*", "ligament"),  # the whole word: semitendinosus is a muscle, in any spelling
    ("*ligament*", "ligament"),
    ("*iliotibial*", "ligament"),
    ("*retinacul*", "ligament"),
    ("*menisc*", "meniscus"),
    ("*_nerve[s_]*", "nerve"),
    ("*_arter*", "vessel"),
    ("*_vein[s_]*", "vein"),
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
    ("*fascia*", "ligament"),
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
    ("*fibularis*", "lateral-leg"),
    ("*flexor_*", "deep-posterior-leg"),
    ("*tibialis_posterior*", "deep-posterior-leg"),
    ("*erector*", "trunk-muscle"),
    ("*abdominis*", "trunk-muscle"),
    ("*oblique*", "trunk-muscle"),
    ("*latissimus*", "trunk-muscle"),
    ("*muscle*", "muscle"),
    ("*_femur_*", "femur"),  # bones are whole words: much that is tibial or patellar is none
    ("*_tibia[e_]*", "tibia"),
    ("*_fibula[e_]*", "fibula"),
    ("*_pelvis_*", "pelvis"),
    ("*_sacrum_*", "sacrum"),
    ("*_coccyx_*", "sacrum"),
    ("*_spine_*", "spine"),
    ("*_patella[e_]*", "patella"),
    ("*talus*", "foot-bone"),
    ("*calcan*", "foot-bone"),
    ("*navicular*", "foot-bone"),
    ("*cuboid*", "foot-bone"),
    ("*cuneiform*", "foot-bone"),
    ("*tars*", "foot-bone"),
    ("*phalan*", "foot-bone"),
    ("*_foot_*", "foot-bone"),
)
"""The first pattern that fits decides; spelled so that the slips of the files at hand fit too.

Names are matched with an underscore between their words, and one before the first and after the last.
"""


def part_of(name: str) -> int:
    """Code of the part that a structure's name stands for.

    Parameters
    ----------
    name : str
        Words with anything but letters between them, such as ``vhf_left_muscle_soleus``.

    Raises
    ------
    TaskError
        If no pattern fits.
    """
    words = re.sub("[^a-z]+", "_", f"_{name.lower()}_")
    for pattern, part in PATTERNS:
        if fnmatchcase(words, pattern):
            return CODE[part]
    raise TaskError(f"The structure {name} is no part of the leg that is known here. Name it after a bone or a muscle.")
