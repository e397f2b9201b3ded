"""What Osteon changes in nnU-Net's trainer, on a stand-in for nnU-Net's own."""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from osteon.errors import ModelError
from osteon.training import clock
from osteon.training.nnunet.job import Job

MODULE = "osteon.training.nnunet.trainer"


class StandIn:
    """The hooks of nnU-Net's trainer, in its order, without a network."""

    def __init__(self, transpose: tuple[int, ...] = (0, 1, 2), patch: tuple[int, ...] = (8, 8, 8)) -> None:
        self.plans_manager = types.SimpleNamespace(transpose_forward=transpose)
        self.configuration_manager = types.SimpleNamespace(patch_size=patch)
        self.optimizer = types.SimpleNamespace(param_groups=[{"lr": 0.01}])
        self.dataset_json = {"labels": {"background": 0, "a": 1, "b": 2}}
        self.initial_lr, self.current_epoch, self.num_epochs, self.ended = 0.01, 0, 1000, 0
        self.drawn: list[float] = []

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> Any:  # noqa: N802
        return 0, False, self.configuration_manager.patch_size, tuple(range(len(self.configuration_manager.patch_size)))

    def run_training(self) -> None:
        for _ in range(self.current_epoch, self.num_epochs):
            self.on_train_epoch_start()
            self.drawn.append(float(np.random.random()))  # noqa: NPY002
            self.on_train_epoch_end([{"loss": -0.5}, {"loss": -0.7}])
            hit = {"tp_hard": np.array([30, 0]), "fp_hard": np.array([10, 0]), "fn_hard": np.array([10, 0])}
            self.on_validation_epoch_end([{"loss": -0.4} | hit])
            self.on_epoch_end()
        self.on_train_end()

    def on_train_epoch_start(self) -> None: ...
    def on_train_epoch_end(self, outputs: list[Any]) -> None: ...
    def on_validation_epoch_end(self, outputs: list[Any]) -> None: ...

    def on_epoch_end(self) -> None:
        self.current_epoch += 1

    def on_train_end(self) -> None:
        self.ended += 1

    def save_checkpoint(self, filename: str) -> None:
        torch.save({"network_weights": {}, "epoch": self.current_epoch}, filename)

    def load_checkpoint(self, filename: str) -> None:
        self.current_epoch = torch.load(filename, weights_only=True)["epoch"]


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Osteon's trainer over the stand-in."""
    base = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
    for parts in range(1, 5):
        name = ".".join(base.split(".")[:parts])
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[base].nnUNetTrainer = StandIn  # type: ignore[attr-defined]
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield importlib.import_module(MODULE).nnUNetTrainer
    sys.modules.pop(MODULE, None)


def job(folder: Path, **changes: Any) -> Job:
    facts: dict[str, Any] = {"dataset": "Dataset001_Legs", "configuration": "2d", "planner": "P", "memory_gb": 8.0}
    facts |= {"workers": 1, "augmenters": 0, "seed": 3, "epochs": 3, "steps": 10, "minutes": None, "device": "cpu"}
    return Job(folder=folder, **(facts | {"unmirrored": (0,)} | changes))


def told(trainer: Any, job: Job, *arguments: Any) -> Any:
    made = trainer(*arguments)
    made.follow(job, lambda event, **facts: None)
    return made


@pytest.mark.parametrize(
    ("transpose", "patch", "unmirrored", "axes"),
    [
        ((0, 1, 2), (8, 8, 8), (0,), (0, 1)),  # axes k, j, i of a scan in RAS: the last is left to right
        ((2, 0, 1), (8, 8, 8), (0,), (1, 2)),
        ((0, 1, 2), (8, 8, 8), (2,), (1, 2)),
        ((2, 0, 1), (8, 8), (0,), (0, 1)),  # a slice across left to right
        ((0, 1, 2), (8, 8), (0,), (0,)),
        ((0, 1, 2), (8, 8), (0, 1, 2), None),
    ],
)
def test_axes_that_change_names_are_not_mirrored_however_nnunet_turns_them(
    trainer: Any, tmp_path: Path, transpose: Any, patch: Any, unmirrored: Any, axes: Any
) -> None:
    made = told(trainer, job(tmp_path, unmirrored=unmirrored), transpose, patch)
    assert made.configure_rotation_dummyDA_mirroring_and_inital_patch_size()[3] == axes
    assert made.inference_allowed_mirroring_axes == axes
    once = told(trainer, job(tmp_path, unmirrored=unmirrored, mirrored_use=False), transpose, patch)
    assert once.configure_rotation_dummyDA_mirroring_and_inital_patch_size()[3] == axes, "mirrored in training"
    assert once.inference_allowed_mirroring_axes is None, "but not in use"


def test_epochs_are_counted_and_noted(trainer: Any, tmp_path: Path) -> None:
    made = told(trainer, job(tmp_path))
    made.run_training()
    rows = json.loads((tmp_path / "history.json").read_text(encoding="utf-8"))
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert made.ended == 1
    assert (rows[0]["train_loss"], rows[0]["loss"]) == (pytest.approx(0.4), pytest.approx(0.6))
    assert rows[0]["dice_a"] == rows[0]["f1"] == pytest.approx(0.75)  # b is not in the patches: it does not count
    assert rows[0]["iou"] == pytest.approx(0.6)
    assert np.isnan(rows[0]["dice_b"])


@pytest.mark.parametrize("limit", [{"processor_minutes": 4.0}, {"minutes": 40.0}])
def test_minutes_end_the_training_before_an_epoch_that_would_be_late(
    trainer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, float]
) -> None:
    world = types.SimpleNamespace(now=0.0)
    watch = types.SimpleNamespace(perf_counter=lambda: 10 * world.now, process_time=lambda: world.now)
    monkeypatch.setattr(clock, "time", watch)

    def slowly(self: StandIn, outputs: list[Any]) -> None:
        world.now += 50  # each epoch takes 50 s of the processor, and ten times as long

    monkeypatch.setattr(StandIn, "on_train_epoch_end", slowly)
    made = told(trainer, job(tmp_path, **limit))
    made.run_training()
    rates = [row["learning_rate"] for row in made.history]
    assert (len(rates), made.ended) == (4, 1)  # 200 s; a fifth epoch would end at 250 s
    assert rates == pytest.approx([0.01 * (1 - 50 * n / 240) ** 0.9 for n in range(4)])


def test_a_resumed_training_draws_what_an_unbroken_one_draws(trainer: Any, tmp_path: Path) -> None:
    whole = told(trainer, job(tmp_path))
    whole.run_training()
    first = told(trainer, job(tmp_path, epochs=2))
    first.run_training()
    first.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    again = told(trainer, job(tmp_path))
    again.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    again.run_training()
    assert len(again.history) == 3
    assert [*first.drawn, *again.drawn] == whole.drawn
    assert len(set(whole.drawn)) == 3


def test_a_checkpoint_with_code_is_not_resumed(trainer: Any, tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"network_weights": {}, "more": Harmful()}, tmp_path / "c.pth")
    with pytest.raises(ModelError, match="can run code"):
        told(trainer, job(tmp_path)).load_checkpoint(str(tmp_path / "c.pth"))
    assert not (tmp_path / "ran").exists()
