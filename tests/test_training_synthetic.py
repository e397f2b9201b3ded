"""Training on slices made from bodies: batches, the place along the body, and a whole small run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bodies import CLASSES, legs
from osteon.anatomy import Task
from osteon.cohort import Cohort, Fold
from osteon.cohort.spider import import_spider
from osteon.errors import ModelError, TrainingError
from osteon.io import write
from osteon.networks import build
from osteon.synthesis.bodies import Bodies
from osteon.synthesis.scanner import ScanGeometry, scan_of
from osteon.synthesis.templates import write_body
from osteon.training import TrainingConfig, train
from osteon.training.batches import UNKNOWN_PLACE, Batch, Mixed
from osteon.training.loss import place_loss
from osteon.training.synthetic import SyntheticSource
from osteon.training.targets import IGNORE


def config(**changes: object) -> TrainingConfig:
    facts: dict[str, object] = {
        "name": "tiny-legs", "title": "Tiny", "classes": CLASSES, "batch": 4, "epochs": 2, "steps": 2,
        "network": {"width": 8, "place": True},
        "preprocessing": {"plane": "axial", "spacing_mm": [4.0, 4.0], "region": "none"},
        "sampling": {"rows": 64, "columns": 96, "synthetic": 1.0},
    }  # fmt: skip
    return TrainingConfig.model_validate(facts | changes)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Bodies:
    folder = tmp_path_factory.mktemp("bodies")
    write_body(legs(), folder)
    return Bodies.load(folder)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohort")
    for subject in (1, 2):
        scan, labels = scan_of(legs(), "t1-se", seed=subject, geometry=ScanGeometry(spacing_mm=(4.0, 14.0)))
        write(scan, folder / "source" / "images" / f"{subject}_t1.mha")
        write(labels, folder / "source" / "masks" / f"{subject}_t1.mha")
    return import_spider(folder / "source", folder / "cohort", task=Task.load("leg-bones"))


FOLD = Fold(train=("1",), validation=("2",), test=())


def test_a_batch_of_bodies_is_a_function_of_seed_epoch_and_step(bodies: Bodies) -> None:
    source = SyntheticSource(bodies.bodies, config())
    source.batch(0, 0)  # what was drawn before does not matter
    first, again = source.batch(2, 5), SyntheticSource(bodies.bodies, config()).batch(2, 5)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(first.slices, source.batch(2, 6).slices)
    assert not torch.equal(first.slices, SyntheticSource(bodies.bodies, config(seed=1)).batch(2, 5).slices)


def test_a_batch_of_bodies_has_what_the_network_is_asked_for(bodies: Bodies) -> None:
    slices, target, place, annotated = SyntheticSource(bodies.bodies, config()).batch(0, 0)
    assert annotated.all(), "all parts of a body are known"
    assert slices.shape == (4, 3, 64, 96)
    assert target.shape == (4, 64, 96)
    assert set(target.unique().tolist()) <= {*range(9), IGNORE}
    assert ((place >= 0) & (place <= 1)).all()


def part(value: float, count: int) -> Batch:
    target = torch.full((count, 2, 2), int(value))
    known = torch.full((count, 3), value == 1)
    return Batch(torch.full((count, 1, 2, 2), value), target, torch.full((count,), value), known)


class Fixed:
    def __init__(self, batch: Batch) -> None:
        self.answer = batch

    def batch(self, epoch: int, step: int) -> Batch:
        return self.answer


def test_mixed_batches_hold_every_source_in_order() -> None:
    slices, target, place, annotated = Mixed([Fixed(part(1, 2)), Fixed(part(2, 3))]).batch(0, 0)
    assert annotated[:, 2].tolist() == [True, True, False, False, False]
    assert slices[:, 0, 0, 0].tolist() == [1, 1, 2, 2, 2]
    assert target[:, 0, 0].tolist() == [1, 1, 2, 2, 2]
    assert place.tolist() == [1, 1, 2, 2, 2]


@pytest.mark.parametrize(("share", "synthetic"), [(0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)])
def test_the_share_of_made_slices_is_that_of_the_configuration(share: float, synthetic: int) -> None:
    how = config(batch=12, sampling={"synthetic": share}, network={"width": 8})
    assert (how.synthetic_crops, how.real_crops) == (synthetic, 12 - synthetic)


def test_unknown_places_cost_nothing_and_known_ones_their_error() -> None:
    said = torch.tensor([0.5, 0.9], requires_grad=True)
    loss = place_loss(said, torch.tensor([0.1, UNKNOWN_PLACE]))
    assert loss.item() == pytest.approx(0.4 - 0.05)  # |error| - beta / 2
    loss.backward()
    assert said.grad is not None
    assert said.grad.tolist() == [1.0, 0.0]
    assert float(place_loss(said, torch.full((2,), UNKNOWN_PLACE))) == 0


def test_a_network_without_a_place_head_says_so() -> None:
    with pytest.raises(ModelError, match="place"):
        build("resnet34-unet", in_channels=3, classes=2, width=8).logits_and_place(torch.zeros(1, 3, 32, 32))


def test_the_place_head_leaves_the_logits_as_they_are() -> None:
    network = build("resnet34-unet", in_channels=3, classes=2, width=8, place=True).eval()
    x = torch.rand(2, 3, 64, 32)
    logits, place = network.logits_and_place(x)
    assert torch.equal(logits, network(x))
    assert place.shape == (2,)


def test_a_run_on_bodies_alone_leaves_a_model_and_says_what_it_learned_from(
    cohort: Cohort, bodies: Bodies, tmp_path: Path
) -> None:
    lines: list[str] = []
    model = train(cohort, tmp_path / "run", config=config(), fold=FOLD, also=[bodies], said=lines.append)
    assert lines[0].startswith("1 body, 1 validation case,")
    assert "1 body (made); no scan was trained on" in model.card()
    assert model.network()(torch.zeros(1, 3, 64, 64)).shape == (1, 9, 64, 64)


def test_a_run_on_bodies_that_was_stopped_ends_in_the_same_weights(
    cohort: Cohort, bodies: Bodies, tmp_path: Path
) -> None:
    how = config(sampling={"rows": 64, "columns": 96, "synthetic": 0.5})
    whole = train(cohort, tmp_path / "whole", config=how, fold=FOLD, also=[bodies])

    def stop(line: str) -> None:
        if line.startswith("epoch 1:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cohort, tmp_path / "broken", config=how, fold=FOLD, also=[bodies], said=stop)
    resumed = train(cohort, tmp_path / "broken", config=how, fold=FOLD, also=[bodies], resume=True)
    assert resumed.spec.weights_sha256 == whole.spec.weights_sha256


def test_bodies_and_the_share_of_made_slices_belong_together(cohort: Cohort, bodies: Bodies, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="give a folder of bodies with --also"):
        train(cohort, tmp_path / "a", config=config(), fold=FOLD)
    real = config(sampling={"synthetic": 0.0}, network={"width": 8})
    with pytest.raises(TrainingError, match="leaves no slice"):
        train(cohort, tmp_path / "b", config=real, fold=FOLD, also=[bodies])


def test_other_bodies_are_another_run(bodies: Bodies) -> None:
    changed = legs()
    changed.parts.array[45, 20, 100] += 1
    other = Bodies(bodies.folder, (changed,))
    assert other.digest() != bodies.digest()
    older = Bodies(bodies.folder, (replace(legs(), age_years=9.0),))
    assert older.digest() != bodies.digest()
    assert Bodies.load(bodies.folder).digest() == bodies.digest()
    assert np.array_equal(bodies.bodies[0].parts.array, legs().parts.array)


@pytest.mark.parametrize(
    "wrong",
    [{"plane": "sagittal"}, {"normalisation": "z-score"}, {"spacing_mm": [1.0, 2.0]}, {"spacing_mm": "own"}],
)
def test_preparation_that_made_slices_do_not_follow_is_refused(bodies: Bodies, wrong: dict[str, object]) -> None:
    how = config(preprocessing={"plane": "axial", "spacing_mm": [4.0, 4.0]} | wrong)
    with pytest.raises(TrainingError, match="axial, of square pixels, normalised by percentiles"):
        SyntheticSource(bodies.bodies, how)


def test_a_folder_of_bodies_is_told_from_a_cohort(bodies: Bodies, cohort: Cohort) -> None:
    assert Bodies.lie_in(bodies.folder)
    assert not Bodies.lie_in(cohort.folder)
