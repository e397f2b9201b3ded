"""Partial labels: what was not annotated in a case is one with its background, and is learned from other cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from osteon.anatomy import Task
from osteon.cohort import Case
from osteon.training.cases import PreparedCase, annotated_classes
from osteon.training.config import LossConfig, TrainingConfig
from osteon.training.data import Sampler
from osteon.training.loss import SegmentationLoss, merged
from osteon.training.targets import IGNORE, targets
from osteon.training.validation import judged, scores
from osteon.volume import LabelMap, Volume

LUMBAR = Task.load("lumbar-spine")
CLASSES = ("vertebra-L5", "vertebra", "disc", "spinal-canal")
LOSSES = [LossConfig(), LossConfig(voxels="cross-entropy"), LossConfig(foreground_weight=3.0, focal_gamma=0.0)]


def config(**changes: object) -> TrainingConfig:
    facts: dict[str, object] = {"name": "tiny", "title": "Tiny", "classes": CLASSES, "batch": 4}
    return TrainingConfig.model_validate(facts | changes)


def logits_and_target(classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, classes, 5, 6, generator=generator)
    return logits, torch.randint(0, classes, (2, 5, 6), generator=generator)


def without(target: torch.Tensor, item: int, number: int) -> torch.Tensor:
    target = target.clone()
    target[item][target[item] == number] = 0
    return target


# the loss


@pytest.mark.parametrize("how", LOSSES)
def test_merged_probabilities_are_the_sums_of_the_networks(how: LossConfig) -> None:
    logits, _ = logits_and_target()
    known = torch.tensor([[True, True, False, False], [True, False, True, True]])
    before, after = logits.softmax(dim=1), merged(logits, known).softmax(dim=1)
    torch.testing.assert_close(after[0, 0], before[0, [0, 2, 3]].sum(dim=0), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(after[0, 1], before[0, 1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(after[1, 0], before[1, :2].sum(dim=0), rtol=1e-5, atol=1e-6)
    assert after[0, 2:].max() < 1e-12
    assert after[1, 1].max() < 1e-12


@pytest.mark.parametrize("how", LOSSES)
def test_swapping_background_and_an_unannotated_class_changes_nothing(how: LossConfig) -> None:
    logits, target = logits_and_target()
    target = without(target, 0, 2)
    known = torch.tensor([[True, True, False, True], [True, True, True, True]])
    loss = SegmentationLoss(how, 3)
    swapped = logits.clone()
    swapped[0] = logits[0, [2, 1, 0, 3]]
    assert loss(swapped, target, known).item() == pytest.approx(loss(logits, target, known).item(), rel=1e-6)
    assert loss(swapped, target).item() != pytest.approx(loss(logits, target).item(), rel=1e-3)


@pytest.mark.parametrize("how", LOSSES)
def test_no_gradient_pulls_background_and_an_unannotated_class_apart(how: LossConfig) -> None:
    logits, target = logits_and_target()
    target = without(target, 0, 2)
    known = torch.tensor([[True, True, False, True], [True, True, True, True]])
    logits[0, 2] = logits[0, 0]  # undecided between the two, and nobody says which is right
    logits.requires_grad_()
    SegmentationLoss(how, 3)(logits, target, known).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad[0, 0], logits.grad[0, 2])
    assert (logits.grad[0, 0].abs() > 0).all()
    assert not torch.allclose(logits.grad[1, 0], logits.grad[1, 2])


@pytest.mark.parametrize("how", LOSSES)
def test_a_class_that_no_case_of_the_batch_annotates_does_not_enter(how: LossConfig) -> None:
    logits, target = logits_and_target()
    target = without(without(target, 0, 3), 1, 3)
    known = torch.tensor([[True, True, True, False]]).expand(2, 4)
    found = SegmentationLoss(how, 3)(logits, target, known)
    # the same loss of a network that has no such class, and whose background is the sum of both
    smaller = torch.cat([logits[:, [0, 3]].logsumexp(dim=1, keepdim=True), logits[:, 1:3]], dim=1)
    assert found.item() == pytest.approx(SegmentationLoss(how, 2)(smaller, target).item(), rel=1e-5)


def test_volumes_are_merged_as_slices_are() -> None:
    logits, target = logits_and_target()
    target, known = without(target, 0, 2), torch.tensor([[True, True, False, True], [True, True, True, True]])
    loss = SegmentationLoss(LossConfig(), 3)
    flat = loss(logits, target, known).item()
    assert loss(logits[:, :, None], target[:, None], known).item() == pytest.approx(flat, rel=1e-6)


@pytest.mark.parametrize("how", LOSSES)
def test_where_all_is_annotated_nothing_is_merged(how: LossConfig) -> None:
    logits, target = logits_and_target()
    loss = SegmentationLoss(how, 3)
    assert loss(logits, target, torch.ones(2, 4, dtype=torch.bool)).item() == loss(logits, target).item()


def test_ignored_voxels_have_no_say_in_partly_annotated_cases_either() -> None:
    logits, target = logits_and_target()
    target = without(target, 0, 2)
    target[:, 1] = IGNORE
    known = torch.tensor([[True, True, False, True], [True, True, True, True]])
    loss, ignored = SegmentationLoss(LossConfig(), 3), (target == IGNORE)[:, None].expand_as(logits)
    logits.requires_grad_()
    loss(logits, target, known).backward()
    assert logits.grad is not None
    assert (logits.grad[ignored] == 0).all()
    other = torch.where(ignored, 100 * torch.randn_like(logits), logits)
    assert loss(other, target, known).item() == loss(logits, target, known).item()


@pytest.mark.parametrize("partial", [True, False])
def test_a_class_annotated_in_one_case_of_four_is_learned_only_if_the_others_may_hold_it(partial: bool) -> None:
    """Dark, grey and bright columns; the bright class is annotated in one case of four, and seen in all."""
    generator = torch.Generator().manual_seed(0)
    columns = torch.randint(0, 3, (4, 8, 16), generator=generator)
    # brightness alone, so that only the labels say what is what
    shown = functional.one_hot(columns, 3).movedim(-1, 1).float()
    target = columns.clone()
    target[1:][target[1:] == 2] = 0
    known = torch.ones(4, 3, dtype=torch.bool)
    known[1:, 2] = not partial
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, 3, 1)
    optimiser = torch.optim.Adam(network.parameters(), 0.05)
    loss = SegmentationLoss(LossConfig(voxels="cross-entropy"), 2)
    for _ in range(150):
        optimiser.zero_grad()
        loss(network(shown), target, known).backward()
        optimiser.step()
    found = network(shown).argmax(dim=1)
    right = (found == columns).float().mean().item()
    assert (right > 0.999) == partial
    assert (found[columns == 1] == 1).all()


# cases


def case(*annotated: str) -> Case:
    return Case(
        name="-".join(annotated), subject="a", group="x", sequence="t1", image="", labels="", annotated=annotated,
        voxels_sha256="",
    )  # fmt: skip


def test_a_group_was_annotated_if_one_of_its_structures_was() -> None:
    def found(*names: str) -> list[bool]:
        return annotated_classes(case(*names), LUMBAR, config()).tolist()

    assert found("vertebra-L5", "vertebra-L4") == [True, True, True, False, False]
    assert found("vertebra-L3") == [True, False, True, False, False]
    assert found("disc-L2-L3") == [True, False, False, True, False]
    assert found("spinal-canal", "disc-L5-S1") == [True, False, False, True, True]


def prepared(values: tuple[int, ...], *annotated: str, **changes: object) -> PreparedCase:
    labels = np.zeros((5, 40, 36), np.uint8)
    for row, value in enumerate(values):
        labels[1:4, 4 + 10 * row : 12 + 10 * row, 10:20] = value
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    reference = LabelMap(labels, affine, task=LUMBAR)
    target = targets(reference, CLASSES)
    working = Volume(np.random.default_rng(0).random(labels.shape, dtype=np.float32), affine)
    how = config(**changes)
    return PreparedCase(case(*annotated), LUMBAR, working, target, annotated_classes(case(*annotated), LUMBAR, how))


def test_every_crop_of_a_batch_says_what_was_annotated_in_its_case() -> None:
    cases = [prepared((1,), "vertebra-L5"), prepared((201,), "disc-L5-S1")]
    how = config(batch=16, sampling={"rows": 32, "columns": 32, "labelled": 1.0}, augmentation={"warped": 0.0})
    batch = Sampler(cases, how).batch(0, 0)
    for target, annotated in zip(batch.target, batch.annotated, strict=True):
        present = set(target.unique().tolist()) - {0, IGNORE}
        assert annotated.tolist() in ([True, True, False, False, False], [True, False, False, True, False])
        assert present == ({1} if annotated[1] else {3})


class Says(torch.nn.Module):
    """Answers one class everywhere."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.answer = torch.nn.Parameter(20.0 * functional.one_hot(torch.tensor(number), 5).float() - 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answer[None, :, None, None] + 0 * x[:, :1]


