"""What a step of training is given, wherever it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from osteon.networks.forward import layout_of

UNKNOWN_PLACE = float("nan")
"""Place along the body of slices of which nobody knows it."""


class Batch(NamedTuple):
    """Slices, or 3-D patches, and what the network is to say of them.

    Parameters
    ----------
    slices : (batch, channel, row, column) or (batch, 1, slice, row, column) float32 Tensor, channels last
    target : (batch, row, column) or (batch, slice, row, column) int64 Tensor
        Class, or `osteon.training.targets.IGNORE`.
    place : (batch,) float32 Tensor
        Where along the body, or `UNKNOWN_PLACE`.
    annotated : (batch, class) bool Tensor
        Whether a class was annotated in the case that the slice is of; background, the first, always.
    """

    slices: Tensor
    target: Tensor
    place: Tensor
    annotated: Tensor


class Source(Protocol):
    """Where batches come from: the same seed, epoch and step give the same batch."""

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch."""


class Mixed:
    """Batches put together on one device from several sources, which give a part each."""

    def __init__(self, sources: Sequence[Source], device: str = "cpu") -> None:
        self.sources = tuple(sources)
        self.device = device

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch of every source's slices, in the order of the sources."""
        parts = [source.batch(epoch, step) for source in self.sources]
        if len(parts) == 1:
            return parts[0]
        batch = Batch(*(torch.cat([t.to(self.device) for t in kind]) for kind in zip(*parts, strict=True)))
        return batch._replace(slices=batch.slices.contiguous(memory_format=layout_of(batch.slices.ndim)))


def batches_ahead(source: Source, epoch: int, steps: int) -> Iterator[Batch]:
    """The batches of an epoch; each is made in a thread while the one before is learned from."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as maker:
        upcoming = maker.submit(source.batch, epoch, 0)
        for step in range(1, steps):
            batch = upcoming.result()
            upcoming = maker.submit(source.batch, epoch, step)
            yield batch
        yield upcoming.result()
