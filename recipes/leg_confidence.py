"""Calibrate what Dice to expect of a leg model's structures, and test it on bodies that neither has seen.

usage: python recipes/leg_confidence.py MODEL [--bodies FOLDER ...] --held-out FOLDER ... -o OUT [--scans 72]

Scans the bodies that the model was trained on, well and badly (`osteon.confidence.failures`), segments them, fits the
calibration and writes MODEL/confidence.json. Then scans bodies that were held out, and built-in ones whose seeds no
recipe trains on, and writes OUT/structures.csv (a row a structure) and OUT/summary.md: how many structures with a Dice
below 0.8 were to be looked at, how many others were (false alarms), and how far the expected Dice was off.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from osteon.cli.output import say
from osteon.confidence import Calibration, Judgement, judge_evidence
from osteon.confidence.evidence import evidence_of, hidden_cm3
from osteon.confidence.failures import HardScan, hard_scan
from osteon.confidence.fitting import KnownScan, fit, measured
from osteon.confidence.judgement import missed_structures
from osteon.inference import Engine, engine_for, predict
from osteon.io.whole import written_whole
from osteon.metrics.overlap import overlap
from osteon.networks.model import Model
from osteon.postprocessing import finish
from osteon.synthesis import Body, draw_legs
from osteon.synthesis.templates import load_bodies
from osteon.volume import LabelMap

SEED, TEST_SEED = 40_000, 80_000
BODY_SEED = 950_000
"""Of the built-in bodies of the test; training and `leg_test_set.py` use others."""

AGES_YEARS = (6.0, 9.0, 12.0, 16.0, 35.0)
LEAST_CM3 = 1.0
"""A structure of which a scan holds less is not missed if it is not found."""


class Test(NamedTuple):
    """A segmented scan: how it was made, what is known of it, which structures were found."""

    hard: HardScan
    known: KnownScan
    found: tuple[str, ...]


def main() -> None:
    """Parse, calibrate, test, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument(
        "--bodies", type=Path, nargs="+", default=[], help="folders of bodies of training; none: test only"
    )
    parser.add_argument("--held-out", type=Path, nargs="+", default=[], help="folders of bodies that were held out")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=72, help="to calibrate on")
    parser.add_argument("--tests", type=int, default=40, help="scans to test on")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    model = Model.load(arguments.model)
    engine = engine_for(model, device=arguments.device)
    calibration = Calibration.of(model)
    if arguments.bodies:
        training = [body for folder in arguments.bodies for body in load_bodies(folder)]
        known = [made.known for made in known_scans(training, arguments.scans, SEED, model, engine)]
        calibration = fit(known, model.spec.weights_sha256)
        say(f"{calibration.write(model)} after {time.perf_counter() - begin:.0f} s")
    if calibration is None:
        raise SystemExit(f"{model.folder} was not calibrated; name the bodies of training with --bodies.")
    tests = list(known_scans(test_bodies(arguments.held_out), arguments.tests, TEST_SEED, model, engine))
    table = judged_table(tests, calibration)
    with written_whole(arguments.out / "structures.csv") as part:
        table.to_csv(part, index=False, float_format="%.4f")
    text = summary(table, calibration, arguments.scans)
    with written_whole(arguments.out / "summary.md") as part:
        part.write_text(text, encoding="utf-8")
    say(f"{text}\n{arguments.out} after {time.perf_counter() - begin:.0f} s")


def test_bodies(folders: Sequence[Path]) -> list[Body]:
    """Held-out bodies, then built-in ones of several ages."""
    held = [body for folder in folders for body in load_bodies(folder)]
    return held + [draw_legs(BODY_SEED + number, age_years=age) for number, age in enumerate(AGES_YEARS)]


def known_scans(bodies: Sequence[Body], count: int, seed: int, model: Model, engine: Engine) -> Iterator[Test]:
    """Scans of the bodies in turn, segmented and held against their truth."""
    for number in range(count):
        body = bodies[number % len(bodies)]
        hard = hard_scan(body, seed + number)
        prediction = predict(hard.scan, model, engine)
        labels = finish(prediction.classes, model.spec, model.task).labels
        evidence = tuple(evidence_of(prediction, labels, model.spec))
        hidden = hidden_cm3(prediction, labels, model.spec)
        missed = frozenset(name for name in hidden if volume_cm3(hard.truth, name) >= LEAST_CM3)
        dice = {e.structure: dice_of(e.structure, labels, hard.truth) for e in evidence}
        known = KnownScan(body.name, evidence, dice, hidden, missed)
        shown = ", ".join(f"{name} {value:.2f}" for name, value in dice.items())
        say(f"[{number + 1}/{count}] {body.name} {hard.kind} ({hard.what}): {shown}")
        yield Test(hard, known, tuple(labels.task.by_value(v).name for v in labels.values()))


