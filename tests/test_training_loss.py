"""The loss, against MONAI's and PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn import functional

from osteon.training.config import LossConfig
from osteon.training.loss import CERTAIN, SegmentationLoss
from osteon.training.targets import IGNORE

CLASSES = 3
WEIGHTS = (1.0, 2.0, 0.5, 1.0)


def of_libraries(logits: Tensor, target: Tensor) -> Tensor:
    """The same loss, put together from MONAI's Dice and PyTorch's cross entropy."""
    ignored = target == IGNORE
    certain = torch.full_like(logits, -CERTAIN)
    certain[:, 0] = CERTAIN
    logits = torch.where(ignored[:, None], certain, logits)
    target = target.masked_fill(ignored, 0)
    true = functional.one_hot(target, CLASSES + 1).movedim(-1, 1).float()
    weight = torch.tensor(WEIGHTS)
    dice = DiceLoss(include_background=True, batch=True, reduction="none")(logits.softmax(dim=1), true).flatten()
    return (dice * weight).mean() + functional.cross_entropy(logits, target, weight)


def case(share_ignored: float, spatial: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = 2 * torch.randn(2, CLASSES + 1, *spatial, generator=generator)
    target = torch.randint(0, CLASSES, (2, *spatial), generator=generator)  # the last class is nowhere
    target[torch.rand(target.shape, generator=generator) < share_ignored] = IGNORE
    return logits, target


@pytest.mark.parametrize("share_ignored", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("spatial", [(9, 7), (4, 5, 6)])
def test_dice_and_cross_entropy_are_those_of_the_libraries(share_ignored: float, spatial: tuple[int, ...]) -> None:
    logits, target = case(share_ignored, spatial)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    found = SegmentationLoss(LossConfig(voxels="cross-entropy"), CLASSES, WEIGHTS)(ours, target)
    expected = of_libraries(theirs, target)
    found.backward()
    expected.backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-8)


def test_what_is_ignored_has_no_gradient() -> None:
    logits, target = case(0.3, (9, 7))
    logits.requires_grad_()
    SegmentationLoss(LossConfig(), CLASSES)(logits, target).backward()
    assert logits.grad is not None
    silent = (logits.grad == 0).all(dim=1)
    torch.testing.assert_close(silent, target == IGNORE)
