"""Calibrate what Dice to expect of a leg model's structures, and test it on bodies that neither has seen.

usage: python recipes/leg_confidence.py MODEL [--bodies FOLDER ...] --held-out FOLDER ... -o OUT [--scans 120]

Scans the bodies that the model was trained on, well and badly (`osteon.confidence.failures`), segments them, fits the
calibration and writes MODEL/confidence.json. Then scans bodies that were held out, and built-in ones whose seeds no
recipe trains on, and writes OUT/structures.csv (a row a structure) and OUT/summary.md: how many structures and cases
with a Dice below 0.8 were to be looked at, how many others were (false alarms), how far the expected Dice was off.
What was learned of each scan is kept in OUT/scans: the recipe goes on where it was stopped, and fits again in seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from math import nan
from pathlib import Path
from statistics import fmean

import pandas as pd
from leg_confidence_scans import SegmentedScan, Source, segmented_scans

from osteon.anatomy import Task
from osteon.cli.output import say
from osteon.confidence import Calibration, Judgement, case_dice, judge_evidence
from osteon.confidence.fitting import fit, measured
from osteon.confidence.judgement import missed_structures
from osteon.inference import engine_for
from osteon.io.whole import written_whole
from osteon.networks.model import Model
from osteon.synthesis import draw_legs
from osteon.synthesis.templates import load_bodies

SEED, TEST_SEED = 40_000, 86_000
BODY_SEED = 956_000
"""Of the built-in bodies of the test; training and `leg_test_set.py` use others."""

AGES_YEARS = (6.0, 9.0, 12.0, 16.0, 35.0)


def main() -> None:
    """Parse, calibrate, test, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument(
        "--bodies", type=Path, nargs="+", default=[], help="folders of bodies of training; none: test only"
    )
    parser.add_argument("--held-out", type=Path, nargs="+", default=[], help="folders of bodies that were held out")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=120, help="to calibrate on")
    parser.add_argument("--tests", type=int, default=40, help="scans to test on")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    model = Model.load(arguments.model)
    # calibrated with the network as it was trained: one in eight bits has to pass its own gate
    engine = engine_for(model, device=arguments.device, precision="fp32")
    scans = partial(segmented_scans, model=model, engine=engine, kept=arguments.out / "scans")
    calibration = Calibration.of(model)
    if arguments.bodies:
        known = [made.known for made in scans(stored(arguments.bodies), arguments.scans, SEED)]
        calibration = fit(known, model.spec.weights_sha256)
        say(f"{calibration.write(model)} after {time.perf_counter() - begin:.0f} s")
    if calibration is None:
        raise SystemExit(f"{model.folder} was not calibrated; name the bodies of training with --bodies.")
    tests = list(scans([*stored(arguments.held_out), *drawn()], arguments.tests, TEST_SEED))
    table = judged_table(tests, calibration, model.task)
    with written_whole(arguments.out / "structures.csv") as part:
        table.to_csv(part, index=False, float_format="%.4f")
    text = summary(table, calibration)
    with written_whole(arguments.out / "summary.md") as part:
        part.write_text(text, encoding="utf-8")
    say(f"{text}\n{arguments.out} after {time.perf_counter() - begin:.0f} s")


def stored(folders: Sequence[Path]) -> list[Source]:
    """Bodies that lie in folders."""
    return [Source(body.name, lambda body=body: body) for folder in folders for body in load_bodies(folder)]


def drawn() -> list[Source]:
    """Built-in bodies of several ages that nothing was trained on."""
    seeds = range(BODY_SEED, BODY_SEED + len(AGES_YEARS))
    return [
        Source(f"legs-{seed}", partial(draw_legs, seed, age_years=age))
        for seed, age in zip(seeds, AGES_YEARS, strict=True)
    ]


