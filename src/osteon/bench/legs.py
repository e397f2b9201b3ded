"""The whole job on both legs: stages, memory, and how both grow with the slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteon.bench.inputs import LEG_MODEL, write_leg_dicom, write_leg_nifti
from osteon.bench.measured import Asked
from osteon.bench.segmenting import BenchResult, segment_timed

PIXELS = 512
SLICES = 500
MANY_SLICES = 1000
GROWING = (50, 100, 200, 500, 1000, 2000)
"""Slices of the same legs; the last is a file of 1 GB and takes about 5 GB of memory."""

NETWORK = ("read", "network", "start and end")
"""Stages up to the network, and what no stage is."""


@dataclass(frozen=True)
class LegResult(BenchResult):
    """`BenchResult` with what is spent after the network."""

    @property
    def after_network_s(self) -> float:
        """Instances, writing, meshes, measurements and report together."""
        return sum(seconds for stage, seconds in self.stages_s.items() if stage not in NETWORK)

    def lines(self) -> list[str]:
        """What the terminal shows."""
        network = self.stages_s["network"]
        slowest = max((s for s in self.stages_s if s != "network"), key=lambda s: self.stages_s[s])
        return [
            *super().lines(),
            f"  after the network: {self.after_network_s:.1f} s; the longest other stage, {slowest}, takes "
            f"{self.stages_s[slowest] / network:.2f} times as long as the network",
        ]


@dataclass(frozen=True)
class Growth:
    """Time and memory against slices.

    Parameters
    ----------
    rows : tuple of BenchResult
        One for each number of slices, which is the last of its ``shape``.
    """

    rows: tuple[BenchResult, ...]

    def exponent(self) -> float:
        """Of the power of the slices with which the time of the stages grows: the slope in logarithms, 1 is linear.

        What no stage is, starting above all, is left out: it is the same for one slice and for a thousand.
        """
        slices = [row.shape[2] for row in self.rows]
        seconds = [row.process_s - row.stages_s["start and end"] for row in self.rows]
        return float(np.polyfit(np.log(slices), np.log(seconds), 1)[0])

    def bytes_a_voxel(self) -> float:
        """Memory that each further voxel takes: the slope of the peak."""
        voxels = [np.prod(row.shape, dtype=float) for row in self.rows]
        return float(np.polyfit(voxels, [row.peak_memory_mb * 2**20 for row in self.rows], 1)[0])

    def lines(self) -> list[str]:
        """What the terminal shows."""
        head = f"osteon segment, legs of {self.rows[0].shape[0]} x {self.rows[0].shape[1]} pixels, 16-bit NIfTI"
        rows = [
            f"  {row.shape[2]:5d} slices  {row.process_s - row.stages_s['start and end']:8.1f} s in stages  "
            f"{row.peak_memory_mb:6.0f} MB"
            for row in self.rows
        ]
        return [
            head,
            *rows,
            f"  time grows with the slices to the power of {self.exponent():.2f}; memory by {self.bytes_a_voxel():.1f} "
            "bytes a voxel, of which the scan itself is 2",
        ]

    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        rows = [row.document() for row in self.rows]
        return {"exponent": self.exponent(), "bytes_a_voxel": self.bytes_a_voxel(), "rows": rows}


def legs(asked: Asked, folder: Path) -> LegResult:
    """Time ``osteon segment`` on a DICOM series of both legs, 512 x 512 x 500 voxels."""
    shape = (PIXELS, PIXELS, SLICES)
    found = segment_timed(write_leg_dicom(folder, shape, asked.seed), shape, asked, asked.model or LEG_MODEL, folder)
    return LegResult(**vars(found))


def memory(asked: Asked, folder: Path) -> LegResult:
    """The same on a NIfTI file of 512 x 512 x 1,000 voxels: the peak of each stage."""
    shape = (PIXELS, PIXELS, MANY_SLICES)
    found = segment_timed(write_leg_nifti(folder, shape, asked.seed), shape, asked, asked.model or LEG_MODEL, folder)
    return LegResult(**vars(found))


def growth(asked: Asked, folder: Path, slices: tuple[int, ...] = GROWING, pixels: int = PIXELS) -> Growth:
    """Time and memory of ``osteon segment`` against the number of slices."""
    rows = []
    for count in slices:
        shape = (pixels, pixels, count)
        scan = write_leg_nifti(folder, shape, asked.seed)
        rows.append(segment_timed(scan, shape, asked, asked.model or LEG_MODEL, folder))
        scan.unlink()
    return Growth(tuple(rows))
