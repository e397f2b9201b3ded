"""From scans to case folders: what lies in them, right, the same each time, there wholly or not at all."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from models import LEVELS, boxes, brightness_model
from osteon.anatomy import Task
from osteon.errors import ReadError, UnexpectedError, UsageError, WriteError
from osteon.inference import engine_for
from osteon.io import read, read_labels, write
from osteon.io.dicom import write_dicom_series
from osteon.metrics import agreement
from osteon.networks.model import Model
from osteon.pipeline import DEFAULT_MODEL, STAGES, CasePaths, SegmentedCase, segment, segment_volume
from osteon.synthesis import make_phantom

FILES = ["measurements.csv", "meshes", "preview.png", "report.html", "run.json", "segmentation.nii.gz"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return brightness_model(tmp_path_factory.mktemp("model") / "brightness")


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "boxes.nii.gz"
    write(boxes()[0], path)
    return path


@pytest.fixture(scope="module")
def jane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DICOM series that names its patient."""
    folder = tmp_path_factory.mktemp("jane") / "spine"
    write_dicom_series(boxes()[0], folder, description="Sagittal T2", seed=1)
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        image.PatientName, image.PatientID, image.PatientBirthDate = "Doe^Jane", "JD-4711", "20130807"
        image.save_as(path)
    return folder


@pytest.fixture(scope="module")
def done(jane: Path, model: Model, tmp_path_factory: pytest.TempPathFactory) -> SegmentedCase:
    (case,) = segment(jane, tmp_path_factory.mktemp("out"), model=model, engine="torch", device="cpu")
    assert case.error is None
    return case


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_on(scans: Path | list[Path], out: Path, model: Model, **options: object) -> list[SegmentedCase]:
    return segment(scans, out, model=model, engine="torch", device="cpu", **options)  # type: ignore[arg-type]


# What comes out


def test_a_case_folder_holds_exactly_what_the_design_names(done: SegmentedCase) -> None:
    assert names(done.paths.folder) == FILES
    assert names(done.paths.meshes) == sorted(f"{level}.ply" for level in LEVELS)
    assert names(done.paths.folder.parent) == ["spine"]


def test_boxes_are_found_with_their_levels_on_the_scans_own_grid(done: SegmentedCase, jane: Path) -> None:
    task = Task.load("lumbar-spine")
    found, truth = read_labels(done.paths.segmentation, task), boxes()[1]
    assert found.grid.matches(read(jane).grid)
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
    np.testing.assert_array_equal(case.labels.array, boxes()[1].array)
    assert json.loads(case.paths.record.read_text())["arguments"]["engine"] == "openvino on cpu"


def test_volumes_are_those_of_the_boxes(done: SegmentedCase) -> None:
    lines = done.paths.measurements.read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert [row["structure"] for row in rows] == list(LEVELS)
    for row in rows:
        assert float(row["volume_cm3"]) == pytest.approx(40 * 32 * 24 / 1000, rel=1e-3)


def test_the_label_map_has_the_headers_forms_of_a_nifti_scan(model: Model, tmp_path: Path) -> None:
    volume, _ = boxes()
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
    assert set(names(case.paths.folder)) | {"meshes"} == set(FILES)


# What must not come out


def contents(folder: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: gzip.decompress(data) if name.endswith(".gz") else data for name, data in files.items()}


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


# The same each time


def test_the_same_scan_gives_the_same_bytes(done: SegmentedCase, jane: Path, model: Model, tmp_path: Path) -> None:
    (again,) = run_on(jane, tmp_path, model)
    assert again.paths.segmentation.read_bytes() == done.paths.segmentation.read_bytes()
    assert again.paths.measurements.read_bytes() == done.paths.measurements.read_bytes()
    assert again.paths.preview.read_bytes() == done.paths.preview.read_bytes()
    for mesh in done.paths.meshes.iterdir():
        assert (again.paths.meshes / mesh.name).read_bytes() == mesh.read_bytes()


# What goes wrong


