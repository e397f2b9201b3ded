"""Scans on a dask cluster of local processes, one of which is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from running import contents, names, run_on

from models import CASE_FILES
from osteon.cluster import segment_on_cluster
from osteon.errors import ReadError, UsageError
from osteon.networks.model import Model

distributed = pytest.importorskip("distributed")

SLOW = 3.0


def slowly(seconds: float) -> None:
    """On a worker: meshes take a while, so that a case is half done when its worker is killed."""
    from osteon import case_folder

    whole = case_folder.write_meshes

    def later(*words: object) -> None:
        whole(*words)  # type: ignore[arg-type]
        time.sleep(seconds)

    case_folder.write_meshes = later  # type: ignore[assignment]


def test_a_killed_workers_case_is_done_by_another_and_no_half_of_it_stays(
    scan: Path, model: Model, tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in "abcd":
        (scans / f"{name}.nii.gz").write_bytes(scan.read_bytes())
    (scans / "broken.nii.gz").write_bytes(b"no scan")
    out = tmp_path / "out"
    killed: list[int] = []

    def kills(case: object, number: int, of: int) -> None:
        if not killed:  # once the first is done, the others are in work
            (pid,) = list(client.run(os.getpid, workers=[sorted(client.scheduler_info()["workers"])[0]]).values())
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    with (
        distributed.LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.run(slowly, SLOW)
        how = {"engine": "torch", "device": "cpu"}
        cases = segment_on_cluster(
            scans, out, scheduler=cluster.scheduler_address, model=model.folder, how=how, said=kills
        )
    assert killed
    assert [case.case for case in cases] == ["a", "b", "broken", "c", "d"]
    assert [type(case.error) for case in cases] == [type(None), type(None), ReadError, type(None), type(None)]
    assert names(out) == ["a", "b", "c", "d"], "nothing half-written, no folder of the workers"
    assert all(names(out / name) == CASE_FILES for name in "abcd")
    (alone,) = run_on(scans / "a.nii.gz", tmp_path / "alone", model)
    for file in ("segmentation.nii.gz", "measurements.csv"):
        assert contents(out / "d")[file] == contents(alone.paths.folder)[file]


def test_a_cluster_that_does_not_answer_is_named(
    scan: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    monkeypatch.setitem(dask.config.config["distributed"]["comm"]["timeouts"], "connect", "1s")
    with pytest.raises(UsageError, match=r"No cluster answers at tcp://127\.0\.0\.1:9"):
        segment_on_cluster(scan, tmp_path / "out", scheduler="tcp://127.0.0.1:9", model=model.folder)
    assert not (tmp_path / "out").exists()
