"""Two processes that share every batch learn what one does with all of it; what goes wrong in one is said."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.training import TrainingConfig, TrainingPaths, session, train
from osteon.training.devices import seats
from osteon.training.seat import Seat
from test_training_resume import make_cohort, tiny

FOLD = Fold(train=("s0", "s1"), validation=("s2", "s3", "s4"))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("data") / "cohort", subjects=5)


def how(devices: int) -> TrainingConfig:
    # small steps: the rounding of one batch, reordered, grows a hundredfold with each step of 0.02 in this network
    optimiser = {"algorithm": "sgd", "learning_rate": 1e-3, "warmup_epochs": 0, "average": 0.5}
    crops = {"rows": 64, "columns": 64}
    return tiny(epochs=2, steps=2, batch=4, devices=devices, optimiser=optimiser, sampling=crops)


def test_two_processes_end_with_the_weights_of_one(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(cohort, tmp_path / "one", config=how(1), fold=FOLD, device="cpu")
    with monkeypatch.context() as patch:
        patch.setattr(session, "record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(cohort, tmp_path / "two", config=how(2), fold=FOLD, device="cpu")
    threads, lines = torch.get_num_threads(), []
    train(cohort, tmp_path / "two", config=how(2), fold=FOLD, device="cpu", resume=True, said=lines.append)
    assert torch.get_num_threads() == threads
    assert [line.split(":")[0] for line in lines[1:]] == ["epoch 2"], "stopped after the first, each epoch said once"
    one, two = (load_file(TrainingPaths(tmp_path / run).checkpoint) for run in ("one", "two"))
    for name, weights in one.items():
        gradients = name.startswith("optimiser.")  # summed up, with momentum
        tolerance = {"atol": 1e-4 if gradients else 1e-5, "rtol": 1e-4}
        torch.testing.assert_close(two[name], weights, **tolerance, msg=lambda text, n=name: f"{n}: {text}")
    assert one["optimiser.0.momentum_buffer"].abs().max() > 0.01, "else there was nothing to differ by"
    for a, b in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert {k: float(v) for k, v in a.items()} == pytest.approx({k: float(v) for k, v in b.items()}, abs=1e-4)


def rows(folder: Path) -> list[dict[str, str]]:
    with TrainingPaths(folder).metrics.open(newline="") as stream:
        return [{k: v for k, v in row.items() if not k.endswith("seconds")} for row in csv.DictReader(stream)]


def complain(seat: Seat, what: str) -> None:
    raise ValueError(f"{what} on seat {seat.rank}")


def test_what_goes_wrong_in_another_process_is_said() -> None:
    with (
        pytest.raises(TrainingError, match=r"stopped: ValueError: no luck on seat 1"),
        seats(2, complain, lambda _: "no luck"),
    ):
        pass


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"devices": 2, "batch": 3}, "3 crops of cases in a batch cannot be shared equally among 2"),
        ({"devices": 2, "network": {"name": "nnunet-2d"}, "encoder": {}}, "nnU-Net is trained on one device"),
    ],
)
def test_what_cannot_be_shared_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tiny(**wrong)


def test_the_shares_of_a_batch_are_all_of_it() -> None:
    assert [list(Seat(rank, 3).share(6)) for rank in range(3)] == [[0, 1], [2, 3], [4, 5]]
