"""Worker processes: one job each, so that a crash, a hang or a cancel takes nothing else along."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

GRACE_S = 8.0
"""A stopped worker has so long to remove what it has half written."""

TAIL = 400
"""Letters of a crashed worker's last words that are shown."""


@dataclass
class Outcome:
    """What became of a job.

    Parameters
    ----------
    error : str
        Empty if it went well.
    warnings : list of str
    """

    error: str = ""
    warnings: list[str] = field(default_factory=list)


class Worker:
    """A process that waits for one job.

    It ends when its standard input does: no worker outlives the app, however that ends.
    """

    def __init__(self) -> None:
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        self._stopped = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "osteon.app.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            text=True,
            encoding="utf-8",
        )

    def run(self, job: dict[str, Any], heard: Callable[[dict[str, Any]], None]) -> Outcome:
        """Do a job to its end; ``heard`` gets each event (``stage``, ``share``)."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker was started without pipes")
        outcome: Outcome | None = None
        try:
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()
            for line in stdout:
                event = json.loads(line)
                if "ended" in event:
                    outcome = Outcome(event["error"], event["warnings"])
                else:
                    heard(event)
        except (BrokenPipeError, ValueError):
            pass  # it died, which its exit status tells
        status = self._process.wait()
        with suppress(BrokenPipeError):  # what it did not take
            stdin.close()
        stdout.close()
        ended = outcome or Outcome(self._why(status))
        self._last_words.close()
        return ended

    def stop(self) -> None:
        """End it, and let it clean up; soon by force."""
        self._stopped = True
        self._process.terminate()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _why(self, status: int) -> str:
        if self._stopped:
            return "It was stopped."
        self._last_words.seek(0)
        said = self._last_words.read().decode("utf-8", "replace").strip().splitlines()
        last = f" Its last words: {said[-1][-TAIL:]}" if said else ""
        if status in (-9, 137):
            return (
                "The worker was ended by the system, most likely because memory ran out. Close other programs, or take "
                f"a smaller scan, and try again.{last}"
            )
        return f"The worker ended unexpectedly (status {status}). Try again; if it happens again, report it.{last}"


class Workers:
    """Starts workers.

    Parameters
    ----------
    spare : bool
        Have one ready always, so that no job waits for Python to load.
    """

    def __init__(self, *, spare: bool = False) -> None:
        self.spare = spare
        self._lock = threading.Lock()
        self._ready: Worker | None = None

    def warm(self) -> None:
        """Start the spare worker."""
        with self._lock:
            if self.spare and self._ready is None:
                self._ready = Worker()

    def take(self) -> Worker:
        """A worker, the spare one if it is there; `warm` starts another."""
        with self._lock:
            taken, self._ready = self._ready, None
        return taken or Worker()

    def close(self) -> None:
        """End the spare one."""
        with self._lock:
            if self._ready is not None:
                self._ready.stop()
            self._ready = None
