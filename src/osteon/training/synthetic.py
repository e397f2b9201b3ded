"""Batches made from bodies, slice by slice, in ever new contrasts."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from osteon.synthesis.body import Body
from osteon.synthesis.scanner import SliceGenerator
from osteon.training.batches import UNKNOWN_PLACE, Batch
from osteon.training.config import TrainingConfig
from osteon.training.targets import IGNORE


class SyntheticSource:
    """Draws slices of bodies.

    Parameters
    ----------
    bodies : sequence of Body
    config : TrainingConfig
    """

    def __init__(self, bodies: Sequence[Body], config: TrainingConfig) -> None:
        self.config = config
        how = config.preprocessing
        self.generator = SliceGenerator(
            bodies,
            config.synthesis,
            config.classes,
            size=(config.sampling.rows, config.sampling.columns),
            spacing_mm=how.spacing_mm[0] if how.spacing_mm else 1.0,
            context_mm=how.context_mm,
            channels=how.channels,
            ignore=IGNORE,
        )

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch, a function of the seed, the epoch and the step alone."""
        seed = [self.config.seed, epoch, step]
        slices, target, place = self.generator.batch(seed, self.config.synthetic_crops)
        return Batch(slices, target, torch.where(place < 0, torch.tensor(UNKNOWN_PLACE), place))
