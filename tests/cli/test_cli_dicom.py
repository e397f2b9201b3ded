"""osteon inspect, convert and segment on a folder of several DICOM series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom_folders import add_series, scan, zipped
from osteon.io import read

Osteon = Callable[..., Any]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Water and fat in one series, a localizer, and a file that is broken."""
    folder = tmp_path / "study"
    for seed, word in enumerate(("WATER", "FAT")):
        add_series(folder, scan(seed=seed), "legs", ImageType=["ORIGINAL", "PRIMARY", "DIXON", word], EchoTime=2.39)
    add_series(folder, scan(seed=2), "scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (folder / "last.dcm").write_bytes((folder / "0000.dcm").read_bytes()[:600])
    return folder


def test_inspect_lists_every_volume_and_every_problem(osteon: Osteon, study: Path) -> None:
    ended = osteon("inspect", study)
    assert ended.code == 1
    assert "study: series 1, legs (MR, water, TE 2.39 ms): 6 x 7 x 5 voxels of 1.00 x 1.00 x 3.00 mm, " in ended.out
    assert "study: series 2, legs (MR, fat, TE 2.39 ms)" in ended.out
    assert "problem: last.dcm is a damaged DICOM file" in ended.out
    assert ended.out.count("problem:") == 2
    document = osteon("inspect", study, "--json").document()
    assert [row["details"]["image"] for row in document if row["details"]] == ["water", "fat", ""]
    assert "2.25." not in ended.out + str(document), "a unique identifier"


def test_convert_takes_the_image_that_is_named(osteon: Osteon, study: Path, tmp_path: Path) -> None:
    ended = osteon("convert", zipped(study, tmp_path / "study.zip"), "-o", tmp_path / "w.nii.gz", "--series", "water")
    assert ended.code == 0
    assert "note: Left out: last.dcm is a damaged DICOM file" in ended.err
    np.testing.assert_array_equal(read(tmp_path / "w.nii.gz").reoriented("RAS").array, scan(seed=0).array)


def test_convert_asks_where_several_can_be_used(osteon: Osteon, study: Path, tmp_path: Path) -> None:
    ended = osteon("convert", study, "-o", tmp_path / "w.nii.gz")
    assert ended.code == 3
    assert ended.is_one_sentence
    assert "--series 1: 1: legs, 5 images of 6 x 7, water, TE 2.39 ms; 2: legs" in ended.err
    assert not (tmp_path / "w.nii.gz").exists()
