"""What a body is made of: one code a part, and the tissue that each part is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part of a body map.

    Parameters
    ----------
    code : int
        Its value in `Body.parts`, 0 to 255.
    name : str
    tissue : str
        Key of `osteon.synthesis.contrast.TISSUES`; parts of one tissue look alike in a realistic contrast.
    """

    code: int
    name: str
    tissue: str


PARTS: tuple[Part, ...] = (
    Part(0, "air", "air"),
    Part(1, "skin", "skin"),
    Part(2, "subcutaneous-fat", "fat"),
    Part(3, "intermuscular-fat", "fat"),
    Part(4, "muscle", "muscle"),  # of no named group
    Part(5, "quadriceps", "muscle"),
    Part(6, "hamstrings", "muscle"),
    Part(7, "adductors", "muscle"),
    Part(8, "gluteals", "muscle"),
    Part(9, "hip-flexors", "muscle"),  # iliopsoas, sartorius, tensor fasciae latae
    Part(10, "calf", "muscle"),  # gastrocnemius, soleus, plantaris, popliteus
    Part(11, "anterior-leg", "muscle"),
    Part(12, "lateral-leg", "muscle"),
    Part(13, "deep-posterior-leg", "muscle"),
    Part(14, "hip-rotators", "muscle"),  # obturators, gemelli, piriformis, quadratus femoris
    Part(15, "trunk-muscle", "muscle"),
    Part(16, "foot-muscle", "muscle"),
    Part(20, "femur", "marrow"),  # bones are marrow within a cortex, whose depth the scan's maker adds
    Part(21, "tibia", "marrow"),
    Part(22, "fibula", "marrow"),
    Part(23, "pelvis", "marrow"),
    Part(24, "sacrum", "marrow"),
    Part(25, "spine", "marrow"),
    Part(26, "patella", "marrow"),
    Part(27, "foot-bone", "marrow"),
    Part(30, "growth-plate", "growth-plate"),  # inside a bone, and labelled as that bone
    Part(31, "epiphyseal-cartilage", "epiphyseal-cartilage"),  # not yet bone, and not labelled
    Part(32, "cartilage", "cartilage"),
    Part(33, "meniscus", "ligament"),
    Part(34, "ligament", "ligament"),  # ligaments, tendons, fascia
    Part(35, "joint-fluid", "urine"),
    Part(36, "disc", "annulus"),
    Part(40, "vessel", "flow"),
    Part(41, "vein", "vein"),
    Part(42, "nerve", "nerve"),
    Part(43, "canal", "csf"),
    Part(44, "bladder", "urine"),
    Part(45, "bowel", "bowel"),
    Part(46, "gas", "gas"),
    Part(47, "viscera", "bowel"),
    Part(48, "visceral-fat", "visceral-fat"),
    Part(49, "cyst", "urine"),  # in a bone it is labelled as that bone
)

CODE: dict[str, int] = {part.name: part.code for part in PARTS}
"""Code of each part by name."""

BONES = ("femur", "tibia", "fibula", "pelvis", "sacrum", "spine", "patella", "foot-bone")
"""Parts with a cortex."""
