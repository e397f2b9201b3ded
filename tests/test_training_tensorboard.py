"""Curves for TensorBoard: off unless asked for, one point an epoch, none twice after a resume."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from osteon.errors import TrainingError
from osteon.training.tensorboard import scalars
from test_training_resume import tiny

ROW = {"epoch": 3.0, "loss": 0.25, "dice_disc": 0.5}


class Writer:
    """Stands in for TensorBoard's."""

    made: ClassVar[list[Writer]] = []

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step, self.points, self.open = folder, purge_step, [], True
        Writer.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.points.append((name, value, step))

    def flush(self) -> None:
        assert self.open

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False


def test_nothing_is_written_or_imported_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tiny().tensorboard is False
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with scalars(False, tmp_path / "board", 0) as note:
        note(ROW)
    assert not (tmp_path / "board").exists()


def test_without_the_package_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match="pip install tensorboard"), scalars(True, tmp_path, 0):
        pass


def test_every_number_of_an_epoch_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    with scalars(True, tmp_path / "board", 2) as note:
        note(ROW)
    writer = Writer.made.pop()
    assert writer.points == [("loss", 0.25, 3), ("dice_disc", 0.5, 3)]
    assert writer.purge_step == 3, "a killed run may have noted an epoch that is trained again"
    assert not writer.open


def test_the_real_one_reads_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with scalars(True, tmp_path, 0) as note:
        note(ROW)
    board = EventAccumulator(str(tmp_path))
    board.Reload()
    assert [(e.step, e.value) for e in board.Scalars("dice_disc")] == [(3, 0.5)]
