"""Batches made from bodies, slice by slice, in ever new contrasts."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from osteon.errors import TrainingError
from osteon.synthesis.body import Body
from osteon.synthesis.scanner import SliceGenerator
from osteon.training.batches import Batch
from osteon.training.config import TrainingConfig
from osteon.training.seat import ALONE, Seat
from osteon.training.targets import IGNORE


class SyntheticSource:
    """Draws slices of bodies, prepared as `osteon.preprocessing` would prepare a scan.

    Parameters
    ----------
    bodies : sequence of Body
    config : TrainingConfig
    device : str
        Where slices are made.
    seat : Seat
        Of several processes each makes its share of every batch, from random numbers of its own.

    Raises
    ------
    TrainingError
        If scans are to be prepared otherwise than made slices are: axial, square pixels, by percentiles.
    """

    def __init__(self, bodies: Sequence[Body], config: TrainingConfig, device: str = "cpu", seat: Seat = ALONE) -> None:
        self.config = config
        self.seat = seat
        how = config.preprocessing
        if (
            how.plane != "axial"
            or how.normalisation != "percentile"
            or how.spacing_mm is None
            or how.spacing_mm[0] != how.spacing_mm[1]
        ):
            raise TrainingError(
                'Slices made from bodies are axial, of square pixels, normalised by percentiles; set plane = "axial", '
                'normalisation = "percentile" and two equal numbers as spacing_mm in [preprocessing].'
            )
        self.generator = SliceGenerator(
            bodies,
            config.synthesis,
            config.classes,
            size=(config.sampling.rows, config.sampling.columns),
            spacing_mm=how.spacing_mm[0],
            context_mm=how.context_mm,
            channels=how.channels,
            ignore=IGNORE,
            device=device,
        )

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch, a function of the seed, the epoch and the step alone."""
        seed = [self.config.seed, epoch, step, *([self.seat.rank] if self.seat.rank else [])]
        slices, target, place = self.generator.batch(seed, len(self.seat.share(self.config.synthetic_crops)))
        # a body's parts are all known
        annotated = torch.ones(len(slices), len(self.config.classes) + 1, dtype=torch.bool, device=slices.device)
        return Batch(slices, target, place, annotated)
