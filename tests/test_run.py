"""A run's record says what was done, and nothing about where or whose."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest

from osteon.run import RECORD, Run, peak_memory_mb, versions


def strict(folder: Path) -> dict:
    """The record, by a parser that refuses NaN and Infinity as browsers do."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads((folder / RECORD).read_text(encoding="utf-8"), parse_constant=refuse)


def test_stages_are_timed_and_add_up() -> None:
    run = Run("segment", {})
    for _ in range(2):
        with run.stage("read"):
            time.sleep(0.02)
    with run.stage("predict"):
        pass
    assert list(run.stages_s) == ["read", "predict"]
    assert 0.04 <= run.stages_s["read"] < 5
    assert run.stages_s["predict"] < run.stages_s["read"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells it a second way")
def test_peak_memory_is_what_the_kernel_says() -> None:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    said_mb = int(status["VmHWM"].split()[0]) / 1024
    assert peak_memory_mb() == pytest.approx(said_mb, rel=0.05)
    run = Run("segment", {})
    with run.stage("read"):
        pass
    assert run.stage_peak_mb["read"] == pytest.approx(said_mb, rel=0.05)


def test_a_stage_that_fails_is_not_recorded_as_done() -> None:
    run = Run("segment", {})
    with pytest.raises(KeyError), run.stage("read"):
        raise KeyError
    assert run.stages_s == {}


def test_a_warning_is_kept_once_and_in_order() -> None:
    run = Run("segment", {})
    for message in ("second look", "no sacrum", "second look"):
        run.warn(message)
    assert run.warnings == ["second look", "no sacrum"]


def test_only_the_last_parts_of_paths_are_written(tmp_path: Path) -> None:
    secret = tmp_path / "Jane Doe 1970" / "t1"
    secret.mkdir(parents=True)
    (secret / "a.dcm").write_bytes(b"a")
    run = Run("train", {"cohort": secret, "also": [secret, (secret,)], "nested": {"scan": secret}, "resume": True})
    run.facts["weights"] = {"file": secret}
    run.add_input(secret)
    run.write(tmp_path)
    text = (tmp_path / RECORD).read_text()
    assert "Jane" not in text
    assert strict(tmp_path)["arguments"] == {
        "cohort": "t1",
        "also": ["t1", ["t1"]],
        "nested": {"scan": "t1"},
        "resume": True,
    }


def test_inputs_are_hashed_by_content(tmp_path: Path) -> None:
    for name, content in (("one", b"a"), ("two", b"a"), ("three", b"b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(content)
    run = Run("segment", {})
    for name in ("one", "two", "three"):
        run.add_input(tmp_path / name)
    assert run.inputs["one"] == run.inputs["two"] != run.inputs["three"]
    run.add_input(tmp_path / "one" / "x")
    assert run.inputs["x"] == hashlib.sha256(hashlib.sha256(b"a").digest()).hexdigest()


def test_the_record_is_valid_json_with_versions_and_no_nan(tmp_path: Path) -> None:
    run = Run("train", {"rate": float("inf")}, seed=7)
    run.facts["best"] = {"dice_vertebra": float("nan"), "f1": 0.5}
    run.write(tmp_path)
    document = strict(tmp_path)
    assert document["command"] == "train"
    assert document["seed"] == 7
    assert document["best"] == {"dice_vertebra": None, "f1": 0.5}
    assert document["arguments"] == {"rate": None}
    assert document["versions"]["numpy"] == np.__version__
    assert document["peak_memory_mb"] > 10


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert versions()["torch"] == "not installed"
