"""Dice and focal or cross-entropy loss over what somebody annotated; the error of the place along the body."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.losses import FocalLoss
from torch import Tensor, nn
from torch.nn import functional

from osteon.training.config import LossConfig
from osteon.training.targets import IGNORE

CERTAIN = 30.0
"""Size of logits that leave no doubt: their loss is nothing, in single precision."""
SMOOTH = 1e-5
"""Voxels added to both parts of a Dice, so that a class that is neither there nor found has none to lose."""


class SegmentationLoss(nn.Module):
    """Dice and MONAI's focal loss, or Dice and cross entropy, blind to what nobody annotated.

    Voxels whose target is `IGNORE` have no say. Classes that were not annotated in a case are merged with its
    background: their probabilities are added, so that "background" means background or one of them in that case (the
    marginal loss of Shi et al. 2021, doi 10.1016/j.media.2021.101979).

    Dice is taken over the whole batch, so that slices without a structure do not dominate it (Milletari et al. 2016,
    doi 10.1109/3DV.2016.79; focal loss: Lin et al. 2017, doi 10.1109/ICCV.2017.324), of the classes that were annotated
    somewhere in it.
    """

    weight: Tensor

    def __init__(self, how: LossConfig, classes: int, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.how = how
        weights = [1.0] + classes * [how.foreground_weight] if weights is None else weights
        self.register_buffer("weight", torch.tensor(weights), persistent=False)
        self.focal = FocalLoss(
            include_background=True, gamma=how.focal_gamma, reduction="none", use_softmax=how.voxels != "focal"
        )

    def forward(self, logits: Tensor, target: Tensor, annotated: Tensor | None = None) -> Tensor:
        """Loss of ``(batch, class, *spatial)`` logits against ``(batch, *spatial)`` targets.

        Parameters
        ----------
        logits, target : Tensor
        annotated : (batch, class) bool Tensor, optional
            Which classes were annotated in each item's case, background first (it always counts as annotated); all of
            them where it is not given.
        """
        known = torch.ones(logits.shape[:2], dtype=torch.bool, device=logits.device)
        # planes of classes lie together: classes as the last axis would be copied by every operation below
        logits = logits.float().contiguous()
        if annotated is not None:
            known = annotated.to(logits.device).clone()
            known[:, 0] = True
            logits = merged(logits, known)
        ignored = target == IGNORE
        target = target.masked_fill(ignored, 0)
        log_shares = logits.log_softmax(dim=1)
        # what nobody annotated is a certain and right answer: it costs nothing and lets no gradient through
        own = log_shares.gather(1, target[:, None])[:, 0].masked_fill(ignored, 0.0)
        dice = self._dice(log_shares.exp(), own, target, ignored) * self.weight
        in_batch = known.any(dim=0)
        overlap: Tensor = (dice * in_batch).sum() / in_batch.sum()
        return self.how.dice_weight * overlap + self.how.focal_weight * self._voxels(
            logits, own, target, ignored, known
        )

    def _dice(self, shares: Tensor, own: Tensor, target: Tensor, ignored: Tensor) -> Tensor:
        """Dice loss ``(class,)`` over the batch, as MONAI's ``DiceLoss(batch=True)``, without its one-hot copies.

        They and their gradients would take a good part of a narrow network's step.
        """
        if ignored.any():
            shares = shares.masked_fill(ignored[:, None], 0.0)
        said = shares.movedim(1, 0).flatten(1).sum(dim=1)  # (class,)
        said = torch.cat([said[:1] + ignored.sum(), said[1:]])
        flat = target.flatten()
        true = torch.bincount(flat, minlength=len(said))
        both = torch.zeros_like(said).scatter_add(0, flat, own.exp().flatten())
        return 1 - (2 * both + SMOOTH) / (said + true + SMOOTH)

    def _voxels(self, logits: Tensor, own: Tensor, target: Tensor, ignored: Tensor, known: Tensor) -> Tensor:
        """Loss of every voxel, averaged."""
        if self.how.voxels == "cross-entropy":
            weight = self.weight[target]
            return -(own * weight).sum() / weight.sum()
        number = logits.shape[1]
        certain = torch.full((1, number, *(1 for _ in logits.shape[2:])), -CERTAIN, device=logits.device)
        certain[:, 0] = CERTAIN
        logits = torch.where(ignored[:, None], certain, logits)
        true = functional.one_hot(target, number).movedim(-1, 1).float()
        per_class = self.focal(logits, true).flatten(2).mean(dim=2) * self.weight  # (b, class)
        if self.how.voxels == "categorical-focal":  # at each voxel only its own class costs
            return per_class.sum(dim=1).mean()  # type: ignore[no-any-return]
        # a merged class costs nothing and does not count either
        mean: Tensor = (per_class * known).sum() / known.sum()
        return mean


def merged(logits: Tensor, known: Tensor) -> Tensor:
    """Logits in which the classes that were not annotated are one with the background.

    The sum of probabilities is the logarithm of the sum of exponentials of logits.

    Parameters
    ----------
    logits : (batch, class, *spatial) Tensor
    known : (batch, class) bool Tensor
        Which classes were annotated; the background, the first, must be.
    """
    if known.all():
        return logits
    known = known.view(*known.shape, *(1 for _ in logits.shape[2:]))
    apart = known.clone()
    apart[:, 0] = False
    background = logits.masked_fill(apart, -torch.inf).logsumexp(dim=1, keepdim=True)
    # below every other logit by so much that nothing is left of its probability
    nothing = logits.detach().amin(dim=1, keepdim=True).clamp(max=0) - CERTAIN
    others = torch.where(known[:, 1:], logits[:, 1:], nothing)
    return torch.cat([background, others], dim=1)


def place_loss(said: Tensor, place: Tensor) -> Tensor:
    """Mean smooth absolute error of ``(batch,)`` places along the body; unknown ones (NaN) do not count."""
    known = ~place.isnan()
    errors = functional.smooth_l1_loss(said.float(), place.nan_to_num(), reduction="none", beta=0.1)
    return (errors * known).sum() / known.sum().clamp(min=1)
