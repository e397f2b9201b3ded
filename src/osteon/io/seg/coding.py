"""SNOMED CT codes of structures, as DICOM's segmentations and 3D Slicer's terminologies name them (PS3.16)."""

from __future__ import annotations

from typing import NamedTuple

from osteon.anatomy import Structure

SCHEME, OWN_SCHEME = "SCT", "99OSTEON"
"""DICOM's name for SNOMED CT; private schemes begin with 99."""


class Code(NamedTuple):
    """A coded concept: value, scheme, and what it means in words."""

    value: str
    scheme: str
    meaning: str


CATEGORY = Code("123037004", SCHEME, "Anatomical Structure")

SIDES = {"right": Code("24028007", SCHEME, "Right"), "left": Code("7771000", SCHEME, "Left")}
"""CID 244; a structure of the midline has none."""


def code_of(structure: Structure) -> Code:
    """What a structure is, without its side: its SNOMED CT concept, or its name where the task gives none."""
    meaning = structure.name.removesuffix(f"-{structure.side}").replace("-", " ")
    if structure.snomed is None:
        return Code(structure.name[:16], OWN_SCHEME, meaning[:64])
    return Code(structure.snomed, SCHEME, meaning[:64])
