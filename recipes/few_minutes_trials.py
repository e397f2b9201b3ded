"""What each setting of recipes/few-minutes.toml is worth: trainings of equal processor minutes, one setting otherwise.

usage: python recipes/few_minutes_trials.py COHORT --split FILE -o OUT [--minutes N] [--trials NAME...]

Test subjects of the split are never looked at: ten of the others are held out to judge the trials, two more choose the
epoch, the rest are learned from. Writes a run folder for each trial and OUT/trials.md; what is finished is kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from osteon.cohort import Cohort, Fold, Split
from osteon.crossvalidation.scores import out_of_fold
from osteon.study.matching import ANY_NAME, with_any_name
from osteon.training import TrainingConfig, TrainingPaths, train
from osteon.training.clock import now, since
from osteon.training.config import read_tables

JUDGES = ("vb1-C", "vb2-07", "vb2-12", "vb2-20", "vb3-06", "vb3-16", "vb3-25", "vb3-32", "vb3-36", "vb3-44")
CHOOSERS = ("vb2-23", "vb3-50")
NAMED = 0.5

FIRST: dict[str, Any] = {
    "steps": 60,
    "network": {"width": 32},
    "preprocessing": {"spacing_mm": (1.0, 1.0)},
    "sampling": {"rows": 256, "columns": 128},
    "augmentation": {"warped": 1.0, "rotation_degrees": 15.0, "noise": 0.05, "bias_field": 0.5, "blur_mm": 1.0},
    "optimiser": {"learning_rate": 1e-3, "average": 0.99},
    "loss": {"voxels": "focal", "class_weights": {}},
}
"""What the studies began with."""

TRIALS: dict[str, tuple[str, dict[str, Any]]] = {
    "recipe": ("the recipe", {}),
    "first": ("what the studies began with: all of the below", FIRST),
    "pixels": ("pixels of 1.0 mm in crops of 256 x 128", {key: FIRST[key] for key in ("preprocessing", "sampling")}),
    "loss": ("focal loss, classes of equal weight", {"loss": FIRST["loss"]}),
    "changes": ("stronger changes to the crops", {"augmentation": FIRST["augmentation"]}),
    "rate": ("half the learning rate, longer average", {"optimiser": FIRST["optimiser"]}),
    "width": ("twice the width", {"network": {"width": 32}}),
}


def main() -> None:
    """Parse, train what is not there yet, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--trials", nargs="+", choices=list(TRIALS), default=list(TRIALS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    cohort = Cohort.load(given.cohort)
    fold = held_out(Split.load(given.split, cohort).folds[0])
    columns = ("trial", "Dice", "under any name", "named rightly", "a step (s)", "a scan, with scoring (s)")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name in given.trials:
        lines.append(trial(name, cohort, fold, given.out / name, given.minutes))
        (given.out / "trials.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def held_out(fold: Fold) -> Fold:
    """Subjects that learn, that choose the epoch and that judge (as test side); the split's test side is left out."""
    learners = sorted({*fold.train, *fold.validation} - {*JUDGES, *CHOOSERS})
    return Fold(train=tuple(learners), validation=CHOOSERS, test=JUDGES)


def configuration(name: str, minutes: float) -> TrainingConfig:
    """The recipe with the settings of a trial."""
    tables = read_tables(Path(__file__).with_name("few-minutes.toml"))
    for key, value in TRIALS[name][1].items():
        tables[key] = {**tables.get(key, {}), **value} if isinstance(value, dict) else value
    return TrainingConfig.checked(tables | {"processor_minutes": minutes}, name)


def trial(name: str, cohort: Cohort, fold: Fold, folder: Path, minutes: float) -> str:
    """Train and judge; a row of the table."""
    config, row = configuration(name, minutes), folder.with_suffix(".row")
    if row.is_file():
        return row.read_text(encoding="utf-8")
    model = train(cohort, folder, config=config, fold=fold, resume=True, device="cpu", said=said)
    begin = now()
    scores = out_of_fold(cohort, fold, model, lambda case: folder / f"{case}.nii.gz", "cpu")
    scan_s = since(begin)["processor_seconds"] / scores["case"].nunique()
    scores = with_any_name(scores, cohort, lambda case: folder / f"{case}.nii.gz")
    found = scores.groupby("subject")[["dice", ANY_NAME]].mean()
    epochs = pd.read_csv(TrainingPaths(folder).metrics)
    learning_s = (epochs["processor_seconds"] - epochs["validation_processor_seconds"]).iloc[:-1].mean()
    named = f"{(found['dice'] > NAMED).sum()} of {len(found)}"
    dice, any_name = (f"{found[key].mean():.3f} ± {found[key].std():.3f}" for key in ("dice", ANY_NAME))
    text = f"| {TRIALS[name][0]} | {dice} | {any_name} | {named} | {learning_s / config.steps:.2f} | {scan_s:.1f} |"
    row.write_text(text, encoding="utf-8")
    return text


def said(line: str) -> None:
    """A line of the training."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
