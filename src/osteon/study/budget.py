"""Budget: how long the arms of a study train, and by whose minutes."""

from __future__ import annotations

from dataclasses import dataclass

PROCESSOR, CLOCK = "processor", "clock"


@dataclass(frozen=True)
class Budget:
    """How long an arm trains.

    Parameters
    ----------
    minutes : float
    of : "processor" or "clock"
        Whether they are those that the arm computes, by all its threads, whatever else the machine does; or those that
        pass, as on a GPU.
    """

    minutes: float
    of: str

    @property
    def keys(self) -> dict[str, float | None]:
        """The same as keys of a training's configuration, instead of what it says of minutes."""
        limits: dict[str, float | None] = {"minutes": None, "processor_minutes": None}
        return limits | {"processor_minutes" if self.of == PROCESSOR else "minutes": self.minutes}

    def shared(self, share: float) -> Budget:
        """So much of it."""
        return Budget(round(self.minutes * share, 4), self.of)


def whose_minutes(device: str) -> str:
    """`PROCESSOR` on a CPU, whose time can be counted, else `CLOCK`: while a GPU works the processor waits."""
    if device == "auto":
        import torch

        device = "gpu" if torch.cuda.is_available() or torch.backends.mps.is_available() else "cpu"
    return PROCESSOR if device == "cpu" else CLOCK
