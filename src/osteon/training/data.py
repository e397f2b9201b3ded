"""Batches drawn from prepared cases: the same seed, epoch and step give the same batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.errors import TrainingError
from osteon.networks.forward import layout_of
from osteon.preprocessing import context_offset, slices_with_context
from osteon.training.augmentation import Crop, augmented, flipped, recoloured
from osteon.training.batches import UNKNOWN_PLACE, Batch
from osteon.training.cases import PreparedCase
from osteon.training.config import AugmentationConfig, TrainingConfig
from osteon.training.seat import ALONE, Seat
from osteon.training.targets import IGNORE

UNCHANGED = AugmentationConfig(
    warped=0, flip=0, gamma=1, contrast=0, brightness=0, noise=0, bias_field=0, blur_mm=0, remapped=0
)
"""The first of a slice's versions (``augmentation.offline``)."""


class Sampler:
    """Draws batches of augmented crops.

    Parameters
    ----------
    cases : sequence of PreparedCase
    config : TrainingConfig
    seat : Seat
        Of several processes each makes its share of every batch.
    """

    def __init__(self, cases: Sequence[PreparedCase], config: TrainingConfig, seat: Seat = ALONE) -> None:
        cases = [c for c in cases if c.labelled_slices.size]
        if not cases:
            raise TrainingError("No training case holds a label of the classes to learn; check the split and classes.")
        self.cases = cases
        self.config = config
        self.mine = seat.share(config.real_crops)
        self.swap = cases[0].task.mirrored_classes(config.classes)
        groups = Counter(c.case.group for c in cases)
        weights = np.array([groups[c.case.group] ** -config.sampling.balance for c in cases])
        self.weights = weights / weights.sum()
        self.labelled = [c.labelled_slices for c in cases]

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch, or this process' share of it: each crop is a function of the seed, epoch, step and its number."""
        drawn, pairs = [], []
        for number in self.mine:
            rng = np.random.default_rng([self.config.seed, epoch, step, number])
            drawn.append(int(rng.choice(len(self.cases), p=self.weights)))
            pairs.append(self._fixed(drawn[-1], rng) if self.config.augmentation.offline else self._new(drawn[-1], rng))
        slices = torch.stack([s for s, _ in pairs])
        if self.config.network.patch is not None:
            slices = slices[:, None]  # (batch, channel, slice, row, column)
        target = torch.stack([t for _, t in pairs]).long()
        place = torch.full((len(pairs),), UNKNOWN_PLACE)
        annotated = torch.from_numpy(np.stack([self.cases[number].annotated for number in drawn]))
        return Batch(slices.contiguous(memory_format=layout_of(slices.ndim)), target, place, annotated)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a crop."""
        patch = self.config.network.patch
        return (self.config.sampling.rows, self.config.sampling.columns) if patch is None else patch[1:]

    def _new(self, number: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A crop of a case, changed as never before."""
        return self._changed(number, *self._slice(number, rng), self.config.augmentation, rng)

    def _fixed(self, number: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """One of a slice's versions, whose changes depend on the seed, the slice and its number alone."""
        index, labelled = self._slice(number, rng)
        version = int(rng.integers(self.config.augmentation.offline))
        how = self.config.augmentation if version else UNCHANGED
        own = np.random.default_rng([self.config.seed, number, index, version])
        return self._changed(number, index, labelled, how, own)

    def _changed(
        self, number: int, index: int, labelled: bool, how: AugmentationConfig, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        slices, target = augmented(self._crop(number, index, labelled, how, rng), self.size, how, rng)
        return recoloured(slices[None], how, rng)[0], target

    def _slice(self, number: int, rng: np.random.Generator) -> tuple[int, bool]:
        """Which slice of a case a crop is cut from, and whether around its labels."""
        if rng.random() < self.config.sampling.labelled:
            return int(rng.choice(self.labelled[number])), True
        return int(rng.integers(self.cases[number].target.shape[0])), False

    def _crop(self, number: int, index: int, labelled: bool, how: AugmentationConfig, rng: np.random.Generator) -> Crop:
        case = self.cases[number]
        if labelled:
            held = np.argwhere((case.target[index] > 0) & (case.target[index] != IGNORE))
            middle = (held.min(axis=0) + held.max(axis=0)) / 2
            reach = np.array(self.size) / 4
            centre = middle + rng.uniform(-reach, reach)
        else:
            centre = rng.uniform(0, case.target.shape[1:])
        slices, target = self._seen(case, index)
        if how.thick and rng.random() < how.thick:
            last = len(case.target) - 1
            beside = [self._seen(case, min(max(index + step, 0), last))[0] for step in (-1, 1)]
            slices = (slices + beside[0] + beside[1]) / np.float32(3)
        crop = Crop(slices, target, (float(centre[0]), float(centre[1])))
        if rng.random() < how.flip:
            crop = flipped(crop, self.config.preprocessing.plane, self.swap)
        return crop

    def _seen(self, case: PreparedCase, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """A slice with its neighbours and its target, or the slices of a patch around it and theirs."""
        patch, how = self.config.network.patch, self.config.preprocessing
        if patch is None:
            offset = context_offset(case.working.spacing_mm[0], how.context_mm)
            return slices_with_context(case.working.array, np.array([index]), how.channels, offset)[0], case.target[
                index
            ]
        wanted = index - patch[0] // 2 + np.arange(patch[0])
        inside = np.clip(wanted, 0, len(case.target) - 1)  # repeated at their end, as when the network is used
        target = case.target[inside]
        target[wanted != inside] = IGNORE
        return case.working.array[inside], target
