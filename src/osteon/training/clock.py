"""Clock: how much of the time that a training may take is spent, also before it was resumed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

Times = dict[str, float]
"""Seconds by the clock (``seconds``) and of the processor (``processor_seconds``), as in a row of ``metrics.csv``."""


def now() -> Times:
    """The time, from an arbitrary beginning; of the processor that of all threads of this process."""
    return {"seconds": time.perf_counter(), "processor_seconds": time.process_time()}


def since(begin: Times) -> Times:
    """What has passed since a time."""
    return {name: moment - begin[name] for name, moment in now().items()}


class Clock:
    """Counts training time: that of the epochs in a run's history, and since the last of them ended.

    Parameters
    ----------
    minutes : float, optional
        The limit by the clock; None for none.
    processor_minutes : float, optional
        The limit of the processor's time, which other programs on the machine do not spend; None for none.
    """

    def __init__(self, minutes: float | None, processor_minutes: float | None = None) -> None:
        limits = {"seconds": minutes, "processor_seconds": processor_minutes}
        self.limits_s = {name: 60 * limit for name, limit in limits.items() if limit is not None}
        self.before_s = dict.fromkeys(limits, 0.0)
        self.judging_s = dict.fromkeys(limits, 0.0)  # unknown before the first
        self.begin = now()

    def start(self, history: Sequence[Mapping[str, float]]) -> None:
        """Count from here, on top of the epochs that are done, each a row."""
        # an older version may have begun the run, and knew the clock only
        self.before_s = {name: sum(row.get(name, row["seconds"]) for row in history) for name in self.before_s}
        if history:  # validation takes as long as it last did
            self.judging_s = {name: history[-1].get(f"validation_{name}", 0.0) for name in self.judging_s}
        self.begin = now()

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.limits_s)

    @property
    def spent(self) -> float:
        """Share of the limit that is spent, 0 to 1 and beyond; what the epoch's validation will take counts as spent.

        Of two limits that of which more is spent; always 0 without a limit.
        """
        return self.spent_after(self.judging_s)

    def spent_after(self, more_s: Times) -> float:
        """Share of the limit that is spent as soon as so much more has passed."""
        passed = since(self.begin)
        shares = ((self.before_s[name] + passed[name] + more_s[name]) / limit for name, limit in self.limits_s.items())
        return max(shares, default=0.0)
