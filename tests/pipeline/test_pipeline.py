"""From scans to case folders: what lies in them, right, and the same each time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from running import contents, names, run_on

from models import CASE_FILES, LEVELS, boxes
from osteon.anatomy import Task
from osteon.inference import engine_for
from osteon.io import read, read_labels, write
from osteon.networks.model import Model
from osteon.pipeline import STAGES, SegmentedCase, segment, segment_volume


def test_a_case_folder_holds_exactly_what_the_design_names(done: SegmentedCase) -> None:
    assert names(done.paths.folder) == CASE_FILES
    assert names(done.paths.meshes) == sorted(f"{level}.ply" for level in LEVELS)
    assert names(done.paths.folder.parent) == ["spine"]


def test_boxes_are_found_with_their_levels_on_the_scans_own_grid(done: SegmentedCase, jane: Path) -> None:
    task = Task.load("lumbar-spine")
    found, truth = read_labels(done.paths.segmentation, task), boxes()[1]
    assert found.grid.matches(read(jane).grid)
    assert found.orientation == read(jane).orientation != "RAS"
    np.testing.assert_array_equal(found.reoriented("RAS").array, truth.array)
    assert done.labels is not None
    np.testing.assert_array_equal(done.labels.array, found.array)
    assert done.warnings == ()


@pytest.mark.parametrize("orientation", ["LPS", "ASR", "PIL"])
def test_orientation_of_the_scan_does_not_change_what_is_found(model: Model, orientation: str) -> None:
    turned, truth = boxes(orientation=orientation)
    found = segment_volume(turned, model, engine_for(model, "torch", "cpu"))
    np.testing.assert_array_equal(found.labels.array, truth.array)


def test_the_default_engine_finds_the_same(model: Model, scan: Path, tmp_path: Path) -> None:
    (case,) = segment(scan, tmp_path, model=model, device="cpu")
    assert case.labels is not None
    np.testing.assert_array_equal(case.labels.array, boxes(orientation="PIR")[1].array)
    assert json.loads(case.paths.record.read_text())["arguments"]["engine"] == "openvino on cpu"


def test_volumes_are_those_of_the_boxes(done: SegmentedCase) -> None:
    lines = done.paths.measurements.read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert [row["structure"] for row in rows] == list(LEVELS)
    for row in rows:
        assert float(row["volume_cm3"]) == pytest.approx(40 * 32 * 24 / 1000, rel=1e-3)


def test_the_label_map_has_the_headers_forms_of_a_nifti_scan(model: Model, tmp_path: Path) -> None:
    volume, _ = boxes(orientation="PIR")
    image = nib.Nifti1Image(volume.array, volume.affine)
    image.header.set_qform(volume.affine, 1)
    image.header.set_sform(volume.affine, 4)
    nib.save(image, tmp_path / "coded.nii")
    (case,) = run_on(tmp_path / "coded.nii", tmp_path / "out", model)
    found = nib.load(case.paths.segmentation).header
    for field in ("pixdim", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_x"):
        np.testing.assert_allclose(found[field], image.header[field], atol=1e-5, err_msg=field)


def test_a_scan_with_nothing_in_it_is_complete_and_says_so(model: Model, tmp_path: Path) -> None:
    dim, _ = boxes()
    array = np.minimum(dim.array, 20)
    array[5, 20, 40] = 200  # one bright voxel, too small to be a body
    write(dim.with_array(array), tmp_path / "no.mha")
    (case,) = run_on(tmp_path / "no.mha", tmp_path / "out", model)
    assert case.error is None
    assert any("Nothing that the model knows" in warning for warning in case.warnings)
    assert set(names(case.paths.folder)) | {"meshes"} == set(CASE_FILES)


def test_nothing_of_the_patient_reaches_an_output(done: SegmentedCase, jane: Path) -> None:
    image = pydicom.dcmread(next(jane.iterdir()))
    assert str(image.PatientName) == "Doe^Jane"
    uids = [str(image[key].value) for key in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    for name, data in contents(done.paths.folder).items():
        text = re.sub(rb"[A-Za-z0-9+/=]{200,}", b"", data)  # pictures in base64 hold any three letters by chance
        for secret in ["Doe", "Jane", "JD-4711", "20130807", "2013-08-07", *uids]:
            assert secret.encode() not in text, f"{secret} in {name}"


def test_the_record_holds_no_path(done: SegmentedCase, jane: Path) -> None:
    record = json.loads(done.paths.record.read_text(encoding="utf-8"))
    text = json.dumps(record)
    assert str(jane.parent) not in text
    assert not re.search(r'"(/|[A-Za-z]:\\)', text)
    assert record["arguments"] == {"scan": "spine", "model": "brightness", "engine": "torch on cpu"}
    assert list(record["inputs_sha256"]) == ["spine"]
    assert record["structures"] == list(LEVELS)


def test_the_same_scan_gives_the_same_bytes(done: SegmentedCase, jane: Path, model: Model, tmp_path: Path) -> None:
    (again,) = run_on(jane, tmp_path, model)
    assert again.paths.segmentation.read_bytes() == done.paths.segmentation.read_bytes()
    assert again.paths.measurements.read_bytes() == done.paths.measurements.read_bytes()
    assert again.paths.preview.read_bytes() == done.paths.preview.read_bytes()
    for mesh in done.paths.meshes.iterdir():
        assert (again.paths.meshes / mesh.name).read_bytes() == mesh.read_bytes()


def test_progress_goes_from_nothing_towards_all_and_names_each_stage(model: Model, scan: Path, tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    run_on(scan, tmp_path, model, doing=lambda share, what: heard.append((share, what)))
    shares = [share for share, _ in heard]
    assert shares == sorted(set(shares))
    assert shares[0] == 0
    assert shares[-1] < 1
    assert [what for _, what in heard] == [f"boxes: {stage}" for stage in STAGES]
    assert sum(STAGES.values()) == pytest.approx(1)
