"""Legs and pelvis of children and adults, built from numbers."""

from osteon.synthesis.legs.build import make_legs
from osteon.synthesis.legs.parameters import LegParameters, SideParameters

__all__ = ["LegParameters", "SideParameters", "make_legs"]
