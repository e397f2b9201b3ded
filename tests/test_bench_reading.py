"""The comparison of readers converts the same voxels both ways, and measures a fresh process's memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteon.bench import BENCHMARKS, Asked, reading
from osteon.bench.reading import STATUS, dicom_folder
from osteon.errors import OsteonError


def test_every_way_is_timed_and_its_memory_is_counted_in_volumes(tmp_path: Path) -> None:
    done = dicom_folder(Asked(repeats=1), tmp_path, (48, 40, 6))
    assert list(done.wall_s)[:2] == ["osteon convert", "SimpleITK's series reader"]
    assert min(done.wall_s.values()) > 0
    memory, *missing = done.notes
    assert ("in volumes: " in memory) == STATUS.is_file()
    assert ("dcm2niix" in list(done.wall_s)) == (not missing)  # timed, or said to be missing


def test_a_way_that_answers_otherwise_is_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_same_voxels", lambda ours, theirs: False)
    with pytest.raises(OsteonError, match="answers otherwise"):
        dicom_folder(Asked(repeats=1), tmp_path, (48, 40, 6))


def test_osteon_bench_knows_it() -> None:
    assert BENCHMARKS["reading"].function == dicom_folder.__name__
