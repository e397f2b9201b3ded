"""Jobs: what is to be done, what is being done, what became of it; kept on disk, so that a restart forgets nothing."""

from __future__ import annotations

import secrets
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from osteon.app.workers import Worker, Workers
from osteon.app.workspace import UnknownError
from osteon.io.whole import written_whole

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Kind = Literal[
    "glance",
    "inspect",
    "add",
    "masks-look",
    "segment",
    "finish",
    "masks",
    "cohort",
    "train",
    "crossval",
    "finetune",
    "study",
]

QUICK: tuple[Kind, ...] = ("glance", "inspect", "add", "masks-look")
"""Kinds that a user waits for."""

TRAININGS: tuple[Kind, ...] = ("train", "crossval", "finetune", "study")
"""Kinds that take hours."""

Lane = Literal["quick", "usual", "training"]
LANES: tuple[Lane, ...] = ("quick", "usual", "training")
"""Work of one lane waits for none of another."""

KEPT = 200
"""Ended jobs that are remembered."""


class Job(BaseModel):
    """One piece of work for a worker process.

    Parameters
    ----------
    id, kind, title : str
    case, result : str
        What it is about; empty where it is about several.
    spec : dict
        What the worker needs.
    state : str
    stage : str
        What it is doing, in words.
    share : float
        Of the work that is done, 0 to 1.
    created, started, ended : float
        Seconds since 1970.
    error : str
        Why it failed, and what to do.
    warnings : list of str
        Reasons to look at the result.
    """

    id: str
    kind: Kind
    title: str
    case: str = ""
    result: str = ""
    spec: dict[str, Any]
    state: State = "waiting"
    stage: str = ""
    share: float = 0.0
    created: float
    started: float | None = None
    ended: float | None = None
    error: str = ""
    warnings: list[str] = []

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed", "cancelled")


class Queue:
    """Jobs of one workspace, run one after another in each of three lanes.

    Parameters
    ----------
    folder : Path
        Of the jobs' files. What was running when the app ended is begun anew; what a user was waiting for is not.
    workers : Workers
    """

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.folder, self.workers = folder, workers
        self._lock = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, Worker] = {}
        self._closed = False
        self._load()
        self._lanes = [threading.Thread(target=self._work, args=(lane,), daemon=True) for lane in LANES]
        for thread in self._lanes:
            thread.start()

    def add(self, kind: Kind, title: str, spec: dict[str, Any], *, case: str = "", result: str = "") -> Job:
        """Put a job at the end of the queue."""
        job = Job(
            id=secrets.token_hex(8), kind=kind, title=title, spec=spec, case=case, result=result, created=time.time()
        )
        with self._lock:
            self._jobs[job.id] = job
            self._keep(job)
            self._lock.notify_all()
        return job.model_copy()

    def all(self) -> list[Job]:
        """Every job, the latest first."""
        with self._lock:
            return [job.model_copy() for job in sorted(self._jobs.values(), key=lambda j: -j.created)]

    def get(self, number: str) -> Job:
        """One job; `UnknownError` if there is none."""
        with self._lock:
            if number not in self._jobs:
                raise UnknownError("There is no such job. Reload the page.")
            return self._jobs[number].model_copy()

    def cancel(self, number: str) -> Job:
        """Stop a job, or take it out of the queue; one that is over stays as it is."""
        self.get(number)
        with self._lock:
            job = self._jobs[number]
            worker = self._running.get(number)
            if not job.is_over:
                self._end(job, "cancelled")
        if worker is not None:
            worker.stop()
        return job.model_copy()

    def clear(self) -> None:
        """Forget the jobs that are over."""
        with self._lock:
            for job in [j for j in self._jobs.values() if j.is_over]:
                self._forget(job)

    def close(self) -> None:
        """Stop all work; what was running waits for the next start."""
        with self._lock:
            self._closed = True
            workers = list(self._running.values())
            self._lock.notify_all()
        for worker in workers:
            worker.stop()
        for thread in self._lanes:
            thread.join(timeout=10)

    def _work(self, lane: Lane) -> None:
        while True:
            with self._lock:
                job = self._next(lane)
                while job is None and not self._closed:
                    self._lock.wait()
                    job = self._next(lane)
                if job is None or self._closed:
                    return
                job.state, job.started, job.stage = "running", time.time(), "starting"
                self._keep(job)
                worker = self._running[job.id] = self.workers.take()
            if lane == "quick":
                self.workers.warm()  # for the next drop; long work does not pay for it
            outcome = worker.run({"kind": job.kind, **job.spec}, partial(self._heard, job))
            with self._lock:
                del self._running[job.id]
                if self._closed or job.is_over:
                    continue
                job.error, job.warnings = outcome.error, outcome.warnings
                self._end(job, "failed" if outcome.error else "done")

    def _next(self, lane: Lane) -> Job | None:
        waiting = [j for j in self._jobs.values() if j.state == "waiting" and _lane_of(j.kind) == lane]
        return min(waiting, key=lambda j: j.created, default=None)

    def _heard(self, job: Job, event: dict[str, Any]) -> None:
        with self._lock:
            job.stage, job.share = str(event.get("stage", job.stage)), float(event.get("share", job.share))

    def _end(self, job: Job, state: State) -> None:
        job.state, job.ended, job.stage = state, time.time(), ""
        job.share = 1.0 if state == "done" else job.share
        self._keep(job)
        over = sorted((j for j in self._jobs.values() if j.is_over), key=lambda j: j.created)
        for old in over[: max(0, len(over) - KEPT)]:
            self._forget(old)

    def _keep(self, job: Job) -> None:
        with written_whole(self.folder / f"{job.id}.json") as part:
            part.write_text(job.model_dump_json(indent=1), encoding="utf-8")

    def _forget(self, job: Job) -> None:
        del self._jobs[job.id]
        (self.folder / f"{job.id}.json").unlink(missing_ok=True)

    def _load(self) -> None:
        for path in self.folder.glob("*.json"):
            try:
                job = Job.model_validate_json(path.read_text(encoding="utf-8"))
            except (ValidationError, UnicodeDecodeError):
                path.unlink(missing_ok=True)  # of another version, or cut short by a full disk
                continue
            self._jobs[job.id] = job
            if job.state == "running" and job.kind not in QUICK:
                job.state, job.started, job.share, job.stage = "waiting", None, 0.0, "begun anew: the app was ended"
                job.spec["overwrite"] = True  # it may have ended between its last file and its last word
            elif not job.is_over and job.kind in QUICK:
                job.error = "The app was ended before this was done. Drop the files again."
                self._end(job, "failed")


def _lane_of(kind: Kind) -> Lane:
    if kind in QUICK:
        return "quick"
    return "training" if kind in TRAININGS else "usual"
