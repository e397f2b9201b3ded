"""A share of many scans: what one of several processes does, on a cluster or beside one another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from osteon.errors import UsageError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """The ``number``-th of ``of`` shares, from 1; all shares together have every scan once.

    Raises
    ------
    UsageError
        If there is no such share.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(
                f"There is no share {self.number} of {self.of}. Shares count from 1: give 1/{max(self.of, 1)} to "
                f"{max(self.of, 1)}/{max(self.of, 1)}, one to each process."
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Share as it is written, ``"2/8"``.

        Raises
        ------
        UsageError
            If it is written in another way, or there is no such share.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if found is None:
            raise UsageError(f"--shard {text} says no share. Write it as its number and how many there are, as in 2/8.")
        return cls(int(found[1]), int(found[2]))

    def share(self, items: Sequence[Item]) -> list[Item]:
        """Every ``of``-th of some items, so that large ones that follow one another are spread."""
        return list(items[self.number - 1 :: self.of])
