"""The benchmark times the whole process and says where the time goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import boxes, brightness_model
from osteon.bench import BENCHMARKS, Asked, Way, alternately, bench, segmenting
from osteon.bench.segmenting import LUMBAR_SHAPE, BenchResult
from osteon.cli import app
from osteon.errors import OsteonError, UsageError
from osteon.pipeline import STAGES


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small scan instead of the phantom, and a model for it."""
    monkeypatch.setattr(segmenting, "_lumbar_scan", lambda seed: boxes()[0])
    return brightness_model(tmp_path / "model").folder


def test_stages_add_up_to_the_whole_process(model: Path) -> None:
    (result,) = bench("lumbar", Asked("torch", str(model), repeats=1))
    assert isinstance(result, BenchResult)
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
        list(bench("lumbar", Asked(model=str(model), repeats=1)))


def test_the_benchmarks_scan_has_its_stated_size() -> None:
    scan = segmenting._lumbar_scan(0)
    assert scan.shape == LUMBAR_SHAPE
    assert scan.array.max() > 0


def test_the_command_prints_every_stage(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["bench", "--engine", "torch", "--model", str(model), "--repeats", "1"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "s as a whole process, peak memory" in out
    assert all(f"  {stage} " in out for stage in STAGES)


def test_the_list_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    app(["bench", "--list"], standalone_mode=False)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(BENCHMARKS)


def test_an_unknown_benchmark_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no benchmark named fast\. Known: lumbar, "):
        list(bench("fast"))


def test_ways_are_timed_in_turn_and_held_against_the_first() -> None:
    order: list[str] = []
    ways = [Way("ours", lambda: order.append("ours")), Way("theirs", lambda: order.append("theirs"))]
    result = alternately("a job", ways, 3)
    assert order == ["ours", "theirs"] * 3
    assert set(result.ratios()) == {"theirs"}
    assert result.lines()[0] == "a job (medians of 3)"
    assert result.lines()[2].startswith("  theirs")


def test_a_way_that_answers_something_else_is_not_timed_against_ours() -> None:
    with pytest.raises(OsteonError, match="theirs answers otherwise than ours"):
        alternately("a job", [Way("ours", lambda: 1), Way("theirs", lambda: 2)], 1, lambda a, b: a == b)
