"""What routes ask of a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from osteon.app.desk import Desk

NAME = r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,78}[A-Za-z0-9_-])?$"


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


DeskNow = Annotated[Desk, Depends(_desk)]
Case = Annotated[str, Path(pattern=NAME, description="Name of a case.")]
Result = Annotated[str, Path(pattern=NAME, description="Name of a result: a model, or a corrected version.")]
Number = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Of a job or a drop.")]
Chosen = Annotated[str, Query(pattern=NAME, description="Name of a result.")]
