"""Many scans on the workers of a dask cluster, which share a disk; a worker may die and leaves no half a case."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from osteon.case_folder import CasePaths
from osteon.case_list import cases_of, refuse_what_is_in_the_way
from osteon.errors import OsteonError, UnexpectedError, UsageError
from osteon.networks.model import Model
from osteon.pipeline import DEFAULT_MODEL, SegmentedCase, segment

STAGED = ".cluster-"
"""Begins the name of the folder in which workers write; a dead worker's half a case goes with it."""


@dataclass(frozen=True)
class ClusterJob:
    """What every worker is told: a scan comes beside it.

    Parameters
    ----------
    model : Path
        Folder of the model, on the shared disk.
    staged, out : Path
        Where workers write, and where a case that is whole goes.
    engine, device, precision : str
    looks : int
    series : str, optional
    """

    model: Path
    staged: Path
    out: Path
    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    looks: int = 1
    series: str | None = None


def segment_on_cluster(
    scans: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    scheduler: str,
    model: str | Path = DEFAULT_MODEL,
    how: dict[str, Any] | None = None,
    overwrite: bool = False,
    said: Callable[[SegmentedCase, int, int], None] = lambda case, number, of: None,
) -> list[SegmentedCase]:
    """Segment scans as `osteon.segment` does, each on whichever worker is free.

    A worker that dies while it works on a scan has its scan done by another (dask gives up after three deaths on one
    scan, which is that scan's error). Cases appear in ``out`` when they are whole.

    Parameters
    ----------
    scans, out, model, overwrite, said
        As for `osteon.segment`; all on a disk that client and workers see under the same path.
    scheduler : str
        Address of the cluster, such as ``tcp://node1:8786``.
    how : dict, optional
        ``engine``, ``device``, ``precision``, ``looks`` and ``series`` of `osteon.segment`.

    Returns
    -------
    list of SegmentedCase
        In the order of the scans.

    Raises
    ------
    UsageError
        If distributed is not installed, the cluster does not answer, or the arguments are wrong.
    """
    out = Path(out).absolute()
    cases = cases_of([scans] if isinstance(scans, str | Path) else scans)
    refuse_what_is_in_the_way(out, [name for name, _ in cases], overwrite)
    folder = Model.load(model).folder.absolute()
    client = _client(scheduler)
    out.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=STAGED, dir=out))
    job = ClusterJob(folder, staged, out, **(how or {}))
    try:
        from distributed import as_completed

        # a case is not a function of its path: the file may have changed since an earlier run
        tasks = {client.submit(segment_one, path.absolute(), job, pure=False): name for name, path in cases}
        done: dict[str, SegmentedCase] = {}
        for task in as_completed(tasks, loop=client.loop):
            name = tasks[task]
            done[name] = _outcome(task, CasePaths(out / name))
            said(done[name], len(done), len(cases))
        return [done[name] for name, _ in cases]
    finally:
        client.close()
        shutil.rmtree(staged, ignore_errors=True)


def segment_one(scan: Path, job: ClusterJob) -> SegmentedCase:
    """What a worker does: one scan, written apart and put into its place when it is whole."""
    apart = Path(tempfile.mkdtemp(dir=job.staged))
    (case,) = segment(
        scan,
        apart,
        model=job.model,
        engine=job.engine,
        device=job.device,
        precision=job.precision,
        looks=job.looks,
        series=job.series,
    )
    place = job.out / case.case
    if case.error is None:
        if place.exists():  # an earlier result, or that of a worker that died before it could tell
            place.replace(apart / ".old")
        case.paths.folder.replace(place)
    return replace(case, paths=CasePaths(place))


def _outcome(task: Any, paths: CasePaths) -> SegmentedCase:
    """Result of a task, or the error that the cluster has of it."""
    error = task.exception()
    if error is None:
        case: SegmentedCase = task.result()
        return case
    if not isinstance(error, OsteonError):
        error = UnexpectedError(f"The cluster did not finish it ({type(error).__name__}: {error}).")
    return SegmentedCase(paths.folder.name, paths, error=error)


def _client(scheduler: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("A cluster needs the package distributed. Install: pip install 'osteon[cluster]'") from error
    try:
        return Client(scheduler, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(f"No cluster answers at {scheduler} ({error}). Start it, or leave --cluster out.") from error
