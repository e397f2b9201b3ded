"""Segment synthetic scans of bodies that training never saw, and compare with their labels.

usage: python recipes/leg_test_set.py MODEL -o OUT [--bodies FOLDER] [--quick] [--clean] [--fine]

The bodies are those of FOLDER (templates that were held out) and built-in ones of several ages whose seeds no recipe
trains on. Each is scanned in eight contrasts, on an axial grid of thick slices or a coronal one of thin slices in turn;
with --clean by a scanner without faults (noise, ghosts, uneven coils, fat shifted against water), with --fine in T1
gradient echoes of 1 mm in every direction.
Writes OUT/evaluation.csv (a row a case and structure) and OUT/summary.md (Dice by bone, contrast, age, source, grid;
of the long bones' shafts and ends by age).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd

from osteon.cli.output import say
from osteon.inference import engine_for
from osteon.io.whole import written_whole
from osteon.metrics import agreement
from osteon.metrics.overlap import overlap
from osteon.networks.model import Model
from osteon.pipeline import segment_volume
from osteon.synthesis import Body, draw_legs
from osteon.synthesis.scanner import GeneratorSettings, ScanGeometry, scan_of
from osteon.synthesis.scanner.volume import SCAN
from osteon.synthesis.templates import load_bodies
from osteon.volume import LabelMap, Volume

CONTRASTS = ("t1-se", "t2-se", "stir", "t1-gre", "opposed-phase", "dixon-water", "bssfp", "random")
LONG_BONES = ("femur", "tibia", "fibula")
AGES_YEARS = (5.0, 8.0, 11.0, 14.0, 17.0, 40.0)
SEED = 900_000
"""Of the built-in bodies; `osteon phantom bodies` of the recipes uses seeds far below."""

GRIDS = {
    "axial": ScanGeometry("axial", (1.5, 5.0), gap_mm=0.5, rotation_degrees=(2.0, -2.0, 3.0)),
    "coronal": ScanGeometry("coronal", (2.0, 4.0), rotation_degrees=(1.0, 2.0, -2.0)),
}
FINE = {"coronal, 1 mm": ScanGeometry("coronal", (1.0, 1.0), rotation_degrees=(1.0, 2.0, -2.0))}

FAULTLESS = SCAN.model_copy(update={"noise": 0.0, "fourier_share": 0.0, "bias": 0.0, "chemical_shift_mm": 0.0})


def main() -> None:
    """Parse, make, segment, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--bodies", type=Path, help="folder of templates that were held out")
    parser.add_argument("--quick", action="store_true", help="every second contrast only")
    parser.add_argument("--clean", action="store_true", help="scans without faults")
    parser.add_argument("--fine", action="store_true", help="coronal T1 gradient echoes of 1 mm")
    arguments = parser.parse_args()
    model = Model.load(arguments.model)
    contrasts: tuple[str, ...] = CONTRASTS[::2] if arguments.quick else CONTRASTS
    if arguments.fine:
        contrasts = ("t1-gre",)
    settings = FAULTLESS if arguments.clean else SCAN
    scans = made_scans(bodies(arguments.bodies), contrasts, settings, FINE if arguments.fine else GRIDS)
    table = scored(model, scans)
    with written_whole(arguments.out / "evaluation.csv") as part:
        table.to_csv(part, index=False, float_format="%.4f")
    with written_whole(arguments.out / "summary.md") as part:
        part.write_text(summary(table), encoding="utf-8")


@dataclass(frozen=True, eq=False)
class MadeScan:
    """A made scan with its truth, and what is known of it."""

    body: Body
    contrast: str
    grid: str
    scan: Volume
    truth: LabelMap


def made_scans(
    of: Iterable[Body],
    contrasts: Sequence[str],
    settings: GeneratorSettings = SCAN,
    grids: Mapping[str, ScanGeometry] | None = None,
) -> Iterator[MadeScan]:
    """Every body in every contrast, on the grids in turn (`GRIDS`)."""
    grids = grids or GRIDS
    for number, body in enumerate(of):
        for turn, contrast in enumerate(contrasts):
            grid = list(grids)[(number + turn) % len(grids)]
            seed = SEED + 100 * number + turn
            scan, truth = scan_of(body, contrast, seed=seed, geometry=grids[grid], settings=settings)
            yield MadeScan(body, contrast, grid, scan, truth)


