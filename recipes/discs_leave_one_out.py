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

import pandas as pd

from osteon.cohort import Cohort, Fold, Split
from osteon.cohort.split import SPLIT
from osteon.crossvalidation import crossval
from osteon.io.whole import written_whole
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
    done = crossval(cohort, arguments.out, config=config, split=folds, resume=arguments.resume, said=said)
    with written_whole(arguments.out / "discs.md") as part:
        part.write_text(summary(pd.read_csv(done.paths.scores)), encoding="utf-8")


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


def summary(scores: pd.DataFrame) -> str:
    """Markdown: the discs of each subject left out with the test subjects' bodies of the same fold, and each level.

    Parameters
    ----------
    scores : DataFrame
        ``crossval.csv`` of the cross-validation.
    """
    is_disc = scores["structure"].str.startswith("disc")
    discs, bodies = scores[is_disc], scores[~is_disc]
    measures = ["volume_error_percent", "hausdorff95_mm", "average_surface_distance_mm"]
    rows = discs.assign(volume_error_percent=discs["volume_error_percent"].abs()).groupby("fold")
    table = rows["dice"].agg(discs="size", dice="mean", lowest="min").assign(left_out=rows["subject"].first())
    table[measures] = rows[measures].mean()
    subjects = bodies.groupby(["fold", "subject"])["dice"].mean().groupby("fold")
    table["bodies"], table["lowest_body"] = subjects.mean(), subjects.min()
    means = table.mean(numeric_only=True)
    lines = [
        "| left out | discs | their Dice | lowest | volume error (%, without sign) | 95 % Hausdorff (mm) | "
        "surface distance (mm) | bodies of the test subjects: Dice | lowest subject |",
        "|" + "---|" * 9,
    ]
    digits = {"dice": 3, "lowest": 3} | dict(zip(measures, (1, 2, 2), strict=True)) | {"bodies": 3, "lowest_body": 3}
    for row in table.to_dict("records"):
        cells = " | ".join(f"{row[name]:.{count}f}" for name, count in digits.items())
        lines.append(f"| {row['left_out']} | {row['discs']} | {cells} |")
    means["lowest"], means["lowest_body"] = table["lowest"].min(), table["lowest_body"].min()
    cells = [f"{means[name]:.{count}f}" for name, count in digits.items()]
    cells[0] += f" ± {table['dice'].std():.3f}"
    lines.append(f"| **all** | {len(discs)} | {' | '.join(cells)} |")
    levels = discs.groupby("structure", sort=False)["dice"].agg(["mean", "std"])
    spread = " | ".join(f"{mean:.3f} ± {deviation:.3f}" for mean, deviation in levels.to_numpy())
    lines += ["", f"|  | {' | '.join(levels.index)} |", "|" + "---|" * (len(levels) + 1), f"| Dice | {spread} |"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
