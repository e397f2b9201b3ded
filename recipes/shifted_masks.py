"""How often ``osteon cohort check`` warns of a mask that lies right, and how often it misses one that was shifted.

usage: python recipes/shifted_masks.py FOLDER [--half first|second|both] [--of N]

FOLDER is in the SPIDER layout, with ``participants.tsv``. Each mask is looked at as it lies, and shifted within the
sagittal plane by 4, 6 and 10 mm into a random direction. The rule was set on the first half of the subjects (every
second one by name); the second was only looked at for the numbers.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from osteon.anatomy import Task
from osteon.cohort.alignment import alignment
from osteon.cohort.findings import SHIFT_GAIN, SHIFT_MM
from osteon.geometry import FloatArray
from osteon.io import read, read_labels
from osteon.volume import LabelMap

TASK = Task.load("lumbar-spine")
SHIFTS_MM = (0.0, 4.0, 6.0, 10.0)
SEED = 4


def main() -> None:
    """Shift, look, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=("first", "second", "both"), default="second")
    parser.add_argument("--of", type=int, default=1, help="look at every Nth scan only")
    arguments = parser.parse_args()
    rng = np.random.default_rng(SEED)
    rows = []
    for case in list(scans(arguments.folder, arguments.half))[:: arguments.of]:
        scan = read(arguments.folder / "images" / case["file"])
        labels = read_labels(arguments.folder / "masks" / case["file"], TASK)
        for distance in SHIFTS_MM:
            angle = rng.uniform(0, 2 * np.pi)
            moved, shift = shifted(labels, distance * np.array([0, np.cos(angle), np.sin(angle)]))
            found = alignment(scan, moved)
            warned = found.distance_mm >= SHIFT_MM and found.gain >= SHIFT_GAIN
            left_mm = float(np.linalg.norm(np.array(found.shift_mm) + shift))
            rows.append((case["file"], case["sequence"], distance, found.gain, left_mm, warned))
            sys.stdout.write(f"{rows[-1]}\n")
            sys.stdout.flush()
    columns = ["file", "sequence", "shift_mm", "gain", "left_mm", "warned"]
    sys.stdout.write(summary(pd.DataFrame(rows, columns=columns)) + "\n")


def scans(folder: Path, half: str) -> Iterator[dict[str, str]]:
    """Rows of the participants' table, of one half of the subjects."""
    with (folder / "participants.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    first = set(sorted({row["subject"] for row in rows})[::2])
    for row in rows:
        if half == "both" or (row["subject"] in first) == (half == "first"):
            yield row


def shifted(labels: LabelMap, shift_mm: FloatArray) -> tuple[LabelMap, FloatArray]:
    """Labels moved by whole voxels, and by how many mm that is; what leaves the scan is lost."""
    voxels = np.rint(np.linalg.solve(labels.affine[:3, :3], shift_mm)).astype(int)
    array = np.zeros_like(labels.array)
    source = tuple(slice(max(0, -v), n - max(0, v)) for v, n in zip(voxels, array.shape, strict=True))
    target = tuple(slice(max(0, v), n - max(0, -v)) for v, n in zip(voxels, array.shape, strict=True))
    array[target] = labels.array[source]
    return labels.with_array(array), labels.affine[:3, :3] @ voxels


def summary(table: pd.DataFrame) -> str:
    """Markdown: warned, by sequence and shift; ``mm left`` is how far from its place the mask would then lie."""
    lines = ["| sequence | shifted by | n | warned | gain: lowest | median | highest | mm left, median |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for (sequence, distance), part in table.groupby(["sequence", "shift_mm"]):
        gain = part["gain"]
        lines.append(
            f"| {sequence} | {distance:g} mm | {len(part)} | {int(part['warned'].sum())} | {gain.min():.2f} | "
            f"{gain.median():.2f} | {gain.max():.2f} | {part['left_mm'].median():.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
