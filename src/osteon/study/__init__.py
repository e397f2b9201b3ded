"""Studies: the experiments of the literature as named, repeatable runs."""

from osteon.study.arm import Arm, Part, Setting, Study
from osteon.study.budget import Budget
from osteon.study.catalogue import STUDIES
from osteon.study.configuration import StudyConfig
from osteon.study.folder import StudyPaths
from osteon.study.running import StudyResult, run_study

__all__ = [
    "STUDIES",
    "Arm",
    "Budget",
    "Part",
    "Setting",
    "Study",
    "StudyConfig",
    "StudyPaths",
    "StudyResult",
    "run_study",
]
