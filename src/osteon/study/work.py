"""What an arm does in one fold: it learns, and it is tested."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteon.cohort import Case, Cohort, Fold
from osteon.crossvalidation.scores import out_of_fold
from osteon.inference import engine_for
from osteon.io.whole import written_whole
from osteon.networks.model import WEIGHTS, Model
from osteon.pipeline import segment_volume
from osteon.run import peak_memory_mb
from osteon.study.folder import ArmPaths
from osteon.study.matching import with_any_name
from osteon.training import TrainingConfig, train
from osteon.training.clock import Times, now, since

TIMED_CASES = 3
"""Scans that are segmented once more, to take the time."""

SLOW_S = 20.0
"""A first scan that takes longer is the measure: what warming up takes is lost in it, and more scans cost too much."""


@dataclass(frozen=True)
class ArmJob:
    """An arm in one fold, ready to be done in any process.

    Parameters
    ----------
    cohort : Path
    fold : Fold
    config : TrainingConfig
    paths : ArmPaths
    device : "auto", "cpu", "cuda" or "mps"
    """

    cohort: Path
    fold: Fold
    config: TrainingConfig
    paths: ArmPaths
    device: str


def learn(job: ArmJob, said: Callable[[str], None]) -> dict[str, Any]:
    """Train, or go on from the checkpoint; returns what it took."""
    begin = time.perf_counter()
    train(
        Cohort.load(job.cohort),
        job.paths.training.folder,
        config=job.config,
        fold=job.fold,
        resume=True,
        device=job.device,
        said=said,
    )
    return {"seconds": time.perf_counter() - begin, "cpu_seconds": _cpu_seconds(), "memory_mb": _memory_mb()}


def test(job: ArmJob, model_folder: Path, said: Callable[[str], None]) -> dict[str, Any]:
    """Segment and score the test subjects; returns what it took."""
    begin = time.perf_counter()
    cohort, model = Cohort.load(job.cohort), Model.load(model_folder)
    tested = cohort.of_subjects(job.fold.test)
    said(f"segmenting {len(tested)} scans of the test subjects")
    took = _time_of_a_scan(cohort, tested[:TIMED_CASES], model, job.device)
    memory_mb = _memory_mb()  # before surfaces are compared
    scores = out_of_fold(cohort, job.fold, model, job.paths.predicted, job.device)
    scores = with_any_name(scores, cohort, job.paths.predicted)
    with written_whole(job.paths.scores) as part:
        scores.to_csv(part, index=False, float_format="%.4f")
    return {
        "seconds": time.perf_counter() - begin,
        "seconds_a_scan": took["seconds"],
        "cpu_seconds_a_scan": took["processor_seconds"],
        "memory_mb": memory_mb,
        "parameters": parameters(model),
    }


def parameters(model: Model) -> int:
    """Number of trainable parameters of a model's network."""
    if not model.spec.network.planned:
        return sum(p.numel() for p in model.network().parameters() if p.requires_grad)
    from safetensors import safe_open

    # nnU-Net normalises by instance: all that it stores is trained
    with safe_open(model.folder / WEIGHTS, framework="pt") as stored:
        return sum(stored.get_tensor(name).numel() for name in stored.keys())  # noqa: SIM118 - not a dict


def _time_of_a_scan(cohort: Cohort, cases: Sequence[Case], model: Model, device: str) -> Times:
    """From a scan in memory to its labels, medians; the first scan is segmented once before, to warm up."""
    engine = engine_for(model, "torch", device)
    times: list[Times] = []
    for case in [cases[0], *cases]:
        scan, begin = cohort.scan(case), now()
        segment_volume(scan, model, engine)
        times.append(since(begin))
        if times[0]["processor_seconds"] > SLOW_S:
            return times[0]
    return {name: statistics.median(took[name] for took in times[1:]) for name in times[0]}


def _cpu_seconds() -> float:
    """Of this process and of those that it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _memory_mb() -> float:
    """Peak of this process, or of the largest that it waited for, such as nnU-Net's."""
    if sys.platform == "win32":
        return peak_memory_mb()
    import resource  # not there on Windows

    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(peak_memory_mb(), children / 2**20 if sys.platform == "darwin" else children / 2**10)
