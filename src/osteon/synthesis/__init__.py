"""Cases from nothing: anatomy, MR contrast and acquisition of lumbar spines and legs, with exact labels."""

from osteon.synthesis.body import Body
from osteon.synthesis.contrast import Contrast
from osteon.synthesis.files import (
    PhantomPaths,
    write_leg_cohort,
    write_phantom,
    write_phantom_cohort,
    write_varied_spines,
)
from osteon.synthesis.leg_phantom import LegPhantom, draw_legs, make_leg_phantom
from osteon.synthesis.spine.parameters import SpineParameters
from osteon.synthesis.spine.phantom import Phantom, make_phantom
from osteon.synthesis.spine.vertebra import VertebraLabel

__all__ = [
    "Body",
    "Contrast",
    "LegPhantom",
    "Phantom",
    "PhantomPaths",
    "SpineParameters",
    "VertebraLabel",
    "draw_legs",
    "make_leg_phantom",
    "make_phantom",
    "write_leg_cohort",
    "write_phantom",
    "write_phantom_cohort",
    "write_varied_spines",
]