def judged_table(tests: Sequence[SegmentedScan], calibration: Calibration, task: Task) -> pd.DataFrame:
    """A row a structure that was found, is missed or is looked for: Dice, expected Dice, whether to look, and why.

    The Dice of a missed structure is 0; of one that is looked for though the scan does not hold it, NaN.
    """
    rows = []
    for number, test in enumerate(tests):
        known = test.known
        judged = judge_evidence(known.evidence, calibration)
        looked_for = missed_structures(known.hidden_cm3, test.found, judged, task, calibration)
        silent = sorted(known.missed - {j.structure for j in looked_for})
        facts = {"scan": number, "body": known.body, "kind": test.kind, "what": test.what}
        case = {
            "case_dice": fmean([*known.dice.values(), *(0.0 for _ in known.missed)]) if known.evidence else nan,
            "expected_case_dice": case_dice([*judged, *looked_for]),
        }
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
                    **case,
                }
            )
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, calibration: Calibration) -> str:
    """Markdown: sensitivity, false alarms and error, on the scans of calibration and on those of the test."""
    found = table[table["found"]]
    bone = found["structure"].str.split("-").str[0]
    cases = found.groupby("scan")[["case_dice", "expected_case_dice", "kind"]].first()
    below = f"Dice below {calibration.level:g}"
    lines = [
        f"| structures | all | {below} | of these to be looked at | false alarms | mean absolute error | bias |",
        "|---|---|---|---|---|---|---|",
        line("calibration, each body by the others", calibration.measured),
        line("test", of_rows(found, calibration)),
        *(line(f"test, {name}", of_rows(rows, calibration)) for name, rows in found.groupby("kind")),
        *(line(f"test, {name}", of_rows(rows, calibration)) for name, rows in found.groupby(bone)),
        f"| **cases** | **all** | **mean {below}** | **of these to be looked at** | **false alarms** | | |",
        # a threshold that somebody set by hand was measured on nothing
        *([line("calibration, each body by the others", of)] if (of := calibration.measured_cases) else []),
        line("test", of_cases(cases, calibration)),
        *(line(f"test, {name}", of_cases(rows, calibration)) for name, rows in cases.groupby("kind")),
        "",
        f"Looked at is a structure with an expected Dice below {calibration.look_below:.3f}, and a case with a mean "
        f"expected Dice below {calibration.look_at_case_below:.3f}: thresholds that the scans of calibration gave. "
        "The Dice of a case is the mean of its structures' (in the test 0 for those missed).",
        "",
        of_missed(table),
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


def of_missed(table: pd.DataFrame) -> str:
    """How many structures that were not found were to be looked for, rightly or not."""
    missed = table[~table["found"] & table["dice"].notna()]
    absent = table[~table["found"] & table["dice"].isna()]
    mean = absent.groupby("scan")["case_dice"].first().mean()
    return (
        f"Of {len(missed)} structures that the test scans hold and that were not found, {int(missed['look'].sum())} "
        f"were to be looked for; {len(absent)} were to be looked for in scans that do not hold them, in "
        f"{absent['scan'].nunique()} scans with a mean Dice of {mean:.2f}."
    )


def of_cases(cases: pd.DataFrame, calibration: Calibration) -> dict[str, float]:
    """What `measured` says of the scans as a whole."""
    expected, dice = (cases[c].to_numpy(dtype=float) for c in ("expected_case_dice", "case_dice"))
    return measured(expected, dice, calibration.look_at_case_below, calibration.level)


def of_rows(rows: pd.DataFrame, calibration: Calibration) -> dict[str, float]:
    """What `measured` says of some rows of the table."""
    expected, dice = (rows[c].to_numpy(dtype=float) for c in ("expected_dice", "dice"))
    return measured(expected, dice, calibration.look_below, calibration.level)


def line(name: str, of: dict[str, float]) -> str:
    """One row of the summary; shares with their counts."""
    good = of["structures"] - of["poor"]
    return (
        f"| {name} | {of['structures']:.0f} | {of['poor']:.0f} | {_share(of['poor_found'], of['poor'])} | "
        f"{_share(of['false_alarms'], good)} | {of['mean_absolute_error']:.3f} | {of['bias']:+.3f} |"
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} % ({part:.0f} of {whole:.0f})" if whole else "none"


if __name__ == "__main__":
    main()
