"""What this machine can do at most, and the share of it that the network's engine uses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteon.bench.inputs import LEG_MODEL
from osteon.bench.measured import Asked
from osteon.inference import engine_for
from osteon.inference.predict import BATCH
from osteon.networks.model import Model

SIDE = 2048
"""Of the square matrices that are multiplied."""

COPIED_BYTES = 256 * 2**20
PICTURE = 224
"""Rows and columns of the slices that the network is given."""


@dataclass(frozen=True)
class Limits:
    """Measured peaks, medians of repetitions.

    Parameters
    ----------
    multiply_gflops : float
        Of float32 matrices, by numpy's library.
    copy_gb_per_s : float
        Read and written together.
    engine : str
    network_gflops : float
        That the leg model's network reaches.
    """

    multiply_gflops: float
    copy_gb_per_s: float
    engine: str
    network_gflops: float

    @property
    def share(self) -> float:
        """Of the peak that the network reaches; above 1 where its convolutions need fewer products (Winograd)."""
        return self.network_gflops / self.multiply_gflops

    def lines(self) -> list[str]:
        """What the terminal shows."""
        return [
            f"{self.multiply_gflops:.0f} GFLOP/s in float32 products, copying {self.copy_gb_per_s:.1f} GB/s",
            f"  the leg model's network, {self.engine}: {self.network_gflops:.0f} GFLOP/s, {self.share:.0%} of that",
        ]

    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self) | {"share": self.share}


def machine(asked: Asked, folder: Path) -> Limits:
    """Measure products, copying, and the leg model's network."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    rng = np.random.default_rng(asked.seed)
    one, other = (rng.random((SIDE, SIDE), dtype=np.float32) for _ in range(2))
    source, target = np.ones(COPIED_BYTES, np.uint8), np.empty(COPIED_BYTES, np.uint8)
    model = Model.load(asked.model or LEG_MODEL)
    engine = engine_for(model, asked.engine)
    slices = rng.random((BATCH, model.spec.preprocessing.channels, PICTURE, PICTURE), dtype=np.float32)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model.network()(torch.from_numpy(slices))
    return Limits(
        multiply_gflops=2 * SIDE**3 / _seconds(lambda: one @ other, asked.repeats) / 1e9,
        copy_gb_per_s=2 * COPIED_BYTES / _seconds(lambda: np.copyto(target, source), asked.repeats) / 1e9,
        engine=engine.name,
        network_gflops=counter.get_total_flops() / _seconds(lambda: engine.logits(slices), asked.repeats) / 1e9,
    )


def _seconds(job: Callable[[], object], repeats: int) -> float:
    """Median time of a job, which runs once before, unmeasured."""
    job()
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        job()
        found.append(time.perf_counter() - begin)
    return float(np.median(found))
