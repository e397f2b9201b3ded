"""Discs learned beside bodies from scans that are labelled with either, each disc scan left out once.

usage: python recipes/discs_leave_one_out.py COHORT -o OUT [--config FILE] [--resume]

COHORT is the cohort of recipes/lumbar-vertebrae.sh with its split: most scans have labelled bodies, four have labelled
discs and nothing else. Each of these four is tested by a network that learned discs from the other three, and bodies
from the training side of the split; the test side's bodies show what learning discs cost them. Writes what `osteon
crossval` writes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from osteon.cohort import Cohort, Fold, Split
from osteon.cohort.split import SPLIT
from osteon.crossvalidation import crossval
from osteon.training import TrainingConfig


def main() -> None:
    """Parse, split, train and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("discs-leave-one-out.toml"))
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    cohort = Cohort.load(arguments.cohort)
    folds = without_one(cohort, Split.load(arguments.cohort / SPLIT, cohort))
    config = TrainingConfig.load(arguments.config)
    crossval(
        cohort,
        arguments.out,
        config=config,
        split=folds,
        resume=arguments.resume,
        said=said,
    )


def said(line: str) -> None:
    """A line of the training."""
    sys.stderr.write(f"{line}\n")


def without_one(cohort: Cohort, split: Split) -> Split:
    """A fold for each subject with labelled discs, who is tested in it beside the split's own test side."""
    with_discs = sorted({case.subject for case in cohort.cases if any(n.startswith("disc") for n in case.annotated)})
    plain = split.folds[0]
    sides = {side: [s for s in getattr(plain, side) if s not in with_discs] for side in ("train", "validation", "test")}
    folds = []
    for left_out in with_discs:
        others = [subject for subject in with_discs if subject != left_out]
        folds.append(
            Fold(
                train=tuple(sides["train"] + others),
                validation=tuple(sides["validation"]),
                test=(left_out, *sides["test"]),
            )
        )
    return Split(kind="leave-one-out", seed=split.seed, cohort_sha256=split.cohort_sha256, folds=tuple(folds))


if __name__ == "__main__":
    main()
