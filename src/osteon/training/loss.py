"""Dice + focal or cross-entropy loss over the voxels that somebody annotated; the error of the place along the body."""

from __future__ import annotations

import torch
from monai.losses import DiceCELoss, DiceFocalLoss
from torch import Tensor, nn
from torch.nn import functional

from osteon.training.config import LossConfig
from osteon.training.targets import IGNORE


class SegmentationLoss(nn.Module):
    """MONAI's Dice + focal or Dice + cross-entropy loss, blind to voxels whose target is `IGNORE`.

    Dice is taken over the whole batch, so that slices without a structure do not dominate it
    (Milletari et al. 2016, doi 10.1109/3DV.2016.79; focal loss: Lin et al. 2017, doi 10.1109/ICCV.2017.324).
    """

    def __init__(self, how: LossConfig, classes: int) -> None:
        super().__init__()
        weight = None if how.foreground_weight == 1 else torch.tensor([1.0] + classes * [how.foreground_weight])
        shared = {"include_background": True, "to_onehot_y": True, "softmax": True, "batch": True, "weight": weight}
        self.loss: nn.Module
        if how.voxels == "focal":
            self.loss = DiceFocalLoss(
                **shared, gamma=how.focal_gamma, lambda_dice=how.dice_weight, lambda_focal=how.focal_weight
            )
        else:
            self.loss = DiceCELoss(**shared, lambda_dice=how.dice_weight, lambda_ce=how.focal_weight)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of ``(batch, class, row, column)`` logits against ``(batch, row, column)`` targets."""
        ignored = (target == IGNORE)[:, None]
        # a certain and right answer: no loss, and masked_fill lets no gradient through
        certain = torch.full((1, logits.shape[1], 1, 1), -30.0, device=logits.device)
        certain[:, 0] = 30.0
        logits = torch.where(ignored, certain, logits.float())
        return self.loss(logits, target[:, None].masked_fill(ignored, 0))  # type: ignore[no-any-return]


def place_loss(said: Tensor, place: Tensor) -> Tensor:
    """Mean smooth absolute error of ``(batch,)`` places along the body; unknown ones (NaN) do not count."""
    known = ~place.isnan()
    errors = functional.smooth_l1_loss(said.float(), place.nan_to_num(), reduction="none", beta=0.1)
    return (errors * known).sum() / known.sum().clamp(min=1)
