"""How long a user of the app waits: for a large case to open, and for the first picture of what was dropped."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import HTTPCookieProcessor, Request, build_opener

import numpy as np

from osteon.bench.inputs import LEG_MODEL, leg_labels, leg_scan, write_leg_dicom
from osteon.bench.measured import Asked
from osteon.case_folder import CasePaths, write_results
from osteon.errors import OsteonError
from osteon.io import write
from osteon.run import Run

SHAPE = (512, 512, 500)
CASE = "legs"
RESULT = f"/api/cases/{CASE}/results/{LEG_MODEL}"

AT_ONCE = 4
"""Files that the page sends at a time."""

ASKED_EVERY_S = 0.3
"""How often the page asks what was found."""

PATIENCE_S = 300.0

COLD = "a case opened for the first time, nothing prepared"
AGAIN = "the same case, prepared as by adding it in the app"
ALL = "the same, with its labels and surfaces"
PICTURE = "first picture of a drop, from its first byte"
SENT = "all of its files sent"
SERIES = "picture of its series, from its last byte"

AIMS_S = {COLD: 3.0, AGAIN: 3.0, ALL: 3.0, PICTURE: 2.0}
"""Longest that a user should wait."""


@dataclass(frozen=True)
class Waits:
    """Medians of how long answers took, from the request to the last byte.

    Parameters
    ----------
    shape : (3,) tuple of int
        Voxels of the scan.
    files : int
        Dropped DICOM files.
    seconds : dict
        What was waited for, and how long.
    repeats : int
    """

    shape: tuple[int, int, int]
    files: int
    seconds: dict[str, float]
    repeats: int = 1

    def lines(self) -> list[str]:
        """What the terminal shows."""
        size = " x ".join(str(n) for n in self.shape)
        head = f"osteon app, {size} voxels, {self.files} DICOM files (medians of {self.repeats})"
        aims = {what: f"  (at most {AIMS_S[what]:.0f} s)" if what in AIMS_S else "" for what in self.seconds}
        return [head, *(f"  {what:<52} {s:6.2f} s{aims[what]}" for what, s in self.seconds.items())]

    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self) | {"aims_s": AIMS_S}


def app(asked: Asked, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Waits:
    """Time what the page of a case and the page of scans ask of a running app.

    Parameters
    ----------
    asked : Asked
    folder : Path
        Empty; a workspace with the case and its result, and a DICOM folder are written there.
    shape : (3,) tuple of int

    Raises
    ------
    OsteonError
        If the app does not start, or refuses what is asked.
    """
    workspace = folder / "study"
    _write_case(workspace, shape, asked.seed)
    slices = sorted(write_leg_dicom(folder, shape, asked.seed).glob("*"))
    waits: dict[str, list[float]] = {}
    with Running(workspace, folder) as running:
        for _ in range(asked.repeats):
            shutil.rmtree(workspace / ".osteon" / "views", ignore_errors=True)
            found = {COLD: _opened(running), AGAIN: _opened(running)}
            running.ask(f"{RESULT}/labels.nii")  # what the app prepares at the end of segmenting
            found[ALL] = _opened(running, everything=True)
            for what, seconds in (found | _dropped(running, slices)).items():
                waits.setdefault(what, []).append(seconds)
    return Waits(shape, len(slices), {what: float(np.median(all_)) for what, all_ in waits.items()}, asked.repeats)


class Running:
    """``osteon app`` in a process of its own, asked as its pages ask it."""

    def __init__(self, workspace: Path, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "osteon", "app", str(workspace), "--port", str(port), "--no-browser"]
        environment = os.environ | {"HOME": str(home), "USERPROFILE": str(home)}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def __enter__(self) -> Self:
        stdout, stderr = self._process.stdout, self._process.stderr
        said = stdout.readline() if stdout is not None else ""
        address = re.search(r"http://\S+", said)
        if address is None:
            why = stderr.read().strip() if stderr is not None else ""
            raise OsteonError(f"The app did not start: {why or said.strip()}")
        self._opener.open(address[0], timeout=PATIENCE_S).close()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE_S)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> bytes:
        """The whole answer to one request."""
        request = Request(self.origin + path, data=body, method=method, headers={"Origin": self.origin})
        with self._opener.open(request, timeout=PATIENCE_S) as answer:
            content: bytes = answer.read()
        return content

    def document(self, path: str, method: str = "GET") -> Any:
        """An answer in JSON."""
        return json.loads(self.ask(path, method, b"" if method == "POST" else None))


def _write_case(workspace: Path, shape: tuple[int, int, int], seed: int) -> None:
    """A scan, and its labels with all that belongs to a result, as ``osteon segment`` leaves it."""
    scan, labels = leg_scan(shape, seed), leg_labels(shape, seed)
    write(scan, workspace / "scans" / f"{CASE}.nii.gz")
    paths = CasePaths(workspace / "results" / LEG_MODEL / CASE)
    write(labels, paths.segmentation)
    write_results(paths, scan, labels, Run("segment", {"model": LEG_MODEL}), dict, name=CASE)


def _opened(running: Running, *, everything: bool = False) -> float:
    """Seconds from the click on a case until the picture's last byte, or also that of its labels and surfaces."""
    begin = time.perf_counter()
    running.ask(f"/api/cases/{CASE}")
    running.ask(f"/api/cases/{CASE}/scan.nii")
    if everything:
        running.ask(f"{RESULT}/labels.nii")
        for structure in running.document(f"{RESULT}/meshes"):
            running.ask(f"{RESULT}/meshes/{structure}.ply")
    return time.perf_counter() - begin


def _dropped(running: Running, files: list[Path]) -> dict[str, float]:
    """Seconds until pictures of a drop are there, asked for as the page does: one slice first, then the others."""
    begin = time.perf_counter()
    place = f"/api/uploads/{running.document('/api/uploads', 'POST')['id']}"

    def send(file: Path) -> None:
        running.ask(f"{place}/file?name={file.name}", "PUT", file.read_bytes())

    def glanced() -> float:
        job = running.document(f"{place}/glance", "POST")["id"]
        _until(lambda: running.document(f"/api/jobs/{job}")["state"] not in ("waiting", "running"))
        running.ask(f"{place}/glance.png")
        return time.perf_counter() - begin

    middle = len(files) // 2
    send(files[middle])
    with ThreadPoolExecutor(AT_ONCE + 1) as lanes:
        glance = lanes.submit(glanced)
        list(lanes.map(send, files[:middle] + files[middle + 1 :]))
        sent = time.perf_counter()
    running.ask(f"{place}/look", "POST", b"")
    _until(lambda: any(series["picture"] for series in running.document(place)["series"]))
    running.ask(f"{place}/pictures/0.png")
    seen = time.perf_counter()
    running.ask(place, "DELETE")
    return {PICTURE: glance.result(), SENT: sent - begin, SERIES: seen - sent}


def _until(there: Callable[[], bool]) -> None:
    """Ask again and again, as the page does."""
    end = time.perf_counter() + PATIENCE_S
    while not there():
        if time.perf_counter() > end:
            raise OsteonError(f"The app did not come to an end within {PATIENCE_S:.0f} s.")
        time.sleep(ASKED_EVERY_S)
