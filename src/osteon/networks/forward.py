"""Run a network over a working volume, whatever its size: slice by slice (2.5-D) or in 3-D windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from osteon.networks.catalogue import STRIDE, Patch
from osteon.networks.windows import window_logits
from osteon.preprocessing import Preprocessing, context_offset, slices_with_context
from osteon.volume import Volume

if TYPE_CHECKING:
    import torch

Batch = NDArray[np.float32]


def volume_logits(
    working: Volume, how: Preprocessing, patch: Patch | None, logits: Callable[[Batch], Batch], batch: int
) -> Iterator[tuple[NDArray[np.int_], Batch]]:
    """Logits of each slice of a working volume, a few slices at a time.

    Parameters
    ----------
    working : Volume
    how : Preprocessing
    patch : (3,) tuple of int, optional
        What a 3-D network sees at once; None for a network that sees slices.
    logits : callable
        The network: ``(n, channel, *spatial)`` to ``(n, class, *spatial)``.
    batch : int
        So many slices.

    Yields
    ------
    indices : (n,) ndarray of int
    logits : (n, class, row, column) float32 ndarray
    """
    rows, columns = working.shape[1:]
    if patch is None:
        for indices, slices in slice_batches(working, how, batch):
            yield indices, logits(slices)[:, :, :rows, :columns]
        return
    whole = window_logits(working.array, patch, logits).swapaxes(0, 1)  # (slice, class, row, column)
    for start in range(0, len(whole), batch):
        indices = np.arange(start, min(start + batch, len(whole)))
        yield indices, whole[indices]


def slice_batches(working: Volume, how: Preprocessing, batch: int) -> Iterator[tuple[NDArray[np.int_], Batch]]:
    """Slices with context, in batches, rows and columns padded by their edge to multiples of `STRIDE`.

    Yields
    ------
    indices : (n,) ndarray of int
    slices : (n, channels, row, column) float32 ndarray
    """
    offset = context_offset(working.spacing_mm[0], how.context_mm)
    for start in range(0, working.shape[0], batch):
        indices = np.arange(start, min(start + batch, working.shape[0]))
        slices = slices_with_context(working.array, indices, how.channels, offset)
        yield indices, padded(slices)


def padded(slices: Batch) -> Batch:
    """``(n, channel, row, column)`` slices, rows and columns repeated at their end up to multiples of `STRIDE`."""
    rows, columns = slices.shape[2:]
    return np.pad(slices, ((0, 0), (0, 0), (0, -rows % STRIDE), (0, -columns % STRIDE)), mode="edge")


def channels_last(network: torch.nn.Module) -> torch.nn.Module:
    """Lay out a network's kernels, 2-D and 3-D, with channels last: faster on CPUs and on tensor cores."""
    for parameter in network.parameters():
        if parameter.ndim in (4, 5):
            parameter.data = parameter.data.contiguous(memory_format=layout_of(parameter.ndim))
    return network


def torch_logits(network: torch.nn.Module) -> Callable[[Batch], Batch]:
    """A function from intensities to logits, ``(n, channel or class, *spatial)``, by eager torch."""
    import torch

    def logits(seen: Batch) -> Batch:
        with torch.inference_mode():
            x = torch.from_numpy(seen).contiguous(memory_format=layout_of(seen.ndim))
            device = next(network.parameters()).device
            answer: torch.Tensor = network(x.to(device))
        return np.ascontiguousarray(answer.float().cpu().numpy())

    return logits


def layout_of(axes: int) -> torch.memory_format:
    """Channels last, for pictures of so many axes: 4 with batch and channel, 5 for volumes."""
    import torch

    return torch.channels_last if axes == 4 else torch.channels_last_3d
