"""Several looks at each slice, a few pixels apart: the mean of a network's answers. Nothing is ever mirrored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from osteon.errors import UsageError
from osteon.inference.engine import Engine, averaged
from osteon.networks.forward import Batch

SHIFTS = ((0, 0), (5, 5), (-5, -5), (5, -5), (-5, 5))
"""Rows and columns; odd, so that each look falls otherwise on the steps of 2 to 32 pixels in which a network sees."""


def with_looks(engine: Engine, looks: int) -> Engine:
    """The same engine, looking several times; the probabilities are averaged.

    Test-time augmentation usually mirrors, which turns a left bone into a right one; shifts keep the sides. It takes
    as many times as long.

    Parameters
    ----------
    engine : Engine
    looks : int
        1 changes nothing; at most 5.

    Raises
    ------
    UsageError
        If there are not so many looks, or the network sees scans in a way of its own.
    """
    if not 1 <= looks <= len(SHIFTS):
        raise UsageError(f"A network can look 1 to {len(SHIFTS)} times, not {looks}.")
    if looks == 1:
        return engine
    if engine.whole is not None:
        raise UsageError("nnU-Net's networks look at scans in a way of their own. Leave --looks out.")
    name = f"{engine.name}, {looks} looks"
    networks = tuple(with_looks(one, looks) for one in engine.networks)
    return replace(engine, name=name, logits=_looking(engine.logits, looks), networks=networks, answers=None)


def _looking(logits: Callable[[Batch], Batch], looks: int) -> Callable[[Batch], Batch]:
    def mean(seen: Batch) -> Batch:
        return averaged([shifted(logits(shifted(seen, r, c)), -r, -c) for r, c in SHIFTS[:looks]])

    return mean


def shifted(seen: Batch, rows: int, columns: int) -> Batch:
    """Pictures moved down and to the right, ``(..., row, column)``; the edge they leave is repeated.

    Parameters
    ----------
    seen : (..., row, column) ndarray
    rows, columns : int
        Negative: up, to the left.
    """
    height, width = seen.shape[-2:]
    row = np.clip(np.arange(height) - rows, 0, height - 1)
    column = np.clip(np.arange(width) - columns, 0, width - 1)
    return np.ascontiguousarray(seen[..., row[:, None], column])
