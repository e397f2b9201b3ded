"""What it is worth that a model looks for the scale of a body: Dice at fixed scales, and at the one that it chooses.

usage: python recipes/leg_scales.py MODEL -o FILE.md

Built-in bodies of several ages, whose seeds no recipe trains or tests on, are scanned in two contrasts and segmented
with pixels of 1, 0.8, 0.65 and 0.55 times the model's, and as the model itself would have it (`Preprocessing.scales`).
Dice is that of the network's answer, before post-processing.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from osteon.cli.output import say
from osteon.inference import Engine, engine_for, predict
from osteon.io.whole import written_whole
from osteon.metrics.overlap import overlap
from osteon.networks.model import Model
from osteon.synthesis import draw_legs
from osteon.synthesis.scanner import ScanGeometry, scan_of
from osteon.volume import LabelMap, Volume

SEED = 970_000
AGES_YEARS = (5.0, 9.0, 13.0, 40.0)
CONTRASTS = ("t2-se", "dixon-water")
FIXED = (1.0, 0.8, 0.65, 0.55)
GEOMETRY = ScanGeometry("axial", (1.4, 8.0))


def main() -> None:
    """Parse, scan, segment, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    model = Model.load(given.model)
    engine = engine_for(model)
    lines = [
        "| years | contrast | " + " | ".join(f"{scale:g}" for scale in FIXED) + " | chosen |",
        "|---|---|" + "---|" * (len(FIXED) + 1),
    ]
    for number, age in enumerate(AGES_YEARS):
        body = draw_legs(SEED + number, age_years=age)
        for contrast in CONTRASTS:
            scan, truth = scan_of(body, contrast, seed=SEED + number, geometry=GEOMETRY)
            dice = [mean_dice(scan, truth, model, engine, (scale,))[0] for scale in FIXED]
            own, scale = mean_dice(scan, truth, model, engine, model.spec.preprocessing.scales)
            cells = " | ".join(f"{value:.3f}" for value in dice)
            lines.append(f"| {age:g} | {contrast} | {cells} | {own:.3f} ({scale:g}) |")
            say(lines[-1])
    with written_whole(given.out) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


def mean_dice(
    scan: Volume, truth: LabelMap, model: Model, engine: Engine, scales: tuple[float, ...]
) -> tuple[float, float]:
    """Mean Dice over the classes, and the scale that was used."""
    how = model.spec.preprocessing.model_copy(update={"scales": scales})
    looking = replace(model, spec=model.spec.model_copy(update={"preprocessing": how}))
    found = predict(scan, looking, engine)
    classes = truth.task.class_of_value(model.spec.classes)
    values = [value for value in truth.values() if value in classes]
    voxel_mm3 = scan.voxel_volume_mm3
    dice = [overlap(found.classes.array == classes[v], truth.array == v, voxel_mm3).dice for v in values]
    usual_mm = how.spacing_mm[-1] if how.spacing_mm else found.working.spacing_mm[-1]
    return sum(dice) / len(dice), round(found.working.spacing_mm[-1] / usual_mm, 2)


if __name__ == "__main__":
    main()