def scored(model: Model, scans: Iterable[MadeScan]) -> pd.DataFrame:
    """A row a scan and structure: agreement of a model's answer with the truth, bone, source, contrast, grid, age."""
    engine = engine_for(model)
    rows = []
    for case in scans:
        truth = case.truth
        found = segment_volume(case.scan, model, engine)
        scores = agreement(found.labels, truth, structures=[truth.task.by_value(v).name for v in truth.values()])
        scores.insert(0, "case", f"{case.body.name}-{case.contrast}")
        of_parts = [_shaft_and_ends(found.labels, truth, name) for name in scores["structure"]]
        scores["shaft"], scores["ends"] = zip(*of_parts, strict=True)
        scores["invented"] = len(set(found.labels.values()) - set(truth.values()))
        scores["source"], scores["contrast"], scores["grid"] = case.body.source, case.contrast, case.grid
        scores["age"] = age_band(case.body)
        rows.append(scores)
        say(f"{case.body.name} {case.contrast} {case.grid}: Dice {scores['dice'].mean():.3f}")
    table = pd.concat(rows, ignore_index=True)
    table["bone"] = table["structure"].str.split("-").str[0]
    return table


def _shaft_and_ends(found: LabelMap, truth: LabelMap, structure: str) -> tuple[float, float]:
    """Dice of a long bone's shaft, the middle half of its height in the scan, and of the rest; NaN of other bones."""
    if structure.split("-")[0] not in LONG_BONES:
        return nan, nan
    up = int(np.abs(truth.affine[2, :3]).argmax())
    value = truth.task.by_name(structure).value
    both = [np.moveaxis(labels.array == value, up, 0) for labels in (found, truth)]
    held = np.flatnonzero(both[1].any(axis=(1, 2)))
    quarter = (held[-1] + 1 - held[0]) / 4
    height = np.arange(len(both[1])) + 0.5
    shaft = (height > held[0] + quarter) & (height < held[-1] + 1 - quarter)
    mine, rest = (overlap(both[0][part], both[1][part], truth.voxel_volume_mm3).dice for part in (shaft, ~shaft))
    return mine, rest


def bodies(folder: Path | None, ages_years: Sequence[float] | None = None) -> Iterator[Body]:
    """Held-out templates, then built-in bodies of several ages (`AGES_YEARS`)."""
    if folder is not None:
        yield from load_bodies(folder)
    for number, age in enumerate(AGES_YEARS if ages_years is None else ages_years):
        yield draw_legs(SEED + number, age_years=age)


def age_band(body: Body) -> str:
    """The band in which results are reported."""
    if body.age_years is None or body.age_years >= 18:
        return "adult"
    return "4 to 9 years" if body.age_years < 10 else "10 to 17 years"


def summary(table: pd.DataFrame) -> str:
    """Markdown: mean Dice ± SD of each bone, over all cases and by contrast, age, source, grid; of shafts and ends."""
    whole = {bone: (bone, "dice") for bone in ("femur", "tibia", "pelvis", "fibula")}
    parts = {f"{bone}, {part}": (bone, part) for part in ("shaft", "ends") for bone in LONG_BONES}
    invented = table.groupby("case")["invented"].first()
    missed = int((table["dice"] == 0).sum())
    return (
        _rows(table, whole | {"all": (None, "dice")}, ("contrast", "age", "source", "grid"))
        + f"\n\n{missed} of {len(table)} structures were missed or found on the other side only; "
        + f"{int(invented.sum())} structures were found that the scan does not hold.\n\n"
        + _rows(table, parts, ("age",))
        + "\n"
    )


def _rows(table: pd.DataFrame, columns: Mapping[str, tuple[str | None, str]], groups: Sequence[str]) -> str:
    """Mean ± SD of columns, each a score of one bone or of all, over all cases and by groups of them."""
    lines = ["| | cases | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]

    def line(name: str, rows: pd.DataFrame) -> str:
        scores = [rows[(rows["bone"] == bone) | (bone is None)][score].dropna() for bone, score in columns.values()]
        cells = [f"{s.mean():.3f} ± {s.std():.3f}" if len(s) else "" for s in scores]
        return f"| {name} | {rows['case'].nunique()} | " + " | ".join(cells) + " |"

    lines.append(line("all", table))
    for by in groups:
        lines += [line(f"{by}: {name}", rows) for name, rows in table.groupby(by)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
