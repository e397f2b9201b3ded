"""Pages that Osteon writes (reports, checks), shown by the app without any of its rights."""

from __future__ import annotations

from pathlib import Path

from fastapi.responses import FileResponse

POLICY = (
    "sandbox allow-scripts allow-popups; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; frame-ancestors 'self'"
)
"""Such a page carries its viewer in itself; the sandbox takes its origin away, so that it gets nothing from the app."""


def sandboxed(path: Path) -> FileResponse:
    """A page in its sandbox; the app's own pages may frame it."""
    headers = {"content-security-policy": POLICY, "x-frame-options": "SAMEORIGIN"}
    return FileResponse(path, media_type="text/html", headers=headers)
