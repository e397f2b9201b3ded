"""Lumbar spines as MR scans, painted shape over shape."""

from osteon.synthesis.spine.parameters import SpineParameters
from osteon.synthesis.spine.phantom import Phantom, make_phantom
from osteon.synthesis.spine.vertebra import VertebraLabel

__all__ = ["Phantom", "SpineParameters", "VertebraLabel", "make_phantom"]
