"""An import can be stopped and gone on with, redoes only what changed, and keeps one case in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from cohorts import leg_case, write_spider
from limbs import LEGS
from osteon.cohort import Cohort, import_cohort
from osteon.errors import CohortError
from osteon.io import write
from osteon.volume import Volume


def files(folder: Path) -> dict[str, int]:
    """Time of modification of every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_spider(tmp_path / "source", 4)


def bring(source: Path, out: Path, stop_at: str | None = None) -> tuple[Cohort, list[str]]:
    """Import, and tell which cases were worked on; Ctrl-C before one of them."""
    worked: list[str] = []

    def doing(done: float, name: str) -> None:
        if name == stop_at:
            raise KeyboardInterrupt
        worked.append(name)

    return import_cohort("spider", source, out, task=LEGS, doing=doing), worked


def test_a_second_run_does_nothing_again(source: Path, tmp_path: Path) -> None:
    first, worked = bring(source, tmp_path / "c")
    assert worked == ["1_t1", "2_t1", "3_t1", "4_t1"]
    before = {name: t for name, t in files(tmp_path / "c").items() if name != "cohort.json"}
    again, worked = bring(source, tmp_path / "c")
    assert worked == []
    assert again.manifest == first.manifest
    assert {name: t for name, t in files(tmp_path / "c").items() if name != "cohort.json"} == before


def test_only_what_changed_is_done_again(source: Path, tmp_path: Path) -> None:
    bring(source, tmp_path / "c")
    write(leg_case(2, "left")[1], source / "masks" / "2_t1.mha")
    (source / "images" / "3_t1.mha").unlink()
    write(leg_case(9)[0], source / "images" / "9_t1.mha")
    write(leg_case(9)[1], source / "masks" / "9_t1.mha")
    again, worked = bring(source, tmp_path / "c")
    assert worked == ["2_t1", "9_t1"]
    assert [c.name for c in again.cases] == ["1_t1", "2_t1", "4_t1", "9_t1"]
    assert again.cases[1].annotated == ("tibia-left", "femur-left", "fibula-left", "pelvis-left")
    assert not (tmp_path / "c" / "images" / "3_t1.nii.gz").exists()
    # and it is what an import from nothing gives
    assert again.digest() == bring(source, tmp_path / "fresh")[0].digest()


def test_what_was_dropped_is_not_read_again_until_it_changes(source: Path, tmp_path: Path) -> None:
    whole = (source / "images" / "2_t1.mha").read_bytes()
    (source / "images" / "2_t1.mha").write_bytes(whole[:-1000])
    cohort, _ = bring(source, tmp_path / "c")
    assert [d.file for d in cohort.manifest.dropped] == ["images/2_t1.mha"]
    assert bring(source, tmp_path / "c")[1] == []
    (source / "images" / "2_t1.mha").write_bytes(whole)
    mended, worked = bring(source, tmp_path / "c")
    assert worked == ["2_t1"]
    assert not mended.manifest.dropped


