"""Arms of the study ``transfer``: from one kind of scan to another and back, with and without augmented contrast."""

from __future__ import annotations

import re
from typing import Any

from osteon.errors import UsageError
from osteon.study.arm import Arm, Part, Setting
from osteon.study.subjects import few, groups_of

MOST = 3
"""Subjects to fine-tune with, at most."""

TUNING_SHARE = 0.25
"""Of the time of a training from nothing, for a fine-tuning."""

CONTRASTS: dict[str, tuple[str, dict[str, Any]]] = {
    "own": ("own contrast", {"remapped": 0.0, "gamma": 1.0, "contrast": 0.0, "brightness": 0.0}),
    "any": ("any contrast", {"remapped": 0.8, "gamma": 1.6, "contrast": 0.3, "brightness": 0.1}),
}
"""Grey values as they are, or four in five crops through a random curve."""


def transfer_arms(setting: Setting) -> list[Arm]:
    """Train on one part, apply to the other untouched, fine-tune there with 1, 2, 3 subjects; and back.

    The parts are two cohorts, or two groups of one; by default its largest.
    """
    here, there = _parts(setting)
    return [
        arm
        for contrast in CONTRASTS
        for (source, source_name), (target, target_name) in ((here, there), (there, here))
        for arm in _direction(setting, contrast, source, source_name, target, target_name)
    ]


def _direction(
    setting: Setting, contrast: str, source: Part, source_name: str, target: Part, target_name: str
) -> list[Arm]:
    words, augmentation = CONTRASTS[contrast]
    changes = {"augmentation": augmentation}
    base, seed = f"{_slug(source_name)}-{contrast}", setting.config.training.seed
    untouched = f"{base}-to-{_slug(target_name)}"
    arms = [
        Arm(base, f"{source_name}, at home ({words})", changes, source, against=base),
        Arm(
            untouched,
            f"{source_name} → {target_name}, untouched ({words})",
            changes,
            target,
            few(MOST, MOST, seed),
            start=base,
            trained=False,
            # what augmentation changes is seen on the scans that were not trained on
            against=untouched.replace(f"-{contrast}-", f"-{next(iter(CONTRASTS))}-"),
        ),
    ]
    for number in range(1, MOST + 1):
        title = f"{source_name} → {target_name}, {number} subject{'s' if number > 1 else ''} ({words})"
        tuned = Arm(
            f"{untouched}-{number}",
            title,
            changes,
            target,
            few(number, MOST, seed),
            start=base,
            share=TUNING_SHARE,
            against=untouched,
        )
        arms.append(tuned)
    return arms


def _parts(setting: Setting) -> tuple[tuple[Part, str], tuple[Part, str]]:
    if len(setting.cohorts) > 1:
        names = [cohort.folder.name for cohort in setting.cohorts]
        names = names if _slug(names[0]) != _slug(names[1]) else ["first", "second"]
        return (Part(0), names[0]), (Part(1), names[1])
    known = groups_of(setting.cohorts[0])
    chosen = setting.groups or tuple(known)[:2]
    if len(chosen) < 2 or (strange := [group for group in chosen if group not in known]):
        missing = f"no group {strange[0]}" if len(chosen) == 2 else "one group only"
        raise UsageError(
            f"The cohort {setting.cohorts[0].folder.name} has {missing}; its groups are {', '.join(known)}. Name two "
            "with --groups A,B, or give another cohort with --to."
        )
    return (Part(group=chosen[0]), chosen[0]), (Part(group=chosen[1]), chosen[1])


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "part"
