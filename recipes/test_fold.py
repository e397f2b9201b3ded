"""Segment the test subjects of a cohort's split with a model, and compare with their labels.

usage: python recipes/test_fold.py COHORT MODEL -o OUT [--side test|validation|train]

Writes OUT/segmented/, OUT/evaluation.csv (a row a case and structure) and OUT/summary.md (a row for each group; a table
for each kind of structure, such as vertebrae and discs, where the model segments several).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from osteon.cohort import Case, Cohort, Split
from osteon.io.whole import written_whole
from osteon.metrics import agreement, detection, summarise
from osteon.networks.model import Model
from osteon.pipeline import segment

SCORES = ("dice", "average_surface_distance_mm", "hausdorff95_mm", "surface_dice_1mm")


def main() -> None:
    """Parse, segment, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--side", choices=("test", "validation", "train"), default="test")
    arguments = parser.parse_args()
    cohort, model = Cohort.load(arguments.cohort), Model.load(arguments.model)
    fold = Split.load(arguments.cohort / "split.json", cohort).folds[0]
    cases = [case for case in cohort.of_subjects(getattr(fold, arguments.side)) if scored(case, model)]
    if not cases:
        raise SystemExit(f"No {arguments.side} subject has annotations of what {model.spec.name} segments.")
    table = evaluated(cohort, cases, model, arguments.out / "segmented")
    with written_whole(arguments.out / "evaluation.csv") as part:
        table.to_csv(part, index=False, float_format="%.4f")
    with written_whole(arguments.out / "summary.md") as part:
        part.write_text(by_kind(table, model), encoding="utf-8")


def evaluated(cohort: Cohort, cases: list[Case], model: Model, out: Path) -> pd.DataFrame:
    """One row a case and structure, with the case's group."""
    done = segment([cohort.folder / case.image for case in cases], out, model=model, overwrite=True)
    parts = []
    for case, result in zip(cases, done, strict=True):
        if result.error is not None or result.labels is None:
            raise SystemExit(f"{case.name}: {result.error}")
        part = agreement(result.labels, cohort.labels(case), structures=scored(case, model))
        part.insert(0, "case", case.name)
        part.insert(1, "group", case.group)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def by_kind(table: pd.DataFrame, model: Model) -> str:
    """Markdown: a summary for each group of structures that was scored."""
    kinds = table["structure"].map(lambda name: model.task.by_name(name).parent or name)
    if kinds.nunique() == 1:
        return summary(table)
    return "\n".join(f"## {kind}\n\n{summary(table[kinds == kind], 'structures')}" for kind in kinds.unique())


def summary(table: pd.DataFrame, counted: str = "vertebrae") -> str:
    """Markdown: mean and standard deviation over structures, the worst, and the share with the right level."""
    lines = [
        f"| group | scans | {counted} | right level | "
        + " | ".join(f"{s} mean ± SD" for s in SCORES)
        + " | lowest Dice |",
        "|---|---|---|---|" + "---|" * (len(SCORES) + 1),
    ]
    for group, rows in [*table.groupby("group"), ("all", table)]:
        found = detection(rows).set_index("structure").loc["all"]
        scores = summarise(rows).query("structure == 'all'").set_index("score")
        cells = [f"{scores.loc[s, 'mean']:.3f} ± {scores.loc[s, 'sd']:.3f}" for s in SCORES]
        lines.append(
            f"| {group} | {rows['case'].nunique()} | {found['in_reference']:.0f} | {found['share']:.1%} | "
            + " | ".join(cells)
            + f" | {scores.loc['dice', 'minimum']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def scored(case: Case, model: Model) -> list[str]:
    """Structures that were annotated in the case and that the model segments."""
    known = model.task.class_of_value(model.spec.classes)
    return [name for name in case.annotated if model.task.by_name(name).value in known]


if __name__ == "__main__":
    main()
