"""The benchmarks that ``osteon bench`` knows; reading this file imports none of them."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from osteon.bench.measured import Asked, Measured
from osteon.errors import UsageError

DEFAULT = "lumbar"
ALL = "all"


@dataclass(frozen=True)
class Benchmark:
    """Where a benchmark is, and what it measures.

    Parameters
    ----------
    module, function : str
        Below `osteon.bench`; the function takes what is asked and an empty folder that is removed afterwards.
    about : str
        For the list.
    """

    module: str
    function: str
    about: str


BENCHMARKS = {
    "lumbar": Benchmark("segmenting", "lumbar", "the whole job on a lumbar spine of 380 x 380 x 20, as processes"),
    "legs": Benchmark("legs", "legs", "the whole job on DICOM of both legs of 512 x 512 x 500"),
    "memory": Benchmark("legs", "memory", "the peak of each stage on both legs of 512 x 512 x 1,000"),
    "growth": Benchmark("legs", "growth", "time and memory of the whole job against 50 to 2,000 slices"),
    "denoise": Benchmark("denoising", "clean", "denoising slice by slice of 512 x 512 x 50, against scipy.ndimage"),
    "denoise-noisy": Benchmark("denoising", "noisy", "the same with specks and holes in every slice"),
    "grid": Benchmark("grids", "onto_the_scan", "answers onto the scan's grid, against every class everywhere"),
    "network": Benchmark("peers", "network", "scan to classes, 512 x 512 x 100, against eager torch and MONAI"),
    "study": Benchmark("peers", "study", "scan to meshes, against eager torch, PIL, scipy and skimage"),
    "nnunet": Benchmark("nnunet", "nnunet", "the whole job on both legs, against nnU-Net's network in 2-D and in 3-D"),
    "machine": Benchmark("machine", "machine", "the processor's measured limits, and the network's share of them"),
    "reading": Benchmark("reading", "dicom_folder", "1,000 DICOM slices to .nii, against SimpleITK and dcm2niix"),
    "app": Benchmark("app", "app", "opening 512 x 512 x 500 in the app, and the first picture of a drop"),
}


def bench(name: str = DEFAULT, asked: Asked | None = None) -> Iterator[Measured]:
    """Run a benchmark, or all of them one after the other.

    Parameters
    ----------
    name : str
        One of `BENCHMARKS`, or ``"all"``.
    asked : Asked, optional

    Raises
    ------
    UsageError
        If there is no benchmark of this name.
    OsteonError
        If what is measured fails; the message is its own.
    """
    if name not in (*BENCHMARKS, ALL):
        raise UsageError(f"There is no benchmark named {name}. Known: {', '.join(BENCHMARKS)}, {ALL}.")
    for one in BENCHMARKS.values() if name == ALL else [BENCHMARKS[name]]:
        run = getattr(importlib.import_module(f"osteon.bench.{one.module}"), one.function)
        with tempfile.TemporaryDirectory() as folder:
            answer: Measured = run(asked or Asked(), Path(folder))
        yield answer
