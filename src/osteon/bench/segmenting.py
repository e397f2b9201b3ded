"""Speed and memory of the whole job: ``osteon segment`` in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteon.anatomy import Task
from osteon.bench.measured import Asked
from osteon.errors import OsteonError
from osteon.geometry import Grid
from osteon.io import write
from osteon.synthesis import make_phantom
from osteon.volume import Volume

LUMBAR_SHAPE = (380, 380, 20)
LUMBAR_MODEL = "lumbar-vertebrae"


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
    stage_peak_memory_mb : dict
        Stage to the peak so far at its end.
    repeats : int
    """

    shape: tuple[int, int, int]
    engine: str
    process_s: float
    stages_s: dict[str, float]
    peak_memory_mb: float
    stage_peak_memory_mb: dict[str, float]
    repeats: int = 1

    def shares(self) -> dict[str, float]:
        """Each stage's share of the whole process."""
        return {stage: seconds / self.process_s for stage, seconds in self.stages_s.items()}

    def lines(self) -> list[str]:
        """What the terminal shows."""
        shape = " x ".join(str(n) for n in self.shape)
        head = (
            f"osteon segment, {shape} voxels, {self.engine}: {self.process_s:.1f} s as a whole process, "
            f"peak memory {self.peak_memory_mb:.0f} MB (medians of {self.repeats})"
        )
        shares = self.shares()
        peaks = {s: f"  {mb:6.0f} MB" for s, mb in self.stage_peak_memory_mb.items()}
        return [head] + [f"  {s:<22} {t:6.2f} s  {shares[s]:6.1%}{peaks.get(s, '')}" for s, t in self.stages_s.items()]

    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def lumbar(asked: Asked, folder: Path) -> BenchResult:
    """Time ``osteon segment`` on a lumbar phantom of 380 x 380 x 20 voxels."""
    scan = folder / "lumbar.nii.gz"
    write(_lumbar_scan(asked.seed), scan)
    return segment_timed(scan, LUMBAR_SHAPE, asked, asked.model or LUMBAR_MODEL, folder)


def segment_timed(scan: Path, shape: tuple[int, int, int], asked: Asked, model: str, folder: Path) -> BenchResult:
    """Time ``osteon segment`` of one scan on disk, in fresh processes: what a user waits for.

    Parameters
    ----------
    scan : path
    shape : (3,) tuple of int
        Its voxels, for the result.
    asked : Asked
        Engine and repeats.
    model : str
    folder : path
        For the outputs.

    Raises
    ------
    OsteonError
        If a run fails; the message is the run's own.
    """
    processes, records = [], []
    for number in range(asked.repeats):
        out = folder / f"{scan.name}-out{number}"
        command = [sys.executable, "-m", "osteon", "segment", str(scan), "-o", str(out)]
        begin = time.perf_counter()
        done = subprocess.run(
            [*command, "--engine", asked.engine, "--model", model], capture_output=True, text=True, check=False
        )
        processes.append(time.perf_counter() - begin)
        if done.returncode:
            raise OsteonError(f"The benchmark's run failed: {done.stderr.strip()}")
        (record,) = out.glob("*/run.json")
        records.append(json.loads(record.read_text(encoding="utf-8")))
    whole = float(np.median(processes))
    stages = {s: float(np.median([r["stages_s"][s] for r in records])) for s in records[0]["stages_s"]}
    stages["start and end"] = whole - sum(stages.values())
    return BenchResult(
        shape=shape,
        engine=records[0]["arguments"]["engine"],
        process_s=whole,
        stages_s=stages,
        peak_memory_mb=float(np.median([r["peak_memory_mb"] for r in records])),
        stage_peak_memory_mb=records[0]["stage_peak_memory_mb"],
        repeats=asked.repeats,
    )


def _lumbar_scan(seed: int) -> Volume:
    """A phantom's scan brought to exactly `LUMBAR_SHAPE`."""
    scan = make_phantom(Task.load("lumbar-spine"), seed=seed).scan
    resampled = scan.resampled(Grid(scan.shape, scan.affine).with_shape(LUMBAR_SHAPE))
    return Volume(np.rint(resampled.array).astype(np.uint16), resampled.affine)
