"""How good the network is on whole volumes of the validation subjects, on the working grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from osteon.networks.forward import torch_logits, volume_logits
from osteon.training.config import TrainingConfig
from osteon.training.data import PreparedCase
from osteon.training.loss import SegmentationLoss
from osteon.training.targets import IGNORE


def validate(
    network: nn.Module, cases: Sequence[PreparedCase], config: TrainingConfig, loss: SegmentationLoss
) -> dict[str, float]:
    """Loss, accuracy, F1, IoU and Dice of each class, averaged over cases.

    Voxels that nobody annotated do not count, and a class that was not annotated in a case is background there. The
    Dice of a class is taken over each whole case and averaged over the cases that hold it; F1 is the mean over classes
    (the F1 score of voxels is their Dice).

    Returns
    -------
    dict of str to float
        ``loss``, ``accuracy``, ``f1``, ``iou`` and ``dice_<class>``.
    """
    network.eval()
    logits_of = torch_logits(network)
    device = next(network.parameters()).device  # where the loss keeps its weights, too
    number = len(config.classes) + 1
    losses, accuracies = [], []
    dice: list[list[float]] = [[] for _ in range(number)]
    iou: list[list[float]] = [[] for _ in range(number)]
    for case in cases:
        confusion = np.zeros((number, number), dtype=np.int64)
        annotated = torch.from_numpy(case.annotated)[None].to(device)
        answers = volume_logits(case.working, config.preprocessing, config.network.patch, logits_of, config.batch)
        for indices, logits in answers:
            target = case.target[indices]
            pair = torch.from_numpy(logits).to(device), torch.from_numpy(target).long().to(device)
            losses.append(float(loss(*pair, annotated.expand(len(indices), -1))))
            answer = logits.argmax(axis=1)
            confusion += _confusion(np.where(case.annotated[answer], answer, 0), target, number)
        accuracies.append(float(np.trace(confusion) / max(1, confusion.sum())))
        true, said, hit = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
        for index in range(1, number):
            if true[index]:
                dice[index].append(float(2 * hit[index] / (true[index] + said[index])))
                iou[index].append(float(hit[index] / (true[index] + said[index] - hit[index])))
    per_class = [float(np.mean(d)) if d else float("nan") for d in dice[1:]]
    result = {
        "loss": float(np.mean(losses)),
        "accuracy": float(np.mean(accuracies)),
        "f1": float(np.nanmean(per_class)),
        "iou": float(np.mean([v for class_ in iou[1:] for v in class_])),
    }
    return result | {f"dice_{name}": d for name, d in zip(config.classes, per_class, strict=True)}


def _confusion(said: NDArray[np.int_], target: NDArray[np.uint8], number: int) -> NDArray[np.int64]:
    """``(true, said)`` counts over annotated voxels."""
    known = target != IGNORE
    pairs = target[known].astype(np.int64) * number + said[known]
    return np.bincount(pairs, minlength=number * number).reshape(number, number)
