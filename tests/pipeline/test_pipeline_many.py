"""Many scans: written while the next is worked on, in order, flat in memory, shared among processes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from running import contents, names, run_on

from models import CASE_FILES
from osteon import case_folder, labelling
from osteon.errors import ReadError, UnexpectedError
from osteon.networks.model import Model
from osteon.shard import Shard


@pytest.fixture
def scans(scan: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.nii.gz").write_bytes(scan.read_bytes())
    return folder


def test_the_next_scan_goes_through_the_network_while_one_is_written(
    scans: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict, write_meshes, second = labelling.predict, case_folder.write_meshes, threading.Event()
    seen: list[bool] = []

    def predicts(*words: object) -> object:
        if seen or first.is_set():
            second.set()
        first.set()
        return predict(*words)  # type: ignore[arg-type]

    def writes(*words: object) -> None:
        if not seen:
            seen.append(second.wait(30))  # hangs where the second scan waits for the first
        write_meshes(*words)  # type: ignore[arg-type]

    first = threading.Event()
    monkeypatch.setattr(labelling, "predict", predicts)
    monkeypatch.setattr(case_folder, "write_meshes", writes)
    cases = run_on(scans, tmp_path / "out", model)
    assert seen == [True]
    assert [case.error for case in cases] == [None] * 3


def test_cases_come_in_order_with_progress_forwards_and_the_bytes_of_a_case_alone(
    scans: Path, model: Model, tmp_path: Path
) -> None:
    (scans / "b.nii.gz").write_bytes(b"no scan")
    heard, shares = [], []
    cases = run_on(
        scans,
        tmp_path / "out",
        model,
        said=lambda case, number, of: heard.append((case.case, number, of)),
        doing=lambda share, what: shares.append(share),
    )
    assert heard == [("a", 1, 3), ("b", 2, 3), ("c", 3, 3)]
    assert [type(case.error) for case in cases] == [type(None), ReadError, type(None)]
    assert shares == sorted(shares)
    (alone,) = run_on(scans / "c.nii.gz", tmp_path / "alone", model)
    found, expected = (contents(case.paths.folder) for case in (cases[2], alone))
    for name in ("segmentation.nii.gz", "measurements.csv", "preview.png"):
        assert found[name] == expected[name]


def test_a_failure_while_writing_stops_no_other(
    scans: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = case_folder.write_report

    def fails_once(path: Path, content: case_folder.ReportContent) -> None:
        if content.case == "a":
            raise ZeroDivisionError
        whole(path, content)

    monkeypatch.setattr(case_folder, "write_report", fails_once)
    cases = run_on(scans, tmp_path / "out", model)
    assert [type(case.error) for case in cases] == [UnexpectedError, type(None), type(None)]
    assert names(tmp_path / "out") == ["b", "c"]
    assert names(tmp_path / "out" / "b") == CASE_FILES


def test_shares_are_segmented_apart_into_one_folder(scans: Path, model: Model, tmp_path: Path) -> None:
    first = run_on(scans, tmp_path / "out", model, shard=Shard(1, 2))
    second = run_on(scans, tmp_path / "out", model, shard=Shard(2, 2))
    assert [case.case for case in first] == ["a", "c"]
    assert [case.case for case in second] == ["b"]
    assert names(tmp_path / "out") == ["a", "b", "c"]
    assert run_on(scans, tmp_path / "more", model, shard=Shard(4, 4)) == []
