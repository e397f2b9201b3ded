"""Run a 2.5-D network over the slices of a working volume, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.networks.unet import STRIDE
from osteon.preprocessing import Preprocessing, context_offset, slices_with_context
from osteon.volume import Volume

Batch = NDArray[np.float32]


def slice_batches(working: Volume, how: Preprocessing, batch: int) -> Iterator[tuple[NDArray[np.int_], Batch]]:
    """Slices with context, in batches, rows and columns padded by their edge to multiples of `STRIDE`.

    Yields
    ------
    indices : (n,) ndarray of int
    slices : (n, channels, row, column) float32 ndarray
    """
    offset = context_offset(working.spacing_mm[0], how.context_mm)
    rows, columns = working.shape[1:]
    padding = ((0, 0), (0, 0), (0, -rows % STRIDE), (0, -columns % STRIDE))
    for start in range(0, working.shape[0], batch):
        indices = np.arange(start, min(start + batch, working.shape[0]))
        slices = slices_with_context(working.array, indices, how.channels, offset)
        yield indices, np.pad(slices, padding, mode="edge")


def torch_logits(network: torch.nn.Module) -> Callable[[Batch], Batch]:
    """A function from slices to logits, both ``(n, channel or class, row, column)``, by eager torch."""

    def logits(slices: Batch) -> Batch:
        with torch.inference_mode():
            x = torch.from_numpy(slices).contiguous(memory_format=torch.channels_last)
            device = next(network.parameters()).device
            answer: Tensor = network(x.to(device))
        return np.ascontiguousarray(answer.float().cpu().numpy())

    return logits
