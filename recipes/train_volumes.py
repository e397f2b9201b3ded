"""The three networks that see volumes, each trained for a few minutes on real scans: whether they learn, and how fast.

usage: python recipes/train_volumes.py COHORT -o OUT [--minutes N] [--networks NAME...]

Narrow networks and small patches, so that a CPU gets somewhere. Writes a run folder for each and OUT/volumes.md:
epochs, steps a minute, training loss of the first epoch and the last, validation Dice of the first and the best.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from osteon.cohort import Cohort, Split
from osteon.cohort.split import SPLIT
from osteon.training import TrainingConfig, TrainingPaths, train

NARROW = {
    "unet3d": {"width": 8, "patch": [16, 96, 96]},
    "residual-unet3d": {"width": 8, "patch": [16, 96, 96]},
    "hdenseunet": {"width": 24, "patch": [8, 96, 96]},
}


def main() -> None:
    """Parse, train each, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--networks", nargs="+", choices=list(NARROW), default=list(NARROW))
    arguments = parser.parse_args()
    cohort = Cohort.load(arguments.cohort)
    fold = Split.load(arguments.cohort / SPLIT, cohort).folds[0]
    fold = fold.model_copy(update={"train": fold.train[:12], "validation": fold.validation[:2]})
    rows = [
        "| network | epochs | steps a minute | loss, first and last | Dice, first and best |",
        "|---|---|---|---|---|",
    ]
    for name in arguments.networks:
        folder, how = arguments.out / name, configuration(name, arguments.minutes)
        train(cohort, folder, config=how, fold=fold, device="cpu", said=said)
        rows.append(row(name, how, folder))
    text = "\n".join(rows) + "\n"
    sys.stdout.write(text)
    (arguments.out / "volumes.md").write_text(text, encoding="utf-8")


def configuration(name: str, minutes: float) -> TrainingConfig:
    """A short training of one network."""
    return TrainingConfig.model_validate(
        {
            "name": name,
            "title": f"{name}, narrow, {minutes:g} minutes",
            "licence": "research use only",
            "classes": ["vertebra"],
            "epochs": 1000,
            "patience": 1000,
            "steps": 40,
            "batch": 1,
            "minutes": minutes,
            "network": {"name": name} | NARROW[name],
            "optimiser": {"learning_rate": 2e-3, "warmup_epochs": 0, "average": 0.9},
        }
    )


def row(name: str, how: TrainingConfig, folder: Path) -> str:
    """A row of the table; the last epoch may be a part of one."""
    epochs = pd.read_csv(TrainingPaths(folder).metrics)
    learning_s = (epochs["seconds"] - epochs["validation_seconds"]).sum()
    losses = f"{epochs['train_loss'].iloc[0]:.3f}, {epochs['train_loss'].iloc[-1]:.3f}"
    dice = f"{epochs['f1'].iloc[0]:.3f}, {epochs['f1'].max():.3f}"
    return f"| {name} | {len(epochs)} | {60 * how.steps * len(epochs) / learning_s:.0f} | {losses} | {dice} |"


def said(line: str) -> None:
    """A line of the training."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
