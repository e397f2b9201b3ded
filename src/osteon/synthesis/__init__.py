"""Cases from nothing: anatomy, MR contrast and acquisition of a lumbar spine, with exact labels."""

from osteon.synthesis.contrast import Contrast
from osteon.synthesis.files import PhantomPaths, write_phantom, write_phantom_cohort
from osteon.synthesis.spine.parameters import SpineParameters
from osteon.synthesis.spine.phantom import Phantom, make_phantom
from osteon.synthesis.spine.vertebra import VertebraLabel

__all__ = [
    "Contrast",
    "Phantom",
    "PhantomPaths",
    "SpineParameters",
    "VertebraLabel",
    "make_phantom",
    "write_phantom",
    "write_phantom_cohort",
]
