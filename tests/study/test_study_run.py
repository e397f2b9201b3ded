"""A study runs, stops, goes on, and says what failed."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from osteon.cli import app
from osteon.cohort import Split
from osteon.errors import OsteonError, TrainingError, UnexpectedError, UsageError
from osteon.study import Setting, StudyConfig, StudyResult, run_study, running
from osteon.study.process import in_own_process
from osteon.study.work import learn

Work = Callable[..., Any]
ARMS = ["dice-focal", "dice"]


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting Python for each arm would take longer than the arms; `test_work_has_a_process_of_its_own` does it."""
    monkeypatch.setattr(running, "in_own_process", here)


def here(work: Work, *arguments: Any, said: Callable[[str], None]) -> Any:
    return work(*arguments, said)


@pytest.fixture(scope="module")
def done(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "in_own_process", here)
        return run_study("losses", setting, tmp_path_factory.mktemp("out") / "losses", arms=ARMS, device="cpu")


def test_a_study_leaves_tables_a_figure_and_a_page(done: StudyResult) -> None:
    assert list(done.arms["arm"]) == ARMS
    assert not done.failed
    scores = pd.read_csv(done.paths.scores)
    assert scores.groupby("arm")["subject"].nunique().to_dict() == {"dice": 3, "dice-focal": 3}
    compared = pd.read_csv(done.paths.differences)
    assert compared[["score", "arm", "against", "subjects"]].to_numpy().tolist() == [
        ["dice", "dice", "dice-focal", 3],
        ["dice_any_name", "dice", "dice-focal", 3],
    ]
    assert (scores["dice_any_name"] >= scores["dice"] - 1e-3).all()
    costs = pd.read_csv(done.paths.arms)
    counted = ["parameters", "minutes", "cpu_minutes", "epochs", "memory_training_mb", "seconds_a_scan"]
    assert (costs[[*counted, "cpu_seconds_a_scan"]] > 0).all(axis=None)
    assert (costs["cpu_minutes"] < costs["cpu_minutes_with_preparing"]).all()
    assert (costs["learned_from"] == 3).all()
    page, summary = (path.read_text(encoding="utf-8") for path in (done.paths.page, done.paths.summary))
    for text in (page, summary):
        assert "Dice + focal" in text
        assert "no difference can be significant" in text, "three subjects are too few, and that is said"
    assert done.paths.figure.read_bytes().startswith(b"\x89PNG")
    assert "http" not in page.replace("http://www.w3.org", ""), "it loads nothing"


def test_arms_differ_in_what_the_study_is_about_and_in_nothing_else(done: StudyResult) -> None:
    asked = [json.loads(done.paths.arm(arm, 0).asked.read_text()) for arm in ARMS]
    assert asked[0]["fold"] == asked[1]["fold"]
    differing = {k for k, v in asked[0]["configuration"].items() if v != asked[1]["configuration"][k]}
    assert differing == {"name", "title", "loss"}


