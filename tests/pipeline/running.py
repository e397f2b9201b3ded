"""Run the pipeline as these tests do, and read what it leaves."""

from __future__ import annotations

import gzip
from pathlib import Path

from osteon.networks.model import Model
from osteon.pipeline import SegmentedCase, segment


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_on(scans: Path | list[Path], out: Path, model: Model, **options: object) -> list[SegmentedCase]:
    return segment(scans, out, model=model, engine="torch", device="cpu", **options)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: gzip.decompress(data) if name.endswith(".gz") else data for name, data in files.items()}
