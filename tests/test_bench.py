"""The benchmark times the whole process and says where the time goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import boxes, brightness_model
from osteon import bench as room
from osteon.bench import LUMBAR_SHAPE, bench
from osteon.cli import app
from osteon.errors import OsteonError
from osteon.pipeline import STAGES


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small scan instead of the phantom, and a model for it."""
    monkeypatch.setattr(room, "_lumbar_scan", lambda seed: boxes()[0])
    return brightness_model(tmp_path / "model").folder


def test_stages_add_up_to_the_whole_process(model: Path) -> None:
    result = bench(engine="torch", model=str(model), repeats=1)
    assert set(result.stages_s) == {*STAGES, "start and end"}
    assert sum(result.stages_s.values()) == pytest.approx(result.process_s)
    assert sum(result.shares().values()) == pytest.approx(1)
    assert min(result.stages_s.values()) >= 0
    assert result.stages_s["start and end"] > 0.1, "a fresh process has to load torch"
    assert 50 < result.peak_memory_mb < 5000
    assert result.engine.startswith("torch on ")


def test_a_run_that_fails_is_told_in_its_own_words(model: Path) -> None:
    (model / "weights.safetensors").unlink()
    with pytest.raises(OsteonError, match=r"benchmark's run failed: error: The model .* has no weights\.safetensors"):
        bench(model=str(model), repeats=1)


def test_the_benchmarks_scan_has_its_stated_size() -> None:
    scan = room._lumbar_scan(0)
    assert scan.shape == LUMBAR_SHAPE
    assert scan.array.max() > 0


def test_the_command_prints_every_stage(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["bench", "--engine", "torch", "--model", str(model), "--repeats", "1"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "s as a whole process, peak memory" in out
    assert all(f"  {stage} " in out for stage in STAGES)
