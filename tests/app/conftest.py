"""An app over a small workspace, and a client that is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the app's packages are not installed (pip install 'osteon[app]')")

from app_places import HOST, ORIGIN, SECRET
from fastapi.testclient import TestClient

from models import boxes, brightness_model
from osteon.app.access import Access
from osteon.app.desk import Desk
from osteon.app.server import create_app
from osteon.app.viewing import write_picture
from osteon.app.workspace import Origin
from osteon.case_folder import CasePaths
from osteon.io import write


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """One scan of boxes, its labels as a result, and a model that segments it exactly."""
    folder = tmp_path / "study"
    scan, truth = boxes()
    write(scan, folder / "scans" / "boxes.nii.gz")
    result = CasePaths(folder / "results" / "by-hand" / "boxes")
    write(truth, result.segmentation)
    Origin("lumbar-spine", "file", "by-hand").write(result.folder, truth.task)
    brightness_model(folder / "models" / "brightness")
    write_picture(scan, folder / ".osteon" / "thumbnails" / "boxes.png")
    return folder


@pytest.fixture
def desk(workspace: Path) -> Iterator[Desk]:
    made = Desk(Access.create("127.0.0.1", 8770, secret=SECRET))
    made.open(workspace)
    yield made
    made.shut()


@pytest.fixture
def stranger(desk: Desk, tmp_path: Path) -> TestClient:
    """A client without a cookie."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<!DOCTYPE html><title>Osteon</title>", encoding="utf-8")
    return TestClient(create_app(desk, pages), base_url=f"http://{HOST}", follow_redirects=False)


@pytest.fixture
def client(stranger: TestClient, desk: Desk) -> TestClient:
    """A client that came by the address of the terminal, and says which page it is on."""
    answer = stranger.get("/open", params={"token": desk.access.token})
    assert answer.status_code == 303
    stranger.headers["origin"] = ORIGIN
    return stranger
