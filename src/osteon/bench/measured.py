"""What a benchmark is asked for and answers, and ways of one job timed in alternating order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from osteon.errors import OsteonError


@dataclass(frozen=True)
class Asked:
    """How a benchmark is to be run.

    Parameters
    ----------
    engine : "auto", "torch" or "openvino"
    model : str
        Name or folder of a model; empty for the benchmark's own.
    repeats : int
        Medians of so many are returned.
    seed : int
        Of what is made.
    """

    engine: str = "auto"
    model: str = ""
    repeats: int = 3
    seed: int = 0


class Measured(Protocol):
    """What a benchmark answers."""

    def lines(self) -> list[str]:
        """What the terminal shows."""

    def document(self) -> dict[str, Any]:
        """The same for JSON."""


@dataclass(frozen=True)
class Way:
    """One way of doing a job, for `alternately`.

    Parameters
    ----------
    name : str
    run : callable
        Does the job once, from the prepared input to the whole result, which it returns.
    """

    name: str
    run: Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """Ways of one job against each other: ours first, the others against it.

    Parameters
    ----------
    title : str
        The job and its input.
    wall_s, processor_s : dict
        Way to its median, from start to end and in processor time of this process (children not counted).
    notes : tuple of str
        What was not measured and why, what else was found: whole sentences.
    repeats : int
    """

    title: str
    wall_s: dict[str, float]
    processor_s: dict[str, float]
    notes: tuple[str, ...] = ()
    repeats: int = 1

    def ratios(self) -> dict[str, float]:
        """How many times as long as the first each other way takes, by the clock."""
        first, *others = self.wall_s
        return {name: self.wall_s[name] / self.wall_s[first] for name in others}

    def lines(self) -> list[str]:
        """What the terminal shows."""
        ratios = self.ratios()
        ways = [
            f"  {name:<44} {wall:9.3f} s  {self.processor_s[name]:9.3f} s of processor"
            + (f"  {ratios[name]:7.1f} x" if name in ratios else "")
            for name, wall in self.wall_s.items()
        ]
        return [f"{self.title} (medians of {self.repeats})", *ways, *(f"  {note}" for note in self.notes)]

    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self) | {"ratios": self.ratios()}


def alternately(
    title: str,
    ways: Sequence[Way],
    repeats: int,
    same: Callable[[object, object], bool] | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Time ways of one job one after the other, round by round, so that none has the quiet minutes for itself.

    Parameters
    ----------
    title : str
    ways : sequence of Way
        Ours first.
    repeats : int
        Rounds.
    same : callable, optional
        Whether two results are the same; ours is held against each other way's in the first round.
    notes : sequence of str

    Raises
    ------
    OsteonError
        If a way answers something else than ours: its time would mean nothing.
    """
    wall: dict[str, list[float]] = {way.name: [] for way in ways}
    processor: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(repeats):
        ours: object = None
        for way in ways:
            begin, begin_processor = time.perf_counter(), time.process_time()
            answer = way.run()
            wall[way.name].append(time.perf_counter() - begin)
            processor[way.name].append(time.process_time() - begin_processor)
            if number == 0 and same is not None:
                if way is ways[0]:
                    ours = answer
                elif not same(ours, answer):
                    raise OsteonError(f"{title}: {way.name} answers otherwise than {ways[0].name}; times mean nothing.")
            del answer
    medians = {name: float(np.median(values)) for name, values in wall.items()}
    medians_processor = {name: float(np.median(values)) for name, values in processor.items()}
    return Comparison(title, medians, medians_processor, tuple(notes), repeats)
