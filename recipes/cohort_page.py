"""Make the cohort whose check is shown in docs/own-data.md: phantoms, three of them spoilt.

usage: python recipes/cohort_page.py FOLDER

Writes FOLDER/cohort/check.html; the picture is a browser's screenshot of its top.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from osteon.anatomy import Task
from osteon.cohort import check, import_cohort, split
from osteon.io import read, read_labels, write
from osteon.report.cohort import write_cohort_page
from osteon.synthesis import write_phantom_cohort
from osteon.volume import Volume


def main() -> None:
    """Make, spoil, import, split, check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    task = Task.load("lumbar-spine")
    source = write_phantom_cohort(folder / "source", count=6, seed=0)
    names = sorted(path.name for path in (source / "images").iterdir())
    moved, stretched, copied = names[0], names[2], names[5]
    labels = read_labels(source / "masks" / moved, task)
    array = np.roll(labels.array, 12, axis=int(np.argmax(np.abs(labels.affine[2, :3]))))
    write(labels.with_array(array), source / "masks" / moved)
    for part in ("images", "masks"):
        volume = read(source / part / stretched)
        affine = volume.affine.copy()
        affine[:3, :3] *= 1.8
        write(Volume(volume.array, affine), source / part / stretched)
    scan = read(source / "images" / names[8])
    write(Volume((scan.array * 1.3).astype(scan.array.dtype), scan.affine), source / "images" / copied)
    write(read(source / "masks" / names[8]), source / "masks" / copied)
    cohort = import_cohort("spider", source, folder / "cohort", task=task)
    split(cohort, kind="k-fold", folds=3).write(cohort.folder / "split.json")
    write_cohort_page(cohort.folder / "check.html", check(cohort))


if __name__ == "__main__":
    main()
