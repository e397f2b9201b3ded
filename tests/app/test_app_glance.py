"""A large drop is seen before all of it has arrived: one of its slices, drawn by a worker."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from app_places import drop, until_over
from fastapi.testclient import TestClient
from PIL import Image

from dicom_folders import add_series, scan


def glanced(client: TestClient, number: str) -> None:
    job = until_over(client, client.post(f"/api/uploads/{number}/glance").json()["id"])
    assert job["state"] == "done", job["error"]


def test_one_slice_of_an_unfinished_drop_is_drawn(client: TestClient, tmp_path: Path) -> None:
    files = sorted(add_series(tmp_path / "series", scan((40, 30, 6)), "t1").iterdir())
    number = drop(client, {files[3].name: files[3].read_bytes()})
    assert client.get(f"/api/uploads/{number}/glance.png").status_code == 404
    glanced(client, number)
    picture = Image.open(BytesIO(client.get(f"/api/uploads/{number}/glance.png").content))
    assert max(picture.size) == 320
    assert np.ptp(np.asarray(picture)) > 100
    for file in (*files[:3], *files[4:]):
        client.put(f"/api/uploads/{number}/file", params={"name": file.name}, content=file.read_bytes())
    until_over(client, client.post(f"/api/uploads/{number}/look").json()["id"])
    (series,) = client.get(f"/api/uploads/{number}").json()["series"]
    assert series["usable"], "the glance has left the files as they were"


def test_what_cannot_be_drawn_is_no_error(client: TestClient) -> None:
    number = drop(client, {"a.dcm": b"\0" * 128 + b"DICM" + b"\xff" * 400})
    glanced(client, number)
    assert client.get(f"/api/uploads/{number}/glance.png").status_code == 404
    glanced(client, client.post("/api/uploads").json()["id"])