def test_a_stopped_import_leaves_a_cohort_and_goes_on_where_it_ended(source: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        bring(source, tmp_path / "c", stop_at="3_t1")
    left = Cohort.load(tmp_path / "c")
    assert [c.name for c in left.cases] == ["1_t1", "2_t1"]
    assert left.manifest.pending == 2
    assert "2 not imported yet" in repr(left)
    assert left.labels(left.cases[0]).values()
    whole, worked = bring(source, tmp_path / "c")
    assert worked == ["3_t1", "4_t1"]
    assert whole.manifest.pending == 0
    assert whole.digest() == bring(source, tmp_path / "fresh")[0].digest()


def test_an_import_stopped_before_its_first_case_is_gone_on_with(source: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        bring(source, tmp_path / "c", stop_at="1_t1")
    assert Cohort.load(tmp_path / "c").manifest.pending == 4
    assert len(bring(source, tmp_path / "c")[0].cases) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_import_leaves_a_cohort_that_can_be_read(tmp_path: Path) -> None:
    source = write_spider(tmp_path / "source", 3)
    # slow enough to be killed in the middle: the third case never ends
    program = f"""
import time
from osteon.anatomy import Task
from osteon.cohort import importing, import_cohort
importing.SECONDS_BETWEEN_MANIFESTS = 0.0
def doing(done, name):
    if name == "3_t1":
        time.sleep(60)
import_cohort("spider", {str(source)!r}, {str(tmp_path / "c")!r}, task=Task.load("leg-bones"), doing=doing)
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    manifest = tmp_path / "c" / "cohort.json"
    until = time.monotonic() + 60
    while not (manifest.is_file() and '"pending": 1' in manifest.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = Cohort.load(tmp_path / "c")
    assert [c.name for c in left.cases] == ["1_t1", "2_t1"]
    assert all(left.labels(case).values() for case in left.cases)
    assert len(import_cohort("spider", source, tmp_path / "c", task=LEGS).cases) == 3
    assert not list((tmp_path / "c").rglob(".part-*"))


def test_a_changed_case_that_cannot_be_used_any_more_is_gone_and_the_rest_stays(source: Path, tmp_path: Path) -> None:
    bring(source, tmp_path / "c")
    (source / "masks" / "1_t1.mha").write_bytes(b"broken")
    cohort, _ = bring(source, tmp_path / "c")
    assert [c.name for c in cohort.cases] == ["2_t1", "3_t1", "4_t1"]
    assert Cohort.load(tmp_path / "c").manifest == cohort.manifest


def test_when_nothing_can_be_used_any_more_the_cohort_stays_as_it_was(source: Path, tmp_path: Path) -> None:
    before, _ = bring(source, tmp_path / "c")
    for path in (source / "masks").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(CohortError, match="Nothing in"):
        bring(source, tmp_path / "c")
    left = Cohort.load(tmp_path / "c")
    assert left.manifest == before.manifest
    assert all(left.labels(case).values() for case in left.cases)


def test_another_source_takes_the_place_of_a_cohort_as_one(source: Path, tmp_path: Path) -> None:
    before, _ = bring(source, tmp_path / "c")
    other = write_spider(tmp_path / "other", 2, first=20)
    with pytest.raises(KeyboardInterrupt):
        bring(other, tmp_path / "c", stop_at="21_t1")
    assert Cohort.load(tmp_path / "c").digest() == before.digest()
    assert [c.name for c in bring(other, tmp_path / "c")[0].cases] == ["20_t1", "21_t1"]


def test_of_two_equal_scans_the_same_one_stays_whatever_was_imported_before(source: Path, tmp_path: Path) -> None:
    bring(source, tmp_path / "c")
    scan, labels = leg_case(4)
    write(scan, source / "images" / "0_t1.mha")
    write(labels, source / "masks" / "0_t1.mha")
    again, _ = bring(source, tmp_path / "c")
    assert [c.name for c in again.cases] == ["0_t1", "1_t1", "2_t1", "3_t1"]
    assert {d.file: d.reason for d in again.manifest.dropped} == {
        "images/4_t1.mha": "it has the same voxels as 0_t1.mha"
    }
    assert not (tmp_path / "c" / "images" / "4_t1.nii.gz").exists()


def test_an_array_without_geometry_is_kept_and_said(tmp_path: Path) -> None:
    scan, labels = leg_case(1)
    for folder, volume in (("images", scan), ("masks", labels)):
        write(Volume(volume.array, np.eye(4)), tmp_path / "source" / folder / "1_t1.mha")
    cohort, _ = bring(tmp_path / "source", tmp_path / "c")
    assert any("identity matrix" in note for note in cohort.manifest.notes)


def test_memory_does_not_grow_with_the_number_of_cases(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        source = write_spider(tmp_path / f"s{count}", count)
        bring(write_spider(tmp_path / f"warm{count}", 1), tmp_path / f"w{count}")
        tracemalloc.start()
        bring(source, tmp_path / f"c{count}")
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    few, many = peak(2), peak(10)
    assert many < few + leg_case(1)[0].array.nbytes
