"""How good the network is on whole volumes of the validation subjects, on the working grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from osteon.networks.forward import torch_logits, volume_logits
from osteon.training.cases import PreparedCase
from osteon.training.config import TrainingConfig
from osteon.training.loss import SegmentationLoss
from osteon.training.targets import IGNORE


@dataclass(frozen=True)
class Judgement:
    """How good the network is on one case.

    Parameters
    ----------
    losses : tuple of float
        Of each batch of slices.
    confusion : (class, class) int64 ndarray
        Voxels by true class and answer; what nobody annotated does not count.
    """

    losses: tuple[float, ...]
    confusion: NDArray[np.int64]


def judged(network: nn.Module, case: PreparedCase, config: TrainingConfig, loss: SegmentationLoss) -> Judgement:
    """Hold the network's answer in a whole case against its labels.

    Voxels that nobody annotated do not count, and a class that was not annotated in the case is background there.
    """
    network.eval()
    device = next(network.parameters()).device  # where the loss keeps its weights, too
    number = len(config.classes) + 1
    losses, confusion = [], np.zeros((number, number), dtype=np.int64)
    annotated = torch.from_numpy(case.annotated)[None].to(device)
    answers = volume_logits(
        case.working, config.preprocessing, config.network.patch, torch_logits(network), config.batch
    )
    for indices, logits in answers:
        target = case.target[indices]
        pair = torch.from_numpy(logits).to(device), torch.from_numpy(target).long().to(device)
        losses.append(float(loss(*pair, annotated.expand(len(indices), -1))))
        answer = logits.argmax(axis=1)
        confusion += _confusion(np.where(case.annotated[answer], answer, 0), target, number)
    return Judgement(tuple(losses), confusion)


def scores(judgements: Sequence[Judgement], classes: Sequence[str]) -> dict[str, float]:
    """What a row of ``metrics.csv`` says of a network.

    The Dice of a class is taken over each whole case and averaged over the cases that hold it; F1 is the mean over
    classes (the F1 score of voxels is their Dice).

    Returns
    -------
    dict of str to float
        ``loss``, ``accuracy``, ``f1``, ``iou`` and ``dice_<class>``.
    """
    dice: list[list[float]] = [[] for _ in classes]
    iou: list[float] = []
    for confusion in (judgement.confusion for judgement in judgements):
        true, said, hit = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
        for index, found in enumerate(dice, start=1):
            if true[index]:
                found.append(float(2 * hit[index] / (true[index] + said[index])))
                iou.append(float(hit[index] / (true[index] + said[index] - hit[index])))
    per_class = [float(np.mean(d)) if d else float("nan") for d in dice]
    result = {
        "loss": float(np.mean([loss for judgement in judgements for loss in judgement.losses])),
        "accuracy": float(np.mean([np.trace(j.confusion) / max(1, j.confusion.sum()) for j in judgements])),
        "f1": float(np.nanmean(per_class)),
        "iou": float(np.mean(iou)),
    }
    return result | {f"dice_{name}": d for name, d in zip(classes, per_class, strict=True)}


def _confusion(said: NDArray[np.int_], target: NDArray[np.uint8], number: int) -> NDArray[np.int64]:
    """``(true, said)`` counts over annotated voxels."""
    known = target != IGNORE
    pairs = target[known].astype(np.int64) * number + said[known]
    return np.bincount(pairs, minlength=number * number).reshape(number, number)