def dice_of(name: str, labels: LabelMap, truth: LabelMap) -> float:
    """Dice of one structure."""
    value = truth.task.by_name(name).value
    return overlap(labels.array == value, truth.array == value, truth.voxel_volume_mm3).dice


def volume_cm3(labels: LabelMap, name: str) -> float:
    """Volume of one structure."""
    value = labels.task.by_name(name).value
    return int(np.count_nonzero(labels.array == value)) * labels.voxel_volume_mm3 / 1000


def judged_table(tests: Sequence[Test], calibration: Calibration) -> pd.DataFrame:
    """A row a structure that was found, is missed or is looked for: Dice, expected Dice, whether to look, and why.

    The Dice of a missed structure is 0; of one that is looked for though the scan does not hold it, NaN.
    """
    rows = []
    for number, test in enumerate(tests):
        known = test.known
        judged = judge_evidence(known.evidence, calibration)
        looked_for = missed_structures(known.hidden_cm3, test.found, judged, test.hard.truth.task, calibration)
        silent = sorted(known.missed - {j.structure for j in looked_for})
        facts = {"scan": number, "body": known.body, "kind": test.hard.kind, "what": test.hard.what}
        for judgement in (*judged, *looked_for, *(Judgement(name, nan, False, ()) for name in silent)):
            name = judgement.structure
            rows.append(
                {
                    **facts,
                    "structure": name,
                    "found": name in known.dice,
                    "dice": known.dice.get(name, 0.0 if name in known.missed else nan),
                    "expected_dice": judgement.expected_dice,
                    "look": judgement.look,
                    "reasons": ", ".join(judgement.reasons),
                }
            )
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, calibration: Calibration, scans: int) -> str:
    """Markdown: sensitivity, false alarms and error, on the scans of calibration and on those of the test."""
    found = table[table["found"]]
    missed = table[~table["found"] & table["dice"].notna()]
    absent = table[~table["found"] & table["dice"].isna()]
    lines = [
        f"| | scans | structures | Dice below {calibration.level:g} | of these to be looked at | false alarms | "
        "mean absolute error | bias |",
        "|---|---|---|---|---|---|---|---|",
        line("calibration, each body by the others", scans, calibration.measured),
        line("test", table["scan"].nunique(), of_rows(found, calibration)),
        *(line(f"test, {kind}", r["scan"].nunique(), of_rows(r, calibration)) for kind, r in found.groupby("kind")),
        *(line(f"test, {bone}", r["scan"].nunique(), of_rows(r, calibration)) for bone, r in _by_bone(found)),
        "",
        f"Looked at is what has an expected Dice below {calibration.look_below:.3f}, a threshold that the scans of "
        f"calibration gave. Of {len(missed)} structures that the test scans hold and that were not found, "
        f"{int(missed['look'].sum())} were to be looked for; {len(absent)} were to be looked for in scans that do not "
        "hold them.",
        "",
        "| expected Dice | structures | mean expected | mean Dice |",
        "|---|---|---|---|",
    ]
    for span, rows in found.groupby(
        pd.cut(found["expected_dice"], [-0.01, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1]), observed=True
    ):
        means = rows[["expected_dice", "dice"]].mean()
        name = f"{max(0.0, span.left):g} to {span.right:g}"
        lines.append(f"| {name} | {len(rows)} | {means['expected_dice']:.3f} | {means['dice']:.3f} |")
    return "\n".join(lines) + "\n"


def of_rows(rows: pd.DataFrame, calibration: Calibration) -> dict[str, float]:
    """What `measured` says of some rows of the table."""
    expected, dice = (rows[c].to_numpy(dtype=float) for c in ("expected_dice", "dice"))
    return measured(expected, dice, calibration.look_below, calibration.level)


def line(name: str, scans: int, of: dict[str, float]) -> str:
    """One row of the summary; shares with their counts."""
    good = of["structures"] - of["poor"]
    return (
        f"| {name} | {scans} | {of['structures']:.0f} | {of['poor']:.0f} | {_share(of['poor_found'], of['poor'])} | "
        f"{_share(of['false_alarms'], good)} | {of['mean_absolute_error']:.3f} | {of['bias']:+.3f} |"
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} % ({part:.0f} of {whole:.0f})" if whole else "none"


def _by_bone(found: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for bone, rows in found.groupby(found["structure"].str.split("-").str[0]):
        yield str(bone), rows


if __name__ == "__main__":
    main()
