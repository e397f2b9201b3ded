"""A limit in minutes ends a training in time, with a judged network and a model; time before a resume counts."""

from __future__ import annotations

import csv
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from osteon.cohort import Cohort
from osteon.networks.model import Model
from osteon.training import TrainingConfig, TrainingPaths, clock, session, train
from osteon.training.config import OptimiserConfig
from osteon.training.optimisation import learning_rate
from test_training_resume import FOLD, make_cohort, tiny

STEP_S, JUDGING_S = 2.0, 5.0


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("data") / "cohort")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A world in which time passes only in steps (2 s) and validations (5 s), and ``idle`` for others' work."""
    world = SimpleNamespace(now=0.0, idle=0.0)
    watch = SimpleNamespace(perf_counter=lambda: world.now + world.idle, process_time=lambda: world.now)
    learn, judged = session.Session._learn, session.judged

    def slowly(whole: object, seconds: float) -> object:
        def doing(*arguments: object) -> object:
            world.now += seconds
            return whole(*arguments)  # type: ignore[operator]

        return doing

    monkeypatch.setattr(clock, "time", watch)
    monkeypatch.setattr(session.Session, "_learn", slowly(learn, STEP_S))
    monkeypatch.setattr(session, "judged", slowly(judged, JUDGING_S))
    return world


def rows(folder: Path) -> list[dict[str, float]]:
    with TrainingPaths(folder).metrics.open(newline="") as stream:
        return [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(stream)]


def seconds(folder: Path) -> list[float]:
    return [row["seconds"] for row in rows(folder)]


def test_the_epoch_in_which_time_is_up_is_cut_short_and_judged(
    cohort: Cohort, tmp_path: Path, slow: SimpleNamespace
) -> None:
    # epochs of 3 steps and a validation take 11 s; two of them leave 5 s of 27, just enough to judge
    train(cohort, tmp_path / "a", config=tiny(minutes=27 / 60, epochs=50), fold=FOLD, device="cpu")
    assert seconds(tmp_path / "a") == [11, 11]
    train(cohort, tmp_path / "b", config=tiny(minutes=30 / 60, epochs=50), fold=FOLD, device="cpu")
    assert seconds(tmp_path / "b") == [11, 11, 2 * STEP_S + JUDGING_S], "two steps begin in the last 3 s"
    assert Model.load(tmp_path / "b" / "model").spec.classes == ("vertebra-L5", "vertebra")


def test_minutes_too_few_for_anything_still_make_a_model(cohort: Cohort, tmp_path: Path, slow: SimpleNamespace) -> None:
    model = train(cohort, tmp_path / "run", config=tiny(minutes=0.001, epochs=9), fold=FOLD, device="cpu")
    assert seconds(tmp_path / "run") == [STEP_S + JUDGING_S]
    assert model.card()


def test_time_before_a_resume_counts(
    cohort: Cohort, tmp_path: Path, slow: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = tiny(minutes=27 / 60, epochs=50)
    with monkeypatch.context() as patch:
        patch.setattr(session, "record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(cohort, tmp_path / "run", config=how, fold=FOLD, device="cpu")
    slow.now += 1000  # the machine was off
    train(cohort, tmp_path / "run", config=how, fold=FOLD, device="cpu", resume=True)
    assert seconds(tmp_path / "run") == [11, 11]


def test_the_rate_falls_with_the_time_where_that_ends_first() -> None:
    how = OptimiserConfig(learning_rate=0.1, warmup_epochs=2, final_share=0)
    assert learning_rate(60, 10, 100, how, spent=0.5) == pytest.approx(0.05)
    assert learning_rate(60, 10, 100, how, spent=1.2) == 0
    assert learning_rate(510, 10, 100, how, spent=0.01) == pytest.approx(0.05), "here the epochs end first"
    assert learning_rate(1, 10, 100, how, spent=0.001) == pytest.approx(0.01), "warm-up by steps"
    assert learning_rate(1, 10, 100, how, spent=0.05) == pytest.approx(0.05), (
        "warm-up takes a tenth of the time at most"
    )


def test_a_recipe_with_the_minutes_in_their_former_place_is_understood() -> None:
    old = {"network": {"name": "nnunet-3d"}, "encoder": {}, "nnunet": {"minutes": 5, "memory_gb": 2.0}}
    read = tiny(**old)
    assert (read.minutes, read.nnunet.memory_gb) == (5, 2.0)
    assert TrainingConfig.model_validate_json(read.model_dump_json()) == read


def test_a_run_of_an_older_version_goes_on(cohort: Cohort, tmp_path: Path) -> None:
    from osteon.training.record import write_metrics

    write_metrics(tmp_path / "metrics.csv", [{"epoch": 1, "seconds": 3}, {"epoch": 2, "seconds": 3, "new": 1}])
    assert (tmp_path / "metrics.csv").read_text().splitlines() == ["epoch,seconds,new", "1,3,", "2,3,1"]
    counting = clock.Clock(1.0)
    counting.start([{"epoch": 1, "seconds": 30}])
    assert counting.spent == pytest.approx(0.5, abs=0.01)


def test_minutes_of_the_processor_pass_only_where_the_training_computes(
    cohort: Cohort, tmp_path: Path, slow: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = session.Session._learn

    def on_a_busy_machine(*arguments: Any) -> float:
        slow.idle += 100.0
        return learn(*arguments)

    monkeypatch.setattr(session.Session, "_learn", on_a_busy_machine)
    how = tiny(processor_minutes=30 / 60, epochs=50)
    train(cohort, tmp_path / "a", config=how, fold=FOLD, device="cpu")
    assert [row["processor_seconds"] for row in rows(tmp_path / "a")] == [11, 11, 2 * STEP_S + JUDGING_S]
    assert seconds(tmp_path / "a") == [311, 311, 209]
    both = tiny(processor_minutes=30 / 60, minutes=5, epochs=50)
    train(cohort, tmp_path / "b", config=both, fold=FOLD, device="cpu")
    assert [row["processor_seconds"] for row in rows(tmp_path / "b")] == [11], "the clock's 300 s are over first"


def test_time_of_the_processor_is_that_of_all_threads_and_of_nobody_else() -> None:
    begin = clock.now()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_busy, (0.1, 0.1)))
    worked = clock.since(begin)
    assert worked["processor_seconds"] == pytest.approx(0.2, abs=0.08)
    begin = clock.now()
    time.sleep(0.2)
    waited = clock.since(begin)
    assert waited["processor_seconds"] < 0.1 < waited["seconds"]


def _busy(seconds: float) -> None:
    begin = time.thread_time()
    while time.thread_time() - begin < seconds:
        sum(range(1000))


@pytest.mark.parametrize("changes", [{"devices": 2}, {"nnunet": {"workers": 2}}])
def test_minutes_of_the_processor_are_refused_where_other_processes_work_too(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="processor_minutes are those of one process"):
        tiny(processor_minutes=1, **changes)