def test_finished_arms_are_not_done_again(done: StudyResult, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []

    def counted(work: Work, job: Any, *arguments: Any, said: Callable[[str], None]) -> Any:
        worked.append(job.config.name)
        return here(work, job, *arguments, said=said)

    monkeypatch.setattr(running, "in_own_process", counted)
    again = run_study("losses", setting, done.paths.folder, arms=[*ARMS, "cross-entropy"], resume=True, device="cpu")
    assert worked == ["tiny-cross-entropy"] * 2, "learned and tested, once each"
    assert list(again.arms["arm"]) == [*ARMS, "cross-entropy"]


def test_a_stopped_arm_goes_on_and_ends_as_if_it_had_not_been_stopped(
    done: StudyResult, setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(work: Work, *arguments: Any, said: Callable[[str], None]) -> Any:
        if work is not learn:
            raise KeyboardInterrupt
        return here(work, *arguments, said=said)

    monkeypatch.setattr(running, "in_own_process", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_study("losses", setting, tmp_path / "out", arms=ARMS, device="cpu")

    def going_on(work: Work, job: Any, *arguments: Any, said: Callable[[str], None]) -> Any:
        assert work is not learn or job.config.name != "tiny-dice-focal", "trained again"
        return here(work, job, *arguments, said=said)

    monkeypatch.setattr(running, "in_own_process", going_on)
    found = run_study("losses", setting, tmp_path / "out", arms=ARMS, resume=True, device="cpu")
    pd.testing.assert_frame_equal(pd.read_csv(found.paths.scores), pd.read_csv(done.paths.scores).query("arm in @ARMS"))


def test_an_arm_that_fails_is_named_with_its_reason_and_the_others_go_on(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(work: Work, job: Any, *arguments: Any, said: Callable[[str], None]) -> Any:
        if job.config.name == "tiny-dice-focal":
            raise OsteonError("nnU-Net is not installed.")
        if job.config.name == "tiny-dice":
            bug = UnexpectedError("RuntimeError: bug")
            bug.add_note("Traceback of it")
            raise bug
        return here(work, job, *arguments, said=said)

    monkeypatch.setattr(running, "in_own_process", failing)
    lines: list[str] = []
    found = run_study(
        "losses", setting, tmp_path / "out", arms=[*ARMS, "cross-entropy"], device="cpu", said=lines.append
    )
    assert list(found.arms["arm"]) == ["cross-entropy"]
    assert found.failed["dice-focal"] == "nnU-Net is not installed."
    assert "RuntimeError: bug" in found.failed["dice"]
    assert found.paths.arm("dice", 0).error.read_text() == "Traceback of it"
    assert "dice-focal failed: nnU-Net is not installed." in lines
    assert "Dice + focal is missing: nnU-Net is not installed." in found.paths.page.read_text(encoding="utf-8")
    monkeypatch.setattr(running, "in_own_process", here)
    mended = run_study("losses", setting, tmp_path / "out", arms=["dice"], resume=True, device="cpu")
    assert not mended.failed
    assert not mended.paths.arm("dice", 0).error.exists()


def test_a_fine_tuned_arm_begins_with_the_model_of_another(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = replace(setting, cohorts=[*setting.cohorts] * 2, splits=[*setting.splits] * 2)
    arms = ["first-own-to-second", "first-own-to-second-1"]
    found = run_study("transfer", both, tmp_path / "out", arms=arms, budget_minutes=0.05, device="cpu")
    assert list(found.arms["arm"]) == ["first-own", *arms]
    base, untouched, tuned = (found.paths.arm(arm, 0) for arm in found.arms["arm"])
    assert not untouched.training.folder.exists()
    asked = json.loads(tuned.asked.read_text())
    assert asked["configuration"]["start"] == str(base.training.model)
    assert asked["configuration"]["optimiser"]["learning_rate"] == 1e-4
    minutes = asked["configuration"]["processor_minutes"]
    assert minutes == pytest.approx(0.05 / 1.25 * 0.25, abs=1e-4), "a quarter of the base's"
    assert len(asked["fold"]["train"]) == 1
    monkeypatch.setattr(running, "in_own_process", lambda *a, **k: (_ for _ in ()).throw(OsteonError("no.")))
    broken = run_study("transfer", both, tmp_path / "other", arms=arms, device="cpu")
    assert broken.failed[arms[0]] == "It begins with the model of first-own, which failed."


def test_cost_says_what_networks_take_and_not_how_good_they_are(setting: Setting, tmp_path: Path) -> None:
    found = run_study("cost", setting, tmp_path / "out", arms=["resnet34-unet"], device="cpu")
    assert found.arms["parameters"].item() > 1000
    assert "dice_mean" not in found.arms
    assert not found.paths.scores.exists()
    with pytest.raises(UsageError, match="leave the budget out"):
        run_study("cost", setting, tmp_path / "other", budget_minutes=3)


def test_every_fold_of_a_split_is_gone_through(setting: Setting, tmp_path: Path) -> None:
    first = setting.splits[0]
    one = first.folds[0]
    other = one.model_copy(update={"train": one.test, "test": one.train})
    folds = Split(kind="k-fold", seed=0, cohort_sha256=first.cohort_sha256, folds=(one, other))
    found = run_study("losses", replace(setting, splits=[folds]), tmp_path / "out", arms=["dice"], device="cpu")
    assert found.arms["tested_on"].item() == 6


def test_another_study_is_not_continued(done: StudyResult, setting: Setting, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--resume"):
        run_study("losses", setting, done.paths.folder)
    with pytest.raises(TrainingError, match="another study"):
        run_study("backbones", setting, done.paths.folder, resume=True)
    seeded = replace(setting, config=setting.config.seeded(7))
    with pytest.raises(TrainingError, match="another configuration"):
        run_study("losses", seeded, done.paths.folder, resume=True)
    narrower = replace(setting, config=StudyConfig(setting.config.training, {"dice": {"batch": 1}}))
    with pytest.raises(TrainingError, match="begun with other settings"):
        run_study("losses", narrower, done.paths.folder, resume=True, arms=["dice"])
    (tmp_path / "letter.txt").write_text("Dear reader")
    with pytest.raises(TrainingError, match="something else than a study"):
        run_study("losses", setting, tmp_path)
    untested = setting.splits[0].folds[0].model_copy(update={"test": ()})
    split = setting.splits[0].model_copy(update={"folds": (untested,)})
    with pytest.raises(TrainingError, match="no test subjects"):
        run_study("losses", replace(setting, splits=[split]), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def fine(words: str, said: Callable[[str], None]) -> int:
    said(words)
    return os.getpid()


def refused(said: Callable[[str], None]) -> None:
    raise TrainingError("No.")


def broken(said: Callable[[str], None]) -> None:
    raise ValueError("a bug")


def killed(said: Callable[[str], None]) -> None:
    os._exit(9)


def test_work_has_a_process_of_its_own() -> None:
    heard: list[str] = []
    assert in_own_process(fine, "a word", said=heard.append) != os.getpid()
    assert heard == ["a word"]
    with pytest.raises(UnexpectedError, match="exit code 9"):
        in_own_process(killed, said=heard.append)


class Here:
    """A process that is none, which takes less time to start."""

    exitcode = 0

    def __init__(self, target: Work, args: tuple[Any, ...]) -> None:
        self.start = lambda: target(*args)

    def join(self, seconds: float | None = None) -> None:
        pass

    def is_alive(self) -> bool:
        return False


def test_what_work_raises_is_raised_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Process", Here, raising=False)
    monkeypatch.setattr("osteon.study.process.signal.signal", lambda *_: None)
    with pytest.raises(OsteonError, match=r"No\."):
        in_own_process(refused, said=print)
    with pytest.raises(UnexpectedError, match="ValueError: a bug") as bug:
        in_own_process(broken, said=print)
    assert "in broken" in bug.value.__notes__[0]


def test_the_command_runs_a_study(setting: Setting, config_file: Path, tmp_path: Path) -> None:
    setting.splits[0].write(setting.cohorts[0].folder / "split.json")
    base = ["study", "run", "losses", str(setting.cohorts[0].folder), "--config", str(config_file)]
    result = CliRunner().invoke(app, [*base, "-o", str(tmp_path / "out"), "--arms", "dice", "--seed", "3"])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out/run.json").read_text())["failed"] == {}
    listed = CliRunner().invoke(app, ["study", "list"])
    assert "labels-needed" in listed.output
    transfer = [*base[:2], "transfer", *base[3:], "-o", str(tmp_path / "x")]
    for line, said in (
        ([*transfer, "--to", "x", "--groups", "A,B"], "leave one out"),
        ([*transfer, "--groups", "A"], "two different"),
        ([*base, "-o", str(tmp_path / "x"), "--groups", "A,B"], "are for the study transfer"),
        ([*base, "-o", str(tmp_path / "x"), "--leave-one-out", "--split", "x"], "leave one out"),
    ):
        answer = CliRunner().invoke(app, line)
        assert isinstance(answer.exception, UsageError)
        assert said in str(answer.exception)
