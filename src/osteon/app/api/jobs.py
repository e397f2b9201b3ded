"""The queue of jobs."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field, StringConstraints

from osteon.app.api.asking import NAME, DeskNow, Number
from osteon.app.jobs import Job, State

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

CaseName = Annotated[str, StringConstraints(pattern=NAME)]

SOON = 0.03
"""Share of the work before which the time left is not guessed."""


class JobFacts(BaseModel):
    """One job."""

    id: str
    kind: str
    title: str
    case: str
    result: str
    state: State
    stage: str
    share: float
    seconds: float = Field(description="Since it began, or that it took.")
    seconds_left: float | None
    error: str
    warnings: list[str]


class Segmenting(BaseModel):
    """What to segment, and how."""

    cases: list[CaseName] = Field(min_length=1, max_length=2000)
    model: CaseName
    engine: Literal["auto", "torch", "openvino"] = "auto"
    precision: Literal["auto", "fp32", "int8"] = Field(default="auto", description="auto: int8 where that is as good.")
    looks: int = Field(default=1, ge=1, le=5, description="How often the network looks at each slice.")
    overwrite: bool = Field(default=False, description="Replace earlier results of this model.")
    from_slice: dict[CaseName, int] = Field(
        default={}, max_length=2000, description="For models of legs: slice of the pelvis's upper end, of some cases."
    )


@router.get("")
def jobs(desk: DeskNow) -> list[JobFacts]:
    """Every job, the latest first."""
    return [facts_of(job) for job in desk.queue.all()]


@router.post("/segment", status_code=202)
def segment(wanted: Segmenting, desk: DeskNow) -> list[JobFacts]:
    """Put one job for each case into the queue."""
    workspace = desk.workspace
    model = workspace.model(wanted.model).spec.name
    for case in wanted.cases:
        workspace.scan(case)
    added = []
    for case in dict.fromkeys(wanted.cases):
        spec = {
            "workspace": str(workspace.paths.folder),
            "case": case,
            "model": model,
            "engine": wanted.engine,
            "precision": wanted.precision,
            "looks": wanted.looks,
            "overwrite": wanted.overwrite,
            "from_slice": wanted.from_slice.get(case),
        }
        added.append(desk.queue.add("segment", f"Segmenting {case}", spec, case=case, result=model))
    return [facts_of(job) for job in added]


@router.get("/{number}")
def job(number: Number, desk: DeskNow) -> JobFacts:
    """One job."""
    return facts_of(desk.queue.get(number))


@router.post("/{number}/cancel")
def cancel(number: Number, desk: DeskNow) -> JobFacts:
    """Stop a job; nothing half-written remains."""
    return facts_of(desk.queue.cancel(number))


@router.post("/clear", status_code=204)
def clear(desk: DeskNow) -> Response:
    """Forget the jobs that are over."""
    desk.queue.clear()
    return Response(status_code=204)


def facts_of(job: Job) -> JobFacts:
    """A job for a page; without its paths."""
    seconds = (job.ended or time.time()) - job.started if job.started is not None else 0.0
    left = seconds / job.share * (1 - job.share) if job.state == "running" and job.share > SOON else None
    return JobFacts(
        **job.model_dump(exclude={"spec", "created", "started", "ended"}), seconds=seconds, seconds_left=left
    )
