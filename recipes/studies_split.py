"""The split of the studies in docs/results: the test subjects of the shipped models, few subjects to validate.

Scans of discs only are left out, since nnU-Net has no partial labels and would learn that no vertebrae are in them.
Three validation subjects instead of seven, so that epochs are short; the others are learned from. With --every 2, every
second test subject in the order of their names is tested: for networks that take minutes for a scan.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from osteon.cohort import Cohort, Split
from osteon.cohort.split import SPLIT, Fold

DISCS_ONLY = "ivd"
VALIDATION = ("vb2-07", "vb3-32", "vb3-36")


def for_studies(split: Split, every: int = 1) -> Split:
    """The split without scans of discs, with the three validation subjects, and every so-many-th test subject."""
    fold = split.folds[0]
    train, validation, test = (
        [subject for subject in side if not subject.startswith(DISCS_ONLY)]
        for side in (fold.train, fold.validation, fold.test)
    )
    learners = sorted({*train, *validation} - set(VALIDATION))
    changed = Fold(train=tuple(learners), validation=VALIDATION, test=tuple(sorted(test)[::every]))
    return split.model_copy(update={"folds": (changed,)})


def main() -> None:
    """Write the split beside the cohort's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    for_studies(Split.load(given.cohort / SPLIT, Cohort.load(given.cohort)), given.every).write(given.out)


if __name__ == "__main__":
    main()
