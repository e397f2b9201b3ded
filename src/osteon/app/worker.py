"""The process that does one job: reads it from standard input, tells its progress on standard output.

``python -m osteon.app.worker``; started by `osteon.app.workers`, never by a user.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, TextIO

from osteon.app.work import KINDS  # loads what most jobs need while there is none yet
from osteon.errors import OsteonError

LAST_CHANCE_S = 5.0


def main() -> None:
    """Wait for a job, do it, say what became of it."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # a library that prints must not be taken for an event
    signal.signal(signal.SIGTERM, _stop)
    line = _first_line()
    if not line.strip():
        return
    job = json.loads(line)
    threading.Thread(target=_end_with_the_app, daemon=True).start()
    error, warnings = "", []
    try:
        warnings = KINDS[job.pop("kind")](job, lambda share, stage: _tell(out, share=share, stage=stage))
    except OsteonError as ours:
        error = str(ours)
    except MemoryError:
        error = "There is not enough memory. Close other programs, or take a smaller scan, and try again."
    _tell(out, ended=True, error=error, warnings=warnings)


def _tell(out: TextIO, **event: Any) -> None:
    out.write(json.dumps(event) + "\n")


def _stop(number: int, frame: FrameType | None) -> None:
    """End as an exception does, so that half-written outputs are removed."""
    sys.exit(128 + number)


def _first_line() -> bytes:
    """Read past Python's own buffer: its lock, held by a thread that waits, would stop every process forked here."""
    line = b""
    while not line.endswith(b"\n") and (some := os.read(0, 65536)):
        line += some
    return line


def _end_with_the_app() -> None:
    """Standard input ends when the app does, however it ends."""
    while os.read(0, 1):
        pass
    threading.Timer(LAST_CHANCE_S, os._exit, args=(1,)).start()
    if hasattr(signal, "raise_signal"):
        signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
