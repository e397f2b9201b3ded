"""osteon segment: exit codes, what is said where, one JSON document, no traceback for a user's mistake."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from models import LEVELS
from osteon.cli import output

Osteon = Callable[..., Any]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def segmented(osteon: Osteon, room: Path, out: Path, *more: object) -> Any:
    return osteon("segment", "-o", out, "--model", room / "model", "--engine", "torch", "--device", "cpu", *more)


def test_segment_says_what_was_found_and_where_the_report_is(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = segmented(osteon, room, tmp_path, room / "series")
    assert ended.code == 0
    assert ended.out == "", "results of segment are files; stdout is for --json"
    assert "[1/1] series: vertebra-L5, vertebra-L4, vertebra-L3, vertebra-L2 (" in ended.err
    assert str(tmp_path / "series" / "report.html") in ended.err
    assert "\x1b" not in ended.err, "colours and bars only on a terminal"


def test_segment_json_is_one_document(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = segmented(osteon, room, tmp_path, room / "boxes.nii.gz", room / "bad.nii.gz", "--json")
    assert ended.code == 1
    good, bad = ended.document()
    assert (good["case"], good["structures"], good["error"]) == ("boxes", list(LEVELS), None)
    assert Path(good["folder"]) == tmp_path / "boxes"
    assert bad["case"] == "bad"
    assert "bad.nii.gz" in bad["error"]


def test_one_failing_scan_among_three_gives_1_and_the_others_are_complete(
    osteon: Osteon, room: Path, tmp_path: Path
) -> None:
    scans = (room / "boxes.nii.gz", room / "bad.nii.gz", room / "series")
    ended = segmented(osteon, room, tmp_path, *scans)
    assert ended.code == 1
    assert "[2/3] bad: not segmented." in ended.err
    assert "Traceback" not in ended.err
    assert names(tmp_path) == ["boxes", "series"]
    assert all(len(names(tmp_path / name)) == 6 for name in names(tmp_path))


def test_a_single_bad_scan_gives_3_one_sentence_and_nothing_else(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = segmented(osteon, room, tmp_path / "out", room / "bad.nii.gz")
    assert ended.code == 3
    assert ended.out == ""
    assert ended.err.startswith("[1/1] bad: not segmented. ")
    assert "bad.nii.gz" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert names(tmp_path / "out") == []


def test_a_scan_that_is_not_there_gives_3(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = segmented(osteon, room, tmp_path / "out", tmp_path / "nowhere.nii.gz")
    assert ended.code == 3
    assert ended.is_one_sentence
    assert "nowhere.nii.gz" in ended.err


def test_earlier_results_give_2_without_overwrite_and_are_replaced_with_it(
    osteon: Osteon, room: Path, tmp_path: Path
) -> None:
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "run.json").write_text("{}")
    (tmp_path / "boxes" / "stale.txt").write_text("of an earlier run")
    ended = segmented(osteon, room, tmp_path, room / "boxes.nii.gz")
    assert ended.code == 2
    assert ended.is_one_sentence
    assert names(tmp_path / "boxes") == ["run.json", "stale.txt"]
    assert segmented(osteon, room, tmp_path, room / "boxes.nii.gz", "--overwrite").code == 0
    assert "stale.txt" not in names(tmp_path / "boxes")


def test_a_bug_is_told_with_its_traceback_and_gives_1(
    osteon: Osteon, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon import case_folder

    def broken(*_: object) -> None:
        raise KeyError("vertebra")

    monkeypatch.setattr(case_folder, "measure", broken)
    ended = segmented(osteon, room, tmp_path / "out", room / "boxes.nii.gz")
    assert ended.code == 1
    assert "KeyError" in ended.err
    assert "in broken" in ended.err, "the place of the bug is needed to mend it"
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["segment", "x.nii"], "--out"),
        (["segment", "-o", "out"], "SCAN"),
        (["segment", "x.nii", "-o", "out", "--colour"], "--colour"),
        (["segments"], "segments"),
        (["train", "c", "-o", "r", "--config", "x", "--fold", "first"], "--fold"),
    ],
)
def test_wrong_usage_gives_2_and_names_the_word(osteon: Osteon, words: list[str], said: str) -> None:
    ended = osteon(*words)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("option", [("--engine", "keras"), ("--device", "abacus")])
def test_unknown_words_give_2(osteon: Osteon, room: Path, tmp_path: Path, option: tuple[str, str]) -> None:
    ended = osteon("segment", room / "boxes.nii.gz", "-o", tmp_path / "out", "--model", room / "model", *option)
    assert ended.code == 2
    assert ended.is_one_sentence
    assert option[1] in ended.err


def test_an_unknown_model_is_refused(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = osteon("segment", room / "boxes.nii.gz", "-o", tmp_path / "out", "--model", "no-such-model")
    assert ended.code == 3
    assert ended.is_one_sentence
    assert names(tmp_path / "out") == []


def test_names_with_brackets_spaces_and_letters_are_said_as_they_are(
    osteon: Osteon, room: Path, tmp_path: Path
) -> None:
    path = tmp_path / "scan [bold] é.nii.gz"
    path.write_bytes((room / "boxes.nii.gz").read_bytes())
    ended = segmented(osteon, room, tmp_path / "out", path, "--json")
    assert ended.code == 0
    assert ended.document()[0]["case"] == "scan [bold] é"
    assert "scan [bold] é: vertebra-L5" in ended.err
    missing = segmented(osteon, room, tmp_path / "out", tmp_path / "[red]no.nii")
    assert "[red]no.nii" in missing.err


def test_a_share_that_is_not_there_is_refused_before_any_work(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = segmented(osteon, room, tmp_path / "out", room / "boxes.nii.gz", "--shard", "3/2")
    assert ended.code == 2
    assert ended.is_one_sentence
    assert "There is no share 3 of 2." in ended.err
    assert not (tmp_path / "out").exists()


# While it runs


def test_on_a_terminal_a_bar_shows_stage_and_time_left_and_is_gone_in_the_end(
    osteon: Osteon, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(file=StringIO(), force_terminal=True, width=120, highlight=False)
    monkeypatch.setattr(output, "progress", terminal)
    from osteon import labelling

    whole = labelling.predict

    def slowly(*words: Any) -> Any:
        time.sleep(0.3)  # the bar is drawn ten times a second
        return whole(*words)

    monkeypatch.setattr(labelling, "predict", slowly)
    assert segmented(osteon, room, tmp_path, room / "boxes.nii.gz").code == 0
    drawn = terminal.file.getvalue()
    assert "boxes: network" in drawn
    assert "so far, left" in drawn
    assert drawn.index("boxes: network") < drawn.index("[1/1] boxes: vertebra-L5")
    assert "boxes: " not in drawn.rpartition("report.html")[2].rpartition("\x1b[2K")[2], (
        "the line of the bar is cleared"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_a_schedulers_end_leave_nothing_half_written(
    room: Path, tmp_path: Path, stop: signal.Signals, code: int
) -> None:
    # what runs in the background of a shell is born deaf to Ctrl-C
    program = f"""
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from osteon import case_folder, cli
def wait(*_):
    print("here", flush=True)
    time.sleep(60)
case_folder.write_report = wait
sys.argv = ["osteon", "segment", {str(room / "boxes.nii.gz")!r}, "-o", {str(tmp_path / "out")!r},
            "--model", {str(room / "model")!r}, "--engine", "torch"]
cli.main()
"""
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "here\n"
    running.send_signal(stop)
    _, said = running.communicate(timeout=30)
    assert running.returncode == code
    assert "Traceback" not in said
    assert "stopped; what was finished is complete" in said
    assert names(tmp_path / "out") == []
