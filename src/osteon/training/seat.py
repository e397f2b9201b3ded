"""Seat: one process' place among all of a training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Seat:
    """One process' place among all of a training.

    Parameters
    ----------
    rank : int
        From 0; the first is the one that was called, reports and writes.
    of : int
        How many there are.
    port : int
        Where they meet.
    """

    rank: int = 0
    of: int = 1
    port: int = 0

    def share(self, number: int) -> range:
        """Which of so many items of a batch are this process' own."""
        each = number // self.of
        return range(self.rank * each, (self.rank + 1) * each)


ALONE = Seat()
"""Of a training in one process."""
