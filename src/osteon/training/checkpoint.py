"""Checkpoints: one safetensors file with all that an unbroken run would have in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from osteon.errors import TrainingError
from osteon.io.whole import written_whole


@dataclass
class Progress:
    """How far a run has come.

    Parameters
    ----------
    epoch : int
        Epochs done.
    best_dice, best_loss : float
        Of the validation.
    best_epoch : int
        Of the best validation Dice, whose weights are kept.
    since_better_loss : int
        Epochs since the validation loss fell.
    start_dice : float, optional
        Validation Dice of the model that the run started from, before it learned.
    history : list of dict
        One row of ``metrics.csv`` an epoch.
    """

    epoch: int = 0
    best_dice: float = -1.0
    best_loss: float = float("inf")
    best_epoch: int = 0
    since_better_loss: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    start_dice: float | None = None


def save_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write weights, averaged weights, optimiser and progress, whole: a kill leaves the checkpoint before it.

    The random state is not in it, because batches are drawn from the seed, the epoch and the step.
    """
    tensors = {f"network.{n}": t for n, t in network.state_dict().items()}
    tensors |= {f"average.{n}": t for n, t in average.state_dict().items()}
    state = optimiser.state_dict()
    for number, slots in state["state"].items():
        tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in slots.items()}
    facts = {"progress": json.dumps(progress.__dict__), "groups": json.dumps(state["param_groups"])}
    # separate contiguous copies: safetensors refuses tensors that share memory
    with written_whole(path) as part:
        save_file({n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}, part, metadata=facts)


def load_checkpoint(path: Path, network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Restore what `save_checkpoint` wrote.

    Raises
    ------
    TrainingError
        If the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            facts = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a dict
        network.load_state_dict(_under("network.", tensors))
        average.load_state_dict(_under("average.", tensors))
        slots: dict[int, dict[str, Any]] = {}
        for name, value in _under("optimiser.", tensors).items():
            number, slot = name.split(".", 1)
            slots.setdefault(int(number), {})[slot] = value
        optimiser.load_state_dict({"state": slots, "param_groups": json.loads(facts["groups"])})
        return Progress(**json.loads(facts["progress"]))
    except (SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise TrainingError(f"The checkpoint {path} cannot be continued ({str(error).splitlines()[0]}).") from error


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
