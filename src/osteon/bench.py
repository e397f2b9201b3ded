"""Speed and memory of the whole job, measured in one run on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osteon.anatomy import Task
from osteon.errors import OsteonError
from osteon.geometry import Grid
from osteon.io import write
from osteon.synthesis import make_phantom
from osteon.volume import Volume

LUMBAR_SHAPE = (380, 380, 20)


@dataclass(frozen=True)
class BenchResult:
    """Medians over repetitions of ``osteon segment`` as a fresh process.

    Parameters
    ----------
    shape : (3,) tuple of int
    engine : str
    process_s : float
        From the start of the process to its end.
    stages_s : dict
        Stage to seconds; ``start and end`` is what the process spent outside them (imports, loading the model).
    peak_memory_mb : float
    """

    shape: tuple[int, int, int]
    engine: str
    process_s: float
    stages_s: dict[str, float]
    peak_memory_mb: float

    def shares(self) -> dict[str, float]:
        """Each stage's share of the whole process."""
        return {stage: seconds / self.process_s for stage, seconds in self.stages_s.items()}


def bench(*, engine: str = "auto", model: str = "lumbar-vertebrae", repeats: int = 3, seed: int = 0) -> BenchResult:
    """Time ``osteon segment`` on a lumbar phantom of 380 x 380 x 20 voxels.

    Parameters
    ----------
    engine, model : str
        As for `osteon.pipeline.segment`.
    repeats : int
        Fresh processes; medians are returned.
    seed : int
        Of the phantom.

    Raises
    ------
    OsteonError
        If a run fails; the message is the run's own.
    """
    processes, records = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scan = folder / "lumbar.nii.gz"
        write(_lumbar_scan(seed), scan)
        for number in range(repeats):
            out = folder / f"out{number}"
            command = [sys.executable, "-m", "osteon", "segment", str(scan), "-o", str(out)]
            begin = time.perf_counter()
            done = subprocess.run(
                [*command, "--engine", engine, "--model", model], capture_output=True, text=True, check=False
            )
            processes.append(time.perf_counter() - begin)
            if done.returncode:
                raise OsteonError(f"The benchmark's run failed: {done.stderr.strip()}")
            records.append(json.loads((out / "lumbar" / "run.json").read_text(encoding="utf-8")))
    whole = float(np.median(processes))
    stages = {s: float(np.median([r["stages_s"][s] for r in records])) for s in records[0]["stages_s"]}
    stages["start and end"] = whole - sum(stages.values())
    peak = float(np.median([r["peak_memory_mb"] for r in records]))
    return BenchResult(LUMBAR_SHAPE, records[0]["arguments"]["engine"], whole, stages, peak)


def _lumbar_scan(seed: int) -> Volume:
    """A phantom's scan brought to exactly `LUMBAR_SHAPE`."""
    scan = make_phantom(Task.load("lumbar-spine"), seed=seed).scan
    resampled = scan.resampled(Grid(scan.shape, scan.affine).with_shape(LUMBAR_SHAPE))
    return Volume(np.rint(resampled.array).astype(np.uint16), resampled.affine)
