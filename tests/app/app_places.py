"""Where the app of the tests seems to listen, and waiting for its workers."""

from __future__ import annotations

import time
from typing import Any

from fastapi.testclient import TestClient

HOST = "127.0.0.1:8770"
ORIGIN = f"http://{HOST}"
SECRET = "s" * 43
PATIENCE_S = 240.0


def until_over(client: TestClient, number: str) -> dict[str, Any]:
    """The job once it is over."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        job: dict[str, Any] = client.get(f"/api/jobs/{number}").json()
        if job["state"] not in ("waiting", "running"):
            return job
        time.sleep(0.1)
    raise AssertionError(f"the job was not over after {PATIENCE_S} s: {job}")


def drop(client: TestClient, files: dict[str, bytes]) -> str:
    """Send files as the page does; the drop's id."""
    number: str = client.post("/api/uploads").json()["id"]
    for name, content in files.items():
        answer = client.put(f"/api/uploads/{number}/file", params={"name": name}, content=content)
        assert answer.status_code == 204, answer.text
    return number
