"""Runs the process in which nnU-Net works, listens to it, and says what went wrong in it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from osteon.errors import TrainingError
from osteon.io.whole import written_whole
from osteon.training.nnunet.job import EVENT, Job

WORKER = Path(__file__).with_name("worker.py")
KEPT_LINES = 400
"""Last lines of the process, in which its error is looked for."""

RAISED = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Killed)\b(?:: .*)?$")


def run_job(job: Job, heard: Callable[[dict[str, Any]], None], script: Path = WORKER) -> None:
    """Run a job to its end; what nnU-Net says goes to ``job.log``.

    Parameters
    ----------
    job : Job
    heard : callable
        Gets each event that the process tells.
    script : path
        What is run, with the job's file as its argument.

    Raises
    ------
    TrainingError
        If the process fails, with the error that it, or one of its own processes, met first.
    """
    with written_whole(job.file) as part:
        part.write_text(job.model_dump_json(indent=1) + "\n", encoding="utf-8")
    # by its path, without its folder among those that modules are looked for in: see there
    command = [sys.executable, "-P", str(script), str(job.file)]
    doing, last = "starting", deque[str](maxlen=KEPT_LINES)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=os.environ | job.environment(),
        start_new_session=True,
    )
    try:
        with job.log.open("a", encoding="utf-8") as log:
            for line in process.stdout or ():
                if line.startswith(EVENT):
                    event = json.loads(line.removeprefix(EVENT))
                    doing = event["name"] if event["event"] == "stage" else doing
                    heard(event)
                    continue
                log.write(line)
                log.flush()
                last.append(line.rstrip())
        code = process.wait()
    finally:
        end(process)
    if code:
        raise TrainingError(f"nnU-Net failed while {doing}: {_reason(list(last), code)} All it said is in {job.log}.")


def end(process: subprocess.Popen[str]) -> None:
    """End a process, and the processes that it started, if it has not ended by itself."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)  # its own session: nothing else is in the group
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _reason(lines: list[str], code: int) -> str:
    """The first error of the last ones that a process printed: what follows from it comes later."""
    errors = [line for line in lines if RAISED.match(line)]
    if code == -signal.SIGTERM or code == -9:
        return "it was ended from outside, as systems do that run out of memory."
    if not errors:
        return f"{next((line for line in reversed(lines) if line), 'it said nothing')} (exit code {code})."
    return errors[0].rstrip(".") + "."
