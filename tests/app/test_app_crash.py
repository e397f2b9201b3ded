"""The app is killed in the middle of its work: nothing saved is lost, no worker stays behind, work is done again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from models import boxes
from osteon.anatomy import Task
from osteon.io import read_labels

PROCESSES = Path("/proc")
PORT = 8794
PATIENCE_S = 120.0
SERVING = """
import sys
from pathlib import Path
from osteon.app import server
server.PAGES = Path(sys.argv[2])  # built pages are not needed here
server.serve(Path(sys.argv[1]), port=int(sys.argv[3]), open_browser=False, said=lambda line: print(line, flush=True))
"""
pytestmark = pytest.mark.skipif(not PROCESSES.is_dir(), reason="processes are counted as Linux lists them")


class Started:
    """The app in a process of its own, and a browser that is signed in."""

    def __init__(self, workspace: Path) -> None:
        home = workspace.parent
        (home / "index.html").write_text("<!DOCTYPE html><title>Osteon</title>", encoding="utf-8")
        command = [sys.executable, "-c", SERVING, str(workspace), str(home), str(PORT)]
        environment = os.environ | {"HOME": str(home)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        address = re.search(r"http://\S+", self.process.stdout.readline())
        assert address is not None
        origin = f"http://127.0.0.1:{PORT}"
        self.asking = httpx.Client(base_url=origin, headers={"origin": origin}, timeout=PATIENCE_S)
        assert self.asking.get(address[0]).status_code == 303

    def workers(self) -> list[int]:
        """Processes that the app has started."""
        numbers = [int(path.name) for path in PROCESSES.glob("[0-9]*")]
        return [number for number in numbers if parent_and_state(number)[0] == self.process.pid]

    def job(self) -> dict[str, str]:
        """What became of the only segmenting."""
        (found,) = [job for job in self.asking.get("/api/jobs").json() if job["kind"] == "segment"]
        return {key: str(found[key]) for key in ("id", "state", "error")}


@pytest.fixture
def started(workspace: Path) -> Iterator[list[Started]]:
    running = [Started(workspace)]
    yield running
    running[-1].process.kill()
    running[-1].process.wait()


def until(there: object, what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not there():  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.05)


def parent_and_state(number: int) -> tuple[int, str]:
    """Of a process; 0 and ``Z`` (ended) of one that is no more."""
    try:
        state, parent, *_ = (PROCESSES / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, "Z"
    return int(parent), state


def test_a_killed_app_takes_its_workers_along_and_loses_nothing_that_was_saved(
    started: list[Started], workspace: Path
) -> None:
    first = started[0]
    saved = first.asking.post("/api/cases/boxes/results/by-hand/corrections", json={"runs": [0, 3, 2]})
    assert saved.status_code == 201, saved.text
    wanted = {"cases": ["boxes"], "model": "brightness", "engine": "torch"}
    assert first.asking.post("/api/jobs/segment", json=wanted).status_code == 202
    until(lambda: first.job()["state"] != "waiting", "segmenting begins")
    workers = first.workers()
    assert workers
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    until(lambda: all(parent_and_state(number)[1] == "Z" for number in workers), "no worker outlives the app")

    started.append(Started(workspace))
    until(lambda: started[1].job()["state"] in ("done", "failed"), "the work is done again")
    assert started[1].job()["state"] == "done", started[1].job()["error"]
    made = read_labels(workspace / "results/brightness/boxes/segmentation.nii.gz", Task.load("lumbar-spine"))
    assert (made.array == boxes()[1].array).all()
    corrected = read_labels(
        workspace / "results/by-hand-corrected-1/boxes/segmentation.nii.gz", Task.load("lumbar-spine")
    )
    assert (corrected.array.ravel(order="F")[:3] == 2).all()
    assert not list(workspace.rglob(".part-*"))
