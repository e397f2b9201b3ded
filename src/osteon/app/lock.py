"""One app a workspace: a second one would begin the first one's work anew and remove its drops."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from osteon.errors import UsageError


class Lock:
    """A lock that ends with the process, however that ends.

    Parameters
    ----------
    path : Path
        File to lock; made if missing, and left.

    Raises
    ------
    UsageError
        If another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise UsageError(
                f"The workspace {path.parent.parent} is open in another app already. Use that one, or stop it first."
            ) from error

    def release(self) -> None:
        """Let others in."""
        os.close(self._file)
