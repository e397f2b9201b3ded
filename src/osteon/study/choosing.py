"""Which study, which of its arms, and whether its subjects will do."""

from __future__ import annotations

from collections.abc import Sequence

from osteon.errors import TrainingError, UsageError
from osteon.study.arm import Arm, Setting, Study
from osteon.study.catalogue import STUDIES


def study_named(name: str) -> Study:
    """The study of a name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in STUDIES:
        raise UsageError(f"There is no study named {name}. Known: {', '.join(STUDIES)}.")
    return STUDIES[name]


def arms_named(arms: Sequence[Arm], names: Sequence[str]) -> list[Arm]:
    """The arms of some names (all if none is given), with those whose models they begin with.

    Raises
    ------
    UsageError
        If one is unknown.
    """
    known = {arm.name: arm for arm in arms}
    wanted = set(names or known)
    if strangers := sorted(wanted - set(known)):
        raise UsageError(f"This study has no arm named {strangers[0]}. Its arms: {', '.join(known)}.")
    wanted |= {start for name in wanted if (start := known[name].start) is not None}
    return [arm for arm in arms if arm.name in wanted]


def refuse_without_sides(setting: Setting) -> None:
    """Raise `TrainingError` if a fold has no subjects to choose the epoch by, or none to test on."""
    for split in setting.splits:
        for number, fold in enumerate(split.folds):
            for side in ("validation", "test"):
                if not getattr(fold, side):
                    raise TrainingError(
                        f"Fold {number} of the split has no {side} subjects, and a study needs them. Split the cohort "
                        "again: osteon cohort split COHORT --test 10 --validation 5"
                    )
