"""What each part of the synthesis is worth: train small networks that differ in one thing, and compare them.

usage: python recipes/leg_ablation.py COHORT --bodies FOLDER --templates FOLDER --held-out FOLDER -o OUT
       [--config recipes/leg-ablation.toml] [--arms all built-in ...]

COHORT holds phantoms, of which the split's validation side chooses each arm's best epoch. All arms learn equally many
slices, from the same random start. They are tested on bodies that none of them saw (templates of FOLDER held out, and
built-in bodies of four ages), each in four contrasts. Writes OUT/ablation.csv (a row an arm, case and structure) and
OUT/ablation.md; what was finished is kept, so run it again after an interruption.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from leg_test_set import CONTRASTS, MadeScan, bodies, made_scans, scored

from osteon.cli.output import say
from osteon.cohort import Cohort, Split
from osteon.io.whole import written_whole
from osteon.networks.model import Model
from osteon.synthesis.bodies import Bodies
from osteon.training import TrainingConfig, train

AGES_YEARS = (6.0, 12.0, 17.0, 40.0)


@dataclass(frozen=True)
class Arm:
    """One way to train: which bodies, and what is switched off in ``[synthesis]``."""

    title: str
    built_in: bool = True
    templates: bool = True
    synthesis: dict[str, Any] = field(default_factory=dict)


ARMS = {
    "all": Arm("everything"),
    "one-protocol": Arm(
        "no contrast randomisation: T1 spin echo only",
        synthesis={"random_contrast": 0.0, "protocols": ("t1-se",), "tissue_variation": 0.0},
    ),
    "protocols": Arm("ten protocols, no random intensities", synthesis={"random_contrast": 0.0}),
    "no-deformation": Arm("no deformation", synthesis={"deformation": False}),
    "built-in": Arm("built-in bodies only", templates=False),
    "templates": Arm("templates only", built_in=False),
}


def main() -> None:
    """Parse, train and test every arm, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--bodies", type=Path, required=True, help="built-in bodies to train on")
    parser.add_argument("--templates", type=Path, required=True, help="templates to train on")
    parser.add_argument("--held-out", type=Path, required=True, help="templates to test on")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("leg-ablation.toml"))
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    given = parser.parse_args()
    config = TrainingConfig.load(given.config)
    cohort = Cohort.load(given.cohort)
    built_in, templates = Bodies.load(given.bodies), Bodies.load(given.templates)
    scans = list(made_scans(bodies(given.held_out, AGES_YEARS), CONTRASTS[::2]))
    tables = []
    for name in given.arms:
        arm = ARMS[name]
        also = [b for b, used in ((built_in, arm.built_in), (templates, arm.templates)) if used]
        tables.append(_tested(name, arm, config, cohort, also, scans, given.out).assign(arm=arm.title))
    table = pd.concat(tables, ignore_index=True)
    with written_whole(given.out / "ablation.csv") as part:
        table.to_csv(part, index=False, float_format="%.4f")
    with written_whole(given.out / "ablation.md") as part:
        part.write_text(summary(table), encoding="utf-8")


def _tested(
    name: str, arm: Arm, config: TrainingConfig, cohort: Cohort, also: list[Bodies], scans: list[MadeScan], out: Path
) -> pd.DataFrame:
    """Scores of one arm; it is trained unless that was done before."""
    kept = out / name / "evaluation.csv"
    if kept.is_file():
        return pd.read_csv(kept)
    say(f"{name}: {arm.title}")
    how = config.model_copy(update={"synthesis": config.synthesis.model_copy(update=arm.synthesis)})
    fold = Split.load(cohort.folder / "split.json", cohort).folds[0]
    train(cohort, out / name, config=how, fold=fold, also=also, resume=True, said=say)
    table = scored(Model.load(out / name / "model"), scans)
    with written_whole(kept) as part:
        table.to_csv(part, index=False, float_format="%.4f")
    return table


def summary(table: pd.DataFrame) -> str:
    """Markdown: mean Dice of each arm by bone, over real anatomy and built-in, and of its worst contrast."""
    bones = ("femur", "tibia", "pelvis", "fibula")
    lines = [
        "| trained with | " + " | ".join(bones) + " | all | held-out templates | built-in | worst contrast |",
        "|---|" + "---|" * (len(bones) + 4),
    ]
    for arm in table["arm"].unique():
        rows = table[table["arm"] == arm]
        by_contrast = rows.groupby("contrast")["dice"].mean()
        own = rows["source"] == "built-in"
        cells = [rows[rows["bone"] == bone]["dice"].mean() for bone in bones]
        cells += [rows["dice"].mean(), rows[~own]["dice"].mean(), rows[own]["dice"].mean()]
        said = " | ".join(f"{value:.3f}" for value in cells)
        lines.append(f"| {arm} | {said} | {by_contrast.min():.3f} ({by_contrast.idxmin()}) |")
    cases = table.groupby("arm")["case"].nunique().max()
    return "\n".join(lines) + f"\n\n{cases} scans each.\n"


if __name__ == "__main__":
    main()
