"""How many labelled subjects a new scanner takes: fine-tune the leg model on 1, 2, 3 and 5 of them, or start elsewhere.

usage: python recipes/leg_finetune.py MODEL --held-out FOLDER -o OUT [--steps 150] [--subjects 1 2 3 5]
       [--starts leg-bones random] [--imagenet FILE]

The new scanner takes an inversion recovery that nulls muscle, in thick noisy slices: a protocol that the synthesis does
not have. Its subjects are built-in bodies whose seeds no recipe trains on (5 to learn from, 1 to choose the epoch by);
it is tested on the held-out templates of FOLDER and 4 further bodies. Every run learns equally many slices: from
MODEL's weights, from random ones, and, with FILE (MobileNetV2's ImageNet weights), a U-Net whose encoder knows
photographs: there are none for a network as narrow as the leg model, so that this one is another and larger. Writes
OUT/finetune.csv (a row a run, case and structure) and OUT/finetune.md; what was finished is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from leg_test_set import MadeScan, age_band, scored

from osteon.anatomy import Task
from osteon.cli.output import say
from osteon.cohort import Cohort, Fold, import_spider
from osteon.io import write
from osteon.io.whole import folder_written_whole, written_whole
from osteon.networks.model import Model, NetworkSpec
from osteon.synthesis import Body, draw_legs
from osteon.synthesis.scanner import GeneratorSettings, Protocol, ScanGeometry, scan_of
from osteon.synthesis.templates import load_bodies
from osteon.training import TrainingConfig, finetuning_config, train
from osteon.training.config import EncoderConfig

SEED = 960_000
"""Of the built-in bodies: used by no other recipe."""

TRAINING_AGES_YEARS = (9.0, 35.0, 13.0, 6.0, 16.0)
VALIDATION_AGE_YEARS = 11.0
TEST_AGES_YEARS = (7.0, 12.0, 15.0, 50.0)

AVERAGE = 0.97
"""How slowly the averaged weights follow: over some thirty steps, as runs are short."""

NEW_PROTOCOL = Protocol("inversion", (2500, 3500), (12, 25), inversion_ms=(520, 680))
NEW_GEOMETRY = ScanGeometry("axial", (1.8, 7.0), gap_mm=1.0, rotation_degrees=(3.0, 2.0, -2.0))
NEW_SETTINGS = GeneratorSettings(deformation=False, noise=0.1, bias=0.5, fourier_share=0.4, end_share=0.0)


def main() -> None:
    """Parse, scan, train and test every run, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="name or folder of the model to start from")
    parser.add_argument("--held-out", type=Path, required=True, help="templates to test on")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("leg-bones.toml"))
    parser.add_argument("--steps", type=int, default=150, help="batches of every run, in five epochs")
    parser.add_argument("--subjects", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--starts", nargs="+", choices=("leg-bones", "random"), default=["leg-bones", "random"])
    parser.add_argument("--imagenet", type=Path, help="ImageNet weights of MobileNetV2, for a third start")
    given = parser.parse_args()
    model = Model.load(given.model)
    cohort = new_scanner(given.out / "cohort")
    scans = [_scanned(body, SEED + 500 + n) for n, body in enumerate(_test_bodies(given.held_out))]
    tables = [scored(model, scans).assign(start="leg-bones", subjects=0)]
    config = TrainingConfig.load(given.config)
    settings = runs(config, given.model, given.imagenet, given.steps)
    starts = [*given.starts, *(["imagenet"] if given.imagenet else [])]
    for count in given.subjects:
        fold = Fold(train=tuple(str(n) for n in range(1, count + 1)), validation=("6",))
        for start in starts:
            folder = given.out / f"{start}-{count}"
            train(cohort, folder, config=settings[start], fold=fold, resume=True, said=say)
            scores = scored(Model.load(folder / "model"), scans)
            tables.append(scores.assign(start=start, subjects=count))
    table = pd.concat(tables, ignore_index=True)
    with written_whole(given.out / "finetune.csv") as part:
        table.to_csv(part, index=False, float_format="%.4f")
    with written_whole(given.out / "finetune.md") as part:
        part.write_text(summary(table), encoding="utf-8")


def new_scanner(folder: Path) -> Cohort:
    """The new scanner's labelled subjects as a cohort: 1 to 5 to learn from, 6 to choose by."""
    if (folder / "cohort.json").is_file():
        return Cohort.load(folder)
    source = folder.with_name("spider")
    if not source.is_dir():
        with folder_written_whole(source) as part:
            for number, age in enumerate((*TRAINING_AGES_YEARS, VALIDATION_AGE_YEARS), start=1):
                made = _scanned(draw_legs(SEED + number, age_years=age), SEED + number)
                write(made.scan, part / "images" / f"{number}_new.mha")
                write(made.truth, part / "masks" / f"{number}_new.mha")
    return import_spider(source, folder, task=Task.load("leg-bones"))


def _test_bodies(held_out: Path) -> list[Body]:
    own = [draw_legs(SEED + 100 + n, age_years=age) for n, age in enumerate(TEST_AGES_YEARS)]
    return [*load_bodies(held_out), *own]


def _scanned(body: Body, seed: int) -> MadeScan:
    scan, truth = scan_of(body, NEW_PROTOCOL, seed=seed, geometry=NEW_GEOMETRY, settings=NEW_SETTINGS)
    return MadeScan(body, "muscle-nulled", f"axial, {age_band(body)}", scan, truth)


def runs(config: TrainingConfig, model: str, imagenet: Path | None, steps: int) -> dict[str, TrainingConfig]:
    """Settings of the runs by where they start: crops of cases only; each has the rate and weights that suit it."""
    short = {"epochs": 5, "steps": steps // 5, "batch": config.batch, "precision": config.precision}
    # as `osteon finetune` does it, in fewer epochs, whose weights are averaged over fewer steps
    gently = finetuning_config(model, short | {"optimiser": {"average": AVERAGE}})
    # from nothing, bones weigh more, as in leg-bones-first.toml: a plain loss stays on "all background" for longer
    # than such a run lasts
    anew = short | {
        "start": None,
        "sampling": config.sampling.model_copy(update={"synthetic": 0.0}),
        "loss": config.loss.model_copy(update={"foreground_weight": 4.0}),
        "optimiser": config.optimiser.model_copy(update={"average": AVERAGE}),
    }
    found = {"leg-bones": gently, "random": config.model_copy(update=anew)}
    if imagenet is not None:
        photographs = {
            "network": NetworkSpec(name="mobilenetv2-unet", place=config.network.place),
            "encoder": EncoderConfig(weights=str(imagenet)),
        }
        found["imagenet"] = config.model_copy(update=anew | photographs)
    return found


def summary(table: pd.DataFrame) -> str:
    """Markdown: mean Dice ± SD over cases and structures, by number of subjects and start."""
    starts = {"leg-bones": "from leg-bones", "random": "from random weights", "imagenet": "from ImageNet weights"}
    starts = {start: title for start, title in starts.items() if start in set(table["start"])}
    lines = ["| labelled subjects | " + " | ".join(starts.values()) + " |", "|---" * (len(starts) + 1) + "|"]
    for count, rows in table.groupby("subjects"):
        cells = []
        for start in starts:
            cases = rows[rows["start"] == start].groupby("case")["dice"].mean()
            cells.append(f"{cases.mean():.3f} ± {cases.std():.3f}" if len(cases) else "")
        lines.append(f"| {count} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + f"\n\nMean and SD over {table['case'].nunique()} scans.\n"


if __name__ == "__main__":
    main()
