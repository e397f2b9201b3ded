"""segment() on DICOM: one of several series, archives, single slices; no identity in what it leaves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from dicom_folders import add_series, zipped
from models import boxes, brightness_model
from osteon.io import read
from osteon.networks.model import Model
from osteon.pipeline import segment
from osteon.volume import Volume

STUDY = "1.2.840.99999.19371231.2.3"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model") / "model"
    brightness_model(folder)
    return Model.load(folder)


def folder_of(path: Path, *, one: bool = False) -> Path:
    scan = boxes()[0]
    scan = scan.cropped((slice(0, scan.shape[0]), slice(0, scan.shape[1]), slice(40, 41))) if one else scan
    return add_series(path, Volume(scan.array, scan.affine), "T2", StudyInstanceUID=STUDY)


def run(model: Model, *scans: Path, out: Path, series: str | None = None) -> list[object]:
    return list(segment(scans, out, model=model, engine="torch", device="cpu", series=series))


def test_the_named_series_of_an_archive_is_segmented_and_nothing_identifies_it(model: Model, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "s")
    add_series(folder, boxes()[0], "other", StudyInstanceUID=STUDY)
    archive = zipped(folder, tmp_path / "study.zip")
    (refused,) = run(model, archive, out=tmp_path / "a")
    assert "holds 2 series" in str(refused.error)  # type: ignore[attr-defined]
    (case,) = run(model, archive, out=tmp_path / "b", series="T2")
    assert case.error is None  # type: ignore[attr-defined]
    done = tmp_path / "b" / "study"
    assert read(done / "segmentation.nii.gz").array.any()
    record = json.loads((done / "run.json").read_text())
    salt, rounds = bytes.fromhex(record["study"]["salt"]), record["study"]["rounds"]
    assert record["study"]["pbkdf2_sha256"] == hashlib.pbkdf2_hmac("sha256", STUDY.encode(), salt, rounds).hex()
    for file in done.rglob("*"):
        if file.is_file():
            assert STUDY.encode() not in file.read_bytes(), file.name


def test_a_single_slice_is_not_segmented(model: Model, tmp_path: Path) -> None:
    (case,) = run(model, folder_of(tmp_path / "s", one=True), out=tmp_path / "out")
    assert "single slice" in str(case.error)  # type: ignore[attr-defined]
    assert not (tmp_path / "out" / "s").exists()


def test_what_is_said_about_a_scan_stands_in_its_record(model: Model, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "s")
    (folder / "copy.dcm").write_bytes((folder / "0000.dcm").read_bytes())
    (case,) = run(model, folder, out=tmp_path / "out")
    assert any("1 slice twice" in warning for warning in case.warnings)  # type: ignore[attr-defined]
    record = json.loads((tmp_path / "out" / "s" / "run.json").read_text())
    assert any("1 slice twice" in warning for warning in record["warnings"])
