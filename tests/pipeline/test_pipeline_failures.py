"""What goes wrong with one scan stops no other, leaves nothing half-written and replaces nothing by chance."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from running import contents, names, run_on

from models import CASE_FILES
from osteon.case_folder import CasePaths
from osteon.errors import ReadError, UnexpectedError, UsageError, WriteError
from osteon.networks.model import Model
from osteon.pipeline import segment


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
    assert names(tmp_path / "out" / "c") == CASE_FILES


@pytest.mark.parametrize("error", [MemoryError("too large"), ZeroDivisionError("a bug")])
def test_an_unexpected_failure_is_kept_as_the_cause_and_stops_no_other(
    model: Model, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from osteon import case_folder

    whole = case_folder.write_report

    def fails_once(path: Path, content: case_folder.ReportContent) -> None:
        if content.case == "first":
            raise error
        whole(path, content)

    monkeypatch.setattr(case_folder, "write_report", fails_once)
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
    from osteon import case_folder

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(case_folder, "write_meshes", full)
    (case,) = run_on(scan, tmp_path / "out", model)
    assert isinstance(case.error, WriteError)
    assert "boxes cannot be written: No space left on device." in str(case.error)
    assert names(tmp_path / "out") == []


def test_what_stops_the_program_stops_it_and_leaves_no_folder(
    model: Model, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon import case_folder

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(case_folder, "write_report", stop)
    with pytest.raises(KeyboardInterrupt):
        run_on(scan, tmp_path / "out", model)
    assert names(tmp_path / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_in_the_middle_leaves_no_case_folder(model: Model, scan: Path, tmp_path: Path) -> None:
    program = f"""
        import os, signal
        from osteon import case_folder, pipeline
        case_folder.write_report = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        pipeline.segment({str(scan)!r}, {str(tmp_path / "out")!r}, model={str(model.folder)!r}, engine="torch")
    """
    end = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=False)
    assert end.returncode == -9, end.stderr
    assert not (tmp_path / "out" / "boxes").exists()
    # what the kill left is hidden, is in nobody's way and is not taken for a case
    assert all(name.startswith(".part-") for name in names(tmp_path / "out"))
    (case,) = run_on(scan, tmp_path / "out", model)
    assert names(case.paths.folder) == CASE_FILES


def test_an_old_result_is_in_the_way_unless_it_may_be_replaced(model: Model, scan: Path, tmp_path: Path) -> None:
    run_on(scan, tmp_path, model)
    stale = CasePaths(tmp_path / "boxes").meshes / "vertebra-T11.ply"
    stale.write_text("of an earlier run")
    with pytest.raises(UsageError, match=r"already holds boxes.*--overwrite"):
        run_on(scan, tmp_path, model)
    assert stale.exists()
    run_on(scan, tmp_path, model, overwrite=True)
    assert names(tmp_path / "boxes") == CASE_FILES
    assert not stale.exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_scans_own_folder_is_never_replaced(model: Model, jane: Path, tmp_path: Path, overwrite: bool) -> None:
    shutil.copytree(jane, tmp_path / "spine")
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="is not a result of Osteon"):
        run_on(tmp_path / "spine", tmp_path, model, overwrite=overwrite)
    assert contents(tmp_path) == before


def test_a_file_as_output_folder_is_refused(model: Model, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        run_on(scan, tmp_path / "out", model, overwrite=True)


def test_an_empty_folder_is_in_nobodys_way(model: Model, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "boxes").mkdir()
    with pytest.raises(UsageError, match="--overwrite"):
        run_on(scan, tmp_path, model)
    assert run_on(scan, tmp_path, model, overwrite=True)[0].error is None


def test_a_failure_leaves_the_old_result(model: Model, scan: Path, tmp_path: Path) -> None:
    run_on(scan, tmp_path / "out", model)
    before = contents(tmp_path / "out")
    bad = tmp_path / "boxes.nii.gz"
    bad.write_bytes(scan.read_bytes()[:500])
    (case,) = run_on(bad, tmp_path / "out", model, overwrite=True)
    assert isinstance(case.error, ReadError)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["boxes.nii.gz", "Boxes.nii.gz"])
def test_two_scans_of_one_name_are_refused_before_anything_is_written(
    model: Model, tmp_path: Path, scan: Path, name: str
) -> None:
    other = tmp_path / "visit2" / name
    other.parent.mkdir()
    other.write_bytes(scan.read_bytes())
    with pytest.raises(UsageError, match=r"Two scans are named [Bb]oxes"):
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