def test_finding_what_was_not_annotated_is_no_mistake_in_validation() -> None:
    bodies_only = prepared((1,), "vertebra-L5", "vertebra-L4")
    share = float((bodies_only.target == 1).mean())
    how = config(preprocessing={"region": "none"})
    loss = SegmentationLoss(LossConfig(), 4)
    disc, body = (scores([judged(Says(number), bodies_only, how, loss)], how.classes) for number in (3, 2))
    assert disc["accuracy"] == pytest.approx(1 - share)
    assert body["accuracy"] == 0
    assert disc["loss"] < body["loss"] / 3


# what lies above the highest annotated level


def discs_and_bodies(discs: tuple[int, ...], bodies: tuple[int, ...]) -> LabelMap:
    """Along z: disc at 5 + 20 n, body at 15 + 20 n, each 6 mm high."""
    array = np.zeros((12, 30, 120), np.uint8)
    for n, value in enumerate(discs):
        array[3:9, 10:20, 2 + 20 * n : 8 + 20 * n] = value
    for n, value in enumerate(bodies):
        array[3:9, 10:20, 12 + 20 * n : 18 + 20 * n] = value
    return LabelMap(array, np.diag([4.0, 2.0, 1.0, 1.0]), task=LUMBAR)


@pytest.mark.parametrize(
    ("discs", "bodies", "top"),
    [((201, 202, 203), (), 47), ((), (1, 2), 37), ((201, 202, 203), (1, 2), 47), ((201, 202), (1, 2), 37)],
)
def test_what_lies_above_the_highest_disc_or_body_teaches_nothing(
    discs: tuple[int, ...], bodies: tuple[int, ...], top: int
) -> None:
    ignored = targets(discs_and_bodies(discs, bodies), CLASSES) == IGNORE
    assert ignored[6, 15, top + 1 :].all()
    assert not ignored[:, :, : top + 1].any()


def test_background_is_always_annotated() -> None:
    logits, target = logits_and_target()
    known = torch.zeros(2, 4, dtype=torch.bool)
    value = SegmentationLoss(LossConfig(voxels="cross-entropy"), 3)(logits, torch.zeros_like(target), known).item()
    assert math.isfinite(value)
    assert value < 1e-3, "where nothing was annotated, nothing can be wrong"
