"""Schedules, optimisers, losses, changes to crops, patches: what a configuration can ask for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from osteon.cohort import Cohort, split
from osteon.training import TrainingConfig, train
from osteon.training.augmentation import Crop, augmented, flipped
from osteon.training.batches import Batch
from osteon.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from osteon.training.config import LossConfig, OptimiserConfig
from osteon.training.data import Sampler
from osteon.training.loss import SegmentationLoss
from osteon.training.optimisation import learning_rate
from osteon.training.session import Session
from osteon.training.targets import IGNORE
from test_training import CASES, NO_CHANGE, SMALL, config, logits_and_target
from test_training_resume import make_cohort, tiny


def rates(epochs: int = 10, steps: int = 5, **how: object) -> list[float]:
    settings = OptimiserConfig.model_validate({"learning_rate": 1e-4, "warmup_epochs": 0} | how)
    return [learning_rate(step, steps, epochs, settings) for step in range(epochs * steps)]


# schedules


def test_the_studys_rate_falls_by_a_millionth_an_epoch() -> None:
    found = rates(epochs=101, schedule="linear", fall=1e-6, final_share=0)
    assert found[::5] == pytest.approx([1e-4 - 1e-6 * epoch for epoch in range(101)], abs=1e-12)
    assert found[:5] == [1e-4] * 5
    assert min(rates(epochs=200, schedule="linear", fall=1e-6, final_share=0.3)) == pytest.approx(3e-5)


def test_constant_and_polynomial_rates() -> None:
    assert set(rates(schedule="constant")) == {1e-4}
    found = rates(schedule="polynomial", final_share=0)
    assert found == pytest.approx([1e-4 * (1 - step / 50) ** 0.9 for step in range(50)])
    warm = rates(schedule="polynomial", warmup_epochs=2)
    assert warm[:10] == pytest.approx([1e-5 * n for n in range(1, 11)])
    assert all(a > b for a, b in pairwise(warm[10:]))


# optimisers


def batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    slices = torch.rand(2, 3, 32, 32, generator=generator)
    return Batch(slices, (slices[:, 1] > 0.5).long(), torch.full((2,), torch.nan), torch.ones(2, 3, dtype=torch.bool))


@pytest.mark.parametrize("algorithm", ["adamw", "adam", "sgd"])
def test_every_optimiser_learns_and_continues_from_its_checkpoint(algorithm: str, tmp_path: object) -> None:
    how = tiny(optimiser={"algorithm": algorithm, "learning_rate": 3e-3}, encoder={})
    session, seen = Session(how, "cpu"), batch(0)
    losses = [session._learn(seen, step) for step in range(8)]
    assert losses[-1] < losses[0]
    path = tmp_path / "checkpoint.safetensors"  # type: ignore[operator]
    save_checkpoint(path, session.network, session.average, session.optimiser, Progress())
    other = Session(how, "cpu")
    load_checkpoint(path, other.network, other.average, other.optimiser)
    assert session._learn(seen, 8) == other._learn(seen, 8)
    for a, b in zip(session.network.parameters(), other.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_accumulated_batches_make_the_step_of_their_mean_gradient() -> None:
    how = tiny(
        steps=4, optimiser={"accumulate": 2, "algorithm": "sgd", "learning_rate": 0.1, "clip_norm": 1e9}, encoder={}
    )
    session, by_hand = Session(how, "cpu"), Session(how, "cpu")
    before = [p.clone() for p in session.network.parameters()]
    session._learn(batch(0), 0)
    assert all(torch.equal(p, q) for p, q in zip(before, session.network.parameters(), strict=True)), (
        "half a step is none"
    )
    session._learn(batch(1), 1)
    ((by_hand._loss(batch(0)) + by_hand._loss(batch(1))) / 2).backward()
    by_hand.optimiser.step()
    for p, q in zip(session.network.parameters(), by_hand.network.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"steps": 3, "optimiser": {"accumulate": 2}}, "multiple of optimiser.accumulate"),
        ({"loss": {"class_weights": {"disc": 2.0}}}, "disc, which is none of the classes"),
        ({"loss": {"dice_weight": 0, "focal_weight": 0}}, "nothing would be learned"),
        ({"network": {"name": "unet3d"}, "sampling": {"synthetic": 0.5}}, "unet3d sees patches"),
        ({"network": {"name": "unet2d"}, "encoder": {"weights": "download"}}, "unet2d has no encoder"),
    ],
)
def test_contradictions_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        config(**wrong)


# losses


def test_categorical_focal_is_cross_entropy_weighted_by_doubt() -> None:
    logits, target = logits_and_target()
    right = logits.softmax(dim=1).gather(1, target[:, None])[:, 0]
    for gamma in (0.0, 2.0):
        how = LossConfig(voxels="categorical-focal", focal_gamma=gamma, dice_weight=0)
        expected = ((1 - right) ** gamma * -right.log()).mean()
        torch.testing.assert_close(SegmentationLoss(how, 2)(logits, target), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("voxels", ["focal", "categorical-focal", "cross-entropy"])
def test_weights_of_classes_are_weights_of_their_voxels(voxels: str) -> None:
    how = config(loss={"voxels": voxels, "class_weights": {"vertebra": 3.0}, "foreground_weight": 2.0})
    assert how.class_weights == (1.0, 2.0, 3.0)
    logits, target = logits_and_target()
    same = how.loss.model_copy(update={"class_weights": {}})
    by_name = SegmentationLoss(how.loss, 2, how.class_weights)(logits, target)
    assert not torch.isclose(by_name, SegmentationLoss(same, 2)(logits, target))
    torch.testing.assert_close(
        SegmentationLoss(how.loss, 2, (1, 2.0, 2.0))(logits, target), SegmentationLoss(same, 2)(logits, target)
    )
    if voxels == "cross-entropy":
        only = how.loss.model_copy(update={"dice_weight": 0})
        expected = functional.cross_entropy(logits, target, torch.tensor([1.0, 2.0, 3.0]))
        torch.testing.assert_close(SegmentationLoss(only, 2, how.class_weights)(logits, target), expected)


# changes to crops


def test_an_elastic_warp_moves_picture_and_target_alike_and_not_too_far() -> None:
    row, column = np.meshgrid(np.arange(64.0), np.arange(64.0), indexing="ij")
    places = np.stack([row, column]).astype(np.float32)
    how = NO_CHANGE.model_copy(update={"elastic": 4.0})
    moved = 0.0
    for seed in range(5):
        cut, labels = augmented(
            Crop(places, column.astype(np.uint8), (31.5, 31.5)), (48, 48), how, np.random.default_rng(seed)
        )
        shift = cut.numpy() - places[:, 8:56, 8:56]
        assert np.abs(shift).max() <= 4.01
        moved = max(moved, float(np.abs(shift).max()))
        assert np.abs(labels.numpy() - cut[1].numpy()).max() <= 0.51
        assert np.abs(np.diff(shift, axis=1)).max() < 0.8, "smooth: nothing folds over"
    assert moved > 1


@pytest.mark.parametrize("axis", [2, 3])
def test_ghosts_are_those_of_a_comb_in_k_space(axis: int) -> None:
    from osteon.training.augmentation import _ghosted

    picture = torch.rand(2, 1, 24, 36, generator=torch.Generator().manual_seed(0))
    for ghosts in (2, 3, 4):
        lines = torch.fft.fft(picture, dim=axis)
        comb = torch.ones(picture.shape[axis])
        comb[::ghosts] -= 0.4
        expected = torch.fft.ifft(lines * (comb[:, None] if axis == 2 else comb), dim=axis).real
        torch.testing.assert_close(_ghosted(picture, 0.4, ghosts, axis), expected, atol=1e-5, rtol=1e-4)


def test_a_thick_slice_is_the_mean_of_three() -> None:
    how = config(sampling=SMALL, augmentation=NO_CHANGE.model_copy(update={"thick": 1.0, "warped": 0.0}))
    sampler, array = Sampler(CASES, how), CASES[0].working.array
    crop = sampler._crop(0, 2, True, how.augmentation, np.random.default_rng(0))
    middle = how.preprocessing.channels // 2
    np.testing.assert_allclose(crop.slices[middle], array[1:4].mean(axis=0), rtol=1e-5)


def test_off_line_augmentation_makes_so_many_versions_of_a_slice_and_the_first_is_the_scan() -> None:
    how = config(sampling={"rows": 32, "columns": 32, "labelled": 1.0}, augmentation={"offline": 3}, batch=16)
    sampler = Sampler(CASES[:1], how)
    crops = [slices for epoch in range(3) for slices in sampler.batch(epoch, 0).slices]
    distinct = {slices.numpy().tobytes() for slices in crops}
    assert len(distinct) == 3 * len(CASES[0].labelled_slices), "48 draws of 2 slices in 3 versions find all"
    plain = Sampler(CASES[:1], how)._crop(0, 2, True, NO_CHANGE, np.random.default_rng([0, 0, 2, 0]))
    first, _ = augmented(plain, (32, 32), NO_CHANGE.model_copy(update={"warped": 0.0}), np.random.default_rng(0))
    assert any(torch.allclose(first, slices, atol=1e-5) for slices in crops)


# patches


def patches(**changes: object) -> TrainingConfig:
    facts = {"network": {"name": "residual-unet3d", "width": 8, "patch": [8, 16, 16]}, "encoder": {}}
    return tiny(**(facts | changes))


def test_patches_are_cut_with_their_targets() -> None:
    how = patches(augmentation=NO_CHANGE.model_copy(update={"warped": 0.0}), sampling={"labelled": 1.0}, batch=6)
    slices, target, _, _ = Sampler(CASES, how).batch(0, 0)
    assert slices.shape == (6, 1, 8, 16, 16)
    assert target.shape == (6, 8, 16, 16)
    assert (target == IGNORE).any(dim=-1).any(dim=-1).sum(dim=1).ge(3).all(), "a stack of 5 slices fills 5 of 8"
    assert ((target > 0) & (target != IGNORE)).flatten(1).any(dim=1).all()


def test_a_flipped_patch_keeps_its_target_beside_its_slices() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, (4, 6, 8)).astype(np.uint8)
    swap = np.arange(256, dtype=np.uint8)
    for plane in ("sagittal", "axial"):
        crop = flipped(Crop(target.astype(np.float32), target, (2.0, 3.0)), plane, swap)
        np.testing.assert_array_equal(crop.slices, crop.target)
        assert not np.array_equal(crop.target, target)


def test_a_patch_turns_as_one() -> None:
    target = np.zeros((4, 64, 64), np.uint8)
    target[:, 10:30, 20:50] = np.arange(1, 5)[:, None, None]
    how = NO_CHANGE.model_copy(update={"rotation_degrees": 40.0, "elastic": 2.0})
    slices, labels = augmented(
        Crop(target.astype(np.float32), target, (31.5, 31.5)), (64, 64), how, np.random.default_rng(2)
    )
    assert labels.shape == (4, 64, 64)
    for number in range(4):
        assert torch.equal(labels[number] > 0, labels[0] > 0)
        assert (slices[number][labels[number] > 0] > (number + 1) / 2 - 0.1).float().mean() > 0.99


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("data") / "cohort", subjects=2)


def test_a_network_that_sees_patches_is_trained_and_judged(cohort: Cohort, tmp_path: object) -> None:
    fold = split(cohort, validation=1).folds[0]
    lines: list[str] = []
    model = train(
        cohort,
        tmp_path / "run",  # type: ignore[operator]
        config=patches(epochs=1, steps=2, classes=["vertebra"], batch=2),
        fold=fold,
        device="cpu",
        said=lines.append,
    )
    assert model.spec.network.patch == (8, 16, 16)
    assert lines[-1].startswith("epoch 1: loss")
