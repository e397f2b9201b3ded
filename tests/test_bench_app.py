"""The measurement of the app's answers asks a real app, and says what it aims at."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import boxes
from osteon.anatomy import Task
from osteon.bench import BENCHMARKS, Asked
from osteon.bench import app as waiting
from osteon.errors import OsteonError
from osteon.io.dicom import write_dicom_series
from osteon.volume import LabelMap

PAGES = Path(waiting.__file__).parents[1] / "app" / "static" / "index.html"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes for legs: the phantom takes half a minute."""
    scan, truth = boxes()
    labels = LabelMap(truth.array, truth.affine, task=Task.load("leg-bones"))
    monkeypatch.setattr(waiting, "leg_scan", lambda shape, seed: scan)
    monkeypatch.setattr(waiting, "leg_labels", lambda shape, seed: labels)

    def dicom(folder: Path, shape: object, seed: int) -> Path:
        write_dicom_series(scan, folder / "legs", description="legs", seed=seed)
        return folder / "legs"

    monkeypatch.setattr(waiting, "write_leg_dicom", dicom)


@pytest.mark.skipif(not PAGES.is_file(), reason="the app's pages are not built (make pages)")
def test_every_wait_is_measured_on_a_running_app(small: None, tmp_path: Path) -> None:
    done = waiting.app(Asked(repeats=1), tmp_path)
    assert set(done.seconds) >= set(waiting.AIMS_S)
    assert min(done.seconds.values()) > 0
    assert done.seconds[waiting.ALL] > done.seconds[waiting.AGAIN] / 10
    assert done.files == 80
    assert any("at most 3 s" in line for line in done.lines())
    assert done.document()["aims_s"] == waiting.AIMS_S


def test_an_app_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(OsteonError, match="did not start"), waiting.Running(tmp_path / "file", tmp_path):
        pass


def test_osteon_bench_knows_it() -> None:
    assert BENCHMARKS["app"].function == waiting.app.__name__