def test_one_bad_scan_among_three_stops_no_other_and_leaves_nothing(model: Model, scan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a.nii.gz", "c.nii.gz"):
        (folder / name).write_bytes(scan.read_bytes())
    (folder / "b.nii.gz").write_bytes(scan.read_bytes()[:500])
    heard: list[tuple[str, int, int]] = []
    cases = run_on(folder, tmp_path / "out", model, said=lambda case, number, of: heard.append((case.case, number, of)))
    assert [case.case for case in cases] == ["a", "b", "c"]
    assert heard == [("a", 1, 3), ("b", 2, 3), ("c", 3, 3)]
    assert [type(case.error) for case in cases] == [type(None), ReadError, type(None)]
    assert names(tmp_path / "out") == ["a", "c"]
    assert names(tmp_path / "out" / "c") == FILES


@pytest.mark.parametrize("error", [MemoryError("too large"), ZeroDivisionError("a bug")])
def test_an_unexpected_failure_is_kept_as_the_cause_and_stops_no_other(
    model: Model, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from osteon import pipeline

    whole = pipeline.write_report

    def fails_once(path: Path, content: pipeline.ReportContent) -> None:
        if content.case == "first":
            raise error
        whole(path, content)

    monkeypatch.setattr(pipeline, "write_report", fails_once)
    for name in ("first", "second"):
        (tmp_path / f"{name}.nii.gz").write_bytes(scan.read_bytes())
    first, second = run_on(tmp_path, tmp_path / "out", model)
    assert isinstance(first.error, UnexpectedError)
    assert first.error.__cause__ is error
    assert type(error).__name__ in str(first.error)
    assert second.error is None
    assert names(tmp_path / "out") == ["second"]


def test_a_full_disk_is_said_and_leaves_nothing(
    model: Model, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon import pipeline

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline, "write_meshes", full)
    (case,) = run_on(scan, tmp_path / "out", model)
    assert isinstance(case.error, WriteError)
    assert "boxes cannot be written: No space left on device." in str(case.error)
    assert names(tmp_path / "out") == []


def test_what_stops_the_program_stops_it_and_leaves_no_folder(
    model: Model, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon import pipeline

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "write_report", stop)
    with pytest.raises(KeyboardInterrupt):
        run_on(scan, tmp_path / "out", model)
    assert names(tmp_path / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_in_the_middle_leaves_no_case_folder(model: Model, scan: Path, tmp_path: Path) -> None:
    program = f"""
        import os, signal
        from osteon import pipeline
        pipeline.write_report = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        pipeline.segment({str(scan)!r}, {str(tmp_path / "out")!r}, model={str(model.folder)!r}, engine="torch")
    """
    end = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=False)
    assert end.returncode == -9, end.stderr
    assert not (tmp_path / "out" / "boxes").exists()
    # what the kill left is hidden, is in nobody's way and is not taken for a case
    assert all(name.startswith(".part-") for name in names(tmp_path / "out"))
    (case,) = run_on(scan, tmp_path / "out", model)
    assert names(case.paths.folder) == FILES


# Old outputs and names


def test_an_old_result_is_in_the_way_unless_it_may_be_replaced(model: Model, scan: Path, tmp_path: Path) -> None:
    stale = CasePaths(tmp_path / "boxes").meshes / "vertebra-T11.ply"
    stale.parent.mkdir(parents=True)
    stale.write_text("of an earlier run")
    with pytest.raises(UsageError, match=r"already holds boxes.*--overwrite"):
        run_on(scan, tmp_path, model)
    assert stale.exists()
    assert names(tmp_path / "boxes") == ["meshes"]
    run_on(scan, tmp_path, model, overwrite=True)
    assert names(tmp_path / "boxes") == FILES
    assert not stale.exists()


def test_a_failure_leaves_the_old_result(model: Model, scan: Path, tmp_path: Path) -> None:
    run_on(scan, tmp_path / "out", model)
    before = contents(tmp_path / "out")
    bad = tmp_path / "boxes.nii.gz"
    bad.write_bytes(scan.read_bytes()[:500])
    (case,) = run_on(bad, tmp_path / "out", model, overwrite=True)
    assert isinstance(case.error, ReadError)
    assert contents(tmp_path / "out") == before


def test_two_scans_of_one_name_are_refused_before_anything_is_written(model: Model, tmp_path: Path, scan: Path) -> None:
    other = tmp_path / "visit2" / scan.name
    other.parent.mkdir()
    other.write_bytes(scan.read_bytes())
    with pytest.raises(UsageError, match="Two scans are named boxes"):
        run_on([scan, other], tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"), [({"engine": "tensorflow"}, "no engine tensorflow"), ({"device": "tpu"}, "no device tpu")]
)
def test_wrong_words_are_refused(model: Model, scan: Path, tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        segment(scan, tmp_path / "out", model=model, **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_no_scan_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No scan"):
        run_on([], tmp_path, model)


def test_progress_goes_from_nothing_towards_all_and_names_each_stage(model: Model, scan: Path, tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    run_on(scan, tmp_path, model, doing=lambda share, what: heard.append((share, what)))
    shares = [share for share, _ in heard]
    assert shares == sorted(set(shares))
    assert shares[0] == 0
    assert shares[-1] < 1
    assert [what for _, what in heard] == [f"boxes: {stage}" for stage in STAGES]
    assert sum(STAGES.values()) == pytest.approx(1)


# The shipped model


@pytest.fixture(scope="module")
def shipped() -> Model:
    if DEFAULT_MODEL not in Model.available():
        pytest.skip(f"the model {DEFAULT_MODEL} is not in this checkout")
    return Model.load(DEFAULT_MODEL)


def test_a_phantom_series_is_segmented_by_the_shipped_model(shipped: Model, tmp_path: Path) -> None:
    phantom = make_phantom(Task.load("lumbar-spine"), seed=7)
    write_dicom_series(phantom.scan, tmp_path / "phantom", description="T2", seed=7)
    (case,) = segment(tmp_path / "phantom", tmp_path / "out", device="cpu")
    assert case.error is None
    assert names(case.paths.folder) == FILES
    bodies = [f"vertebra-L{n}" for n in (5, 4, 3, 2, 1)]
    task = Task.load("lumbar-spine")
    table = agreement(read_labels(case.paths.segmentation, task), phantom.labels, structures=bodies)
    dice = dict(zip(table["structure"], table["dice"], strict=True))
    assert min(dice.values()) > 0.7, dice  # each under its own name
    assert np.mean(list(dice.values())) >= 0.85, dice


@pytest.mark.realdata
def test_the_label_map_of_a_patient_has_the_scans_geometry(shipped: Model, data: Path, tmp_path: Path) -> None:
    scan = data / "spine-mri" / "images" / "217_t2.mha"
    write(read(scan), tmp_path / "as.nii.gz")
    (case,) = segment(scan, tmp_path / "out", device="cpu")
    assert case.error is None
    found, expected = (nib.load(path).header for path in (case.paths.segmentation, tmp_path / "as.nii.gz"))
    fields = ("dim", "pixdim", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "xyzt_units")
    for field in (*fields, *(f"quatern_{axis}" for axis in "bcd"), *(f"qoffset_{axis}" for axis in "xyz")):
        np.testing.assert_array_equal(found[field], expected[field], err_msg=field)
