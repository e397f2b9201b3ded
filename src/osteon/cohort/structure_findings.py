"""What is wrong with the structures of one case: their place, size and sides."""

from __future__ import annotations

from collections.abc import Iterator

from osteon.anatomy import Task
from osteon.cohort.facts import CaseFacts, StructureFacts
from osteon.cohort.finding import Finding
from osteon.cohort.manifest import Case
from osteon.cohort.plausible import length_range_mm, volume_range_cm3

OUTSIDE_WARNED, OUTSIDE_WRONG = 0.05, 0.5
"""Shares of a structure's voxels outside the body."""

BALANCE = 1.3
"""Ratio of the volumes of the two sides of one person."""


def of_structure(case: Case, found: StructureFacts, task: Task) -> Iterator[Finding]:
    """Place, volume and length of one structure."""
    place, group = f"{case.name}, {found.name}", task.by_name(found.name).parent or ""
    age = f"at {case.age_years:g} years" if case.age_years is not None else "at any age"
    if found.outside_share > OUTSIDE_WARNED:
        yield Finding(
            "error" if found.outside_share > OUTSIDE_WRONG else "warning",
            "outside the body",
            place,
            f"{found.outside_share:.0%} of the mask lies outside the body.",
            "Lay it over the scan: it may belong to another scan, be flipped (RAS against LPS), or hold stray voxels.",
        )
    volumes = volume_range_cm3(group, case.age_years)
    small = volumes is not None and found.volume_cm3 < volumes[0] and not found.cut
    if volumes is not None and (small or found.volume_cm3 > volumes[1]):
        yield Finding(
            "warning",
            "volume",
            place,
            f"Its {found.volume_cm3:.1f} cm3 are not plausible {age} ({volumes[0]:.0f} to {volumes[1]:.0f} cm3).",
            "Check the mask, the voxel size, and the age.",
        )
    lengths = length_range_mm(group, case.age_years)
    short = lengths is not None and found.length_mm < lengths[0] and not found.cut and not small
    if lengths is not None and (short or found.length_mm > lengths[1]):
        yield Finding(
            "warning",
            "length",
            place,
            f"{found.length_mm:.0f} mm long is not plausible {age} ({lengths[0]:.0f} to {lengths[1]:.0f} mm).",
            "If every bone is too long or too short, the slice spacing is wrong; otherwise look for stray voxels.",
        )


def of_sides(case: Case, facts: CaseFacts, task: Task) -> Iterator[Finding]:
    """Whether right is right, and the sides are alike."""
    found = {structure.name: structure for structure in facts.structures}
    for name, right in found.items():
        own = task.by_name(name)
        left = found.get(own.mirror or "")
        if own.side != "right" or left is None:
            continue
        group = own.parent or name
        if right.centroid_mm[0] <= left.centroid_mm[0]:
            yield Finding(
                "error",
                "sides",
                f"{case.name}, {group}",
                "The right one lies to the left of the left one.",
                "The labels of the sides are swapped, or the scan is mirrored: mend the labels or the orientation.",
            )
        ratio = max(right.volume_cm3, left.volume_cm3) / max(1e-9, min(right.volume_cm3, left.volume_cm3))
        if ratio > BALANCE and not right.cut and not left.cut:
            yield Finding(
                "warning",
                "balance",
                f"{case.name}, {group}",
                f"The sides differ {ratio:.1f} times ({right.volume_cm3:.1f} cm3 right, {left.volume_cm3:.1f} left).",
                "One mask may be unfinished; all right if the patient's legs do differ.",
            )
    yield from _laterality(case, found, task)


def _laterality(case: Case, found: dict[str, StructureFacts], task: Task) -> Iterator[Finding]:
    """Of one leg the fibula lies lateral of the tibia: a side that is named wrong shows even if there is only one."""
    pairs = task.limb.lateral if task.limb else ()
    for outer, inner in pairs:
        for side in ("right", "left"):
            a, b = (
                next(
                    (
                        found[s.name]
                        for s in task.structures
                        if s.parent == group and s.side == side and s.name in found
                    ),
                    None,
                )
                for group in (outer, inner)
            )
            if a is None or b is None:
                continue
            lateral_mm = (a.centroid_mm[0] - b.centroid_mm[0]) * (1 if side == "right" else -1)
            if lateral_mm < 0:
                yield Finding(
                    "error",
                    "sides",
                    f"{case.name}, {outer} and {inner}",
                    f"The {outer} lies {-lateral_mm:.0f} mm medial of the {inner} on the {side}, not lateral.",
                    "The side is named wrong, or the scan is mirrored: mend the labels or the orientation.",
                )
