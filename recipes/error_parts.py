"""Take the error of a vertebra model apart, scan by scan: how much lies in the outer slices, how much in the outlines.

usage: python recipes/error_parts.py COHORT MODEL -o OUT.csv [--side train|validation ...]

Each annotated vertebra is held against the one that overlaps it most, whatever its level. A row a vertebra: Dice; Dice
over slices that both have; Dice over slices inside its first and last; volume against the annotation. For model
building, so never for test subjects.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from osteon.cli.output import say
from osteon.cohort import Cohort, Split
from osteon.geometry import axis_of
from osteon.inference import engine_for
from osteon.io.whole import written_whole
from osteon.networks.model import Model
from osteon.pipeline import segment_volume
from osteon.volume import LabelMap


def main() -> None:
    """Parse, segment, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("model")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--side", nargs="+", choices=("train", "validation"), default=["train", "validation"])
    arguments = parser.parse_args()
    cohort, model = Cohort.load(arguments.cohort), Model.load(arguments.model)
    engine = engine_for(model)
    fold = Split.load(arguments.cohort / "split.json", cohort).folds[0]
    known = model.task.class_of_value(model.spec.classes)
    rows = []
    for side in arguments.side:
        for case in cohort.of_subjects(getattr(fold, side)):
            reference = cohort.labels(case)
            found = segment_volume(cohort.scan(case), model, engine).labels
            for value in sorted(set(reference.values()) & set(known)):
                facts = {"side": side, "group": case.group, "case": case.name}
                rows.append(facts | {"structure": model.task.by_value(value).name} | parts(reference, found, value))
    table = pd.DataFrame(rows)
    with written_whole(arguments.out) as part:
        table.to_csv(part, index=False, float_format="%.4f")
    numbers = table.select_dtypes("number").columns
    say(table.groupby(["side", "group"])[list(numbers)].mean().round(3).to_string())
    say(table[list(numbers)].mean().round(4).to_string())


def parts(reference: LabelMap, found: LabelMap, value: int) -> dict[str, float]:
    """Dice of one vertebra, whole and over some of its sagittal slices, and its volume against the annotation."""
    across = axis_of(reference.affine, 0)
    truth = np.moveaxis(reference.array == value, across, 0)
    said = np.moveaxis(found.array, across, 0)
    overlap = np.bincount(said[truth], minlength=2)
    overlap[0] = 0
    said = (said == overlap.argmax()) & bool(overlap.any())
    a, b, both = (m.sum(axis=(1, 2)) for m in (truth, said, truth & said))
    held = np.flatnonzero(a)
    inner = np.zeros(a.shape, dtype=bool)
    inner[held[1:-1]] = True

    def dice(where: np.ndarray) -> float:
        total = int(a[where].sum() + b[where].sum())
        return float(2 * both[where].sum() / total) if total else float("nan")

    return {
        "dice": dice(np.ones(a.shape, dtype=bool)),
        "dice_of_common_slices": dice((a > 0) & (b > 0)),
        "dice_of_inner_slices": dice(inner),
        "volume_ratio": float(b.sum() / a.sum()),
    }


if __name__ == "__main__":
    main()
