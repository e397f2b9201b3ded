"""What is open: a workspace and its queue of jobs; the one thing that all requests share."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

from osteon.app.access import Access
from osteon.app.jobs import Queue
from osteon.app.lock import Lock
from osteon.app.uploads import Upload
from osteon.app.workers import Workers
from osteon.app.workspace import UnknownError, Workspace
from osteon.io.whole import written_whole

RECENT = 8
"""Workspaces that are remembered."""


class Desk:
    """The workspace that is open, if one is.

    Parameters
    ----------
    access : Access
    memory : Path, optional
        JSON file that remembers the workspaces of earlier days.
    spare : bool
        Keep a worker ready, so that no job waits for Python to load.
    """

    def __init__(self, access: Access, memory: Path | None = None, *, spare: bool = False) -> None:
        self.access, self.memory = access, memory
        self.workers = Workers(spare=spare)
        self._lock = threading.RLock()
        self._workspace: Workspace | None = None
        self._queue: Queue | None = None
        self._lock_of_workspace: Lock | None = None
        self._uploads: dict[str, Upload] = {}

    @property
    def workspace(self) -> Workspace:
        """The open workspace; `UnknownError` if there is none."""
        if self._workspace is None:
            raise UnknownError("No workspace is open. Choose a folder first.")
        return self._workspace

    @property
    def queue(self) -> Queue:
        """Its jobs."""
        if self._queue is None:
            raise UnknownError("No workspace is open. Choose a folder first.")
        return self._queue

    @property
    def is_open(self) -> bool:
        """Whether a workspace is open."""
        return self._workspace is not None

    def open(self, folder: Path, *, create: bool = False) -> None:
        """Open a workspace, and end the work of the one before."""
        with self._lock:
            opened = Workspace.open(folder, create=create)
            if self._workspace is not None and opened.paths.folder == self._workspace.paths.folder:
                return
            lock = Lock(opened.paths.own / "lock")
            self.close()
            self._lock_of_workspace = lock
            _sweep(opened)
            self._workspace = opened
            self._queue = Queue(opened.paths.jobs, self.workers)
            self.workers.warm()
            self._remember(opened.paths.folder)

    def close(self) -> None:
        """End all work; drops that were not accepted are removed."""
        with self._lock:
            if self._queue is not None:
                self._queue.close()
            for upload in self._uploads.values():
                upload.throw_away()
            self._uploads.clear()
            if self._lock_of_workspace is not None:
                self._lock_of_workspace.release()
            self._workspace = self._queue = self._lock_of_workspace = None

    def shut(self) -> None:
        """End everything, at the end of the app."""
        self.close()
        self.workers.close()

    def begin_upload(self) -> Upload:
        """Make room for a drop."""
        upload = Upload.begin(self.workspace.paths)
        self._uploads[upload.id] = upload
        return upload

    def upload(self, number: str) -> Upload:
        """A drop of this day."""
        found = Upload.find(self.workspace.paths, number)
        return self._uploads.setdefault(number, found)

    def recent(self) -> list[str]:
        """Workspaces of earlier days that are still there, the latest first."""
        if self.memory is None or not self.memory.is_file():
            return []
        try:
            listed = json.loads(self.memory.read_text(encoding="utf-8"))
        except ValueError:
            return []
        return [str(p) for p in listed if isinstance(p, str) and Path(p).is_dir()][:RECENT]

    def _remember(self, folder: Path) -> None:
        if self.memory is None:
            return
        listed = [str(folder), *(p for p in self.recent() if p != str(folder))][:RECENT]
        with written_whole(self.memory) as part:
            part.write_text(json.dumps(listed, indent=1, ensure_ascii=False), encoding="utf-8")


def _sweep(workspace: Workspace) -> None:
    """Remove what a crash left: half-written files, and drops that nobody accepted (they hold patients' data)."""
    shutil.rmtree(workspace.paths.uploads, ignore_errors=True)
    workspace.paths.uploads.mkdir(parents=True, exist_ok=True)
    for place in (workspace.paths.scans, workspace.paths.jobs, *workspace.paths.results.glob("*")):
        for part in place.glob(".part-*"):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
