"""Folders of DICOM files as scanners and archives leave them, each of a few small slices."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from osteon.io.dicom import write_dicom_series
from osteon.volume import Volume

Change = Callable[[Dataset, int], None]


def scan(shape: tuple[int, int, int] = (6, 7, 5), *, seed: int = 0, origin_mm: tuple[float, ...] = (0, 0, 0)) -> Volume:
    """Noise on a grid of 1 x 1 x 3 mm."""
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = origin_mm
    return Volume(np.random.default_rng(seed).integers(0, 900, shape).astype(np.int16), affine)


def add_series(folder: Path, volume: Volume, name: str, change: Change | None = None, **elements: Any) -> Path:
    """Put the slices of a volume into a folder; ``elements`` are set in each header, then ``change`` edits it.

    Slices of one ``name`` are one series, unless ``SeriesInstanceUID`` says otherwise; all series are of one study.
    """
    made = folder.parent / f"{folder.name}-making"
    write_dicom_series(volume, made, description=name, seed=1)
    folder.mkdir(parents=True, exist_ok=True)
    for n, file in enumerate(sorted(made.iterdir())):
        path = folder / f"{len(list(folder.iterdir())):04d}.dcm"
        if not elements and change is None:
            file.rename(path)
            continue
        image = pydicom.dcmread(file)
        for keyword, value in elements.items():
            setattr(image, keyword, value)
        if change is not None:
            change(image, n)
        image.save_as(path)
    shutil.rmtree(made)
    return folder


def zipped(folder: Path, path: Path) -> Path:
    """The folder as an archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def same_in_the_world(a: Volume, b: Volume) -> None:
    """Require the same voxels at the same places."""
    a, b = a.reoriented("RAS"), b.reoriented("RAS")
    assert a.shape == b.shape
    assert a.grid.distance_mm(b.grid) < 1e-3
    np.testing.assert_array_equal(a.array, b.array)
