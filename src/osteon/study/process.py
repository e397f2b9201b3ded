"""Work in a process of its own: its memory is its own, and if it dies, the others go on."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from osteon.errors import OsteonError, UnexpectedError

Said = Callable[[str], None]

PATIENCE_S = 30
"""How long a process may take to end after its last word."""


def in_own_process(work: Callable[..., Any], *arguments: Any, said: Said) -> Any:
    """Call ``work(*arguments, said)`` in a fresh process, and return what it returns.

    Parameters
    ----------
    work : callable
        A function of a module.
    arguments
        What can be pickled.
    said : callable
        Gets each line that the work says.

    Raises
    ------
    OsteonError
        What the work raised, by its message.
    UnexpectedError
        If it failed otherwise (its note is what Python said) or was ended from outside.
    """
    context = multiprocessing.get_context("spawn")  # a fork would inherit threads and memory
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        while True:
            kind, content = ours.recv()
            if kind != "said":
                break
            said(content)
        process.join(PATIENCE_S)
    except EOFError:
        process.join(PATIENCE_S)
        raise UnexpectedError(
            f"Its process ended without a word (exit code {process.exitcode}), as where memory runs out."
        ) from None
    finally:
        if process.is_alive():
            process.terminate()
            process.join()
        ours.close()
    if kind == "refused":
        raise OsteonError(content)
    if kind == "failed":
        message, trace = content
        bug = UnexpectedError(message)
        bug.add_note(trace)
        raise bug
    return content


def _child(pipe: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Run the work, and tell everything to the other end of a pipe."""
    signal.signal(signal.SIGTERM, _end)
    try:
        pipe.send(("done", work(*arguments, lambda line: pipe.send(("said", line)))))
    except OsteonError as error:
        pipe.send(("refused", str(error)))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        pipe.send(("failed", (message, traceback.format_exc())))


def _end(number: int, frame: object) -> None:
    """End as an exception does, so that processes below this one are ended, too."""
    sys.exit(128 + number)
