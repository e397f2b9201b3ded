"""Clock: how much of the minutes of a training is spent, also before it was resumed."""

from __future__ import annotations

import time

from osteon.training.checkpoint import Progress


class Clock:
    """Counts training time: that of the epochs in a run's history, and since the last of them ended.

    Parameters
    ----------
    minutes : float, optional
        The limit; None for none.
    """

    def __init__(self, minutes: float | None) -> None:
        self.limit_s = float("inf") if minutes is None else 60 * minutes
        self.before_s = 0.0
        self.judging_s = 0.0  # unknown before the first
        self.begin = time.perf_counter()

    def start(self, progress: Progress) -> None:
        """Count from here, on top of the epochs that are done."""
        rows = progress.history
        self.before_s = sum(row["seconds"] for row in rows)
        if rows:  # validation takes as long as it last did
            self.judging_s = rows[-1].get("validation_seconds", 0.0)
        self.begin = time.perf_counter()

    @property
    def spent(self) -> float:
        """Share of the limit that is spent, 0 to 1 and beyond; what the epoch's validation will take counts as spent.

        Always 0 without a limit.
        """
        return (self.before_s + self.judging_s + time.perf_counter() - self.begin) / self.limit_s
