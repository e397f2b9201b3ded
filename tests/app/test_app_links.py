"""Links in a workspace that lead out of it: nothing behind them is shown, packed or used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

pytestmark = pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")


def test_a_link_out_of_the_workspace_is_not_followed(client: TestClient, workspace: Path) -> None:
    outside = workspace.parent / "outside.nii.gz"
    (workspace / "scans" / "boxes.nii.gz").rename(outside)
    (workspace / "scans" / "boxes.nii.gz").symlink_to(outside)
    assert client.get("/api/cases/boxes/scan.nii").status_code == 404


def test_pages_behind_links_out_of_the_workspace_are_not_shown(client: TestClient, workspace: Path) -> None:
    outside = workspace.parent / "outside"
    outside.mkdir()
    for name in ("check.html", "report.html", "cohort.json", "config.json"):
        (outside / name).write_text("{}", encoding="utf-8")
    for place in ("cohorts", "runs"):
        (workspace / place).mkdir()
        (workspace / place / "x").symlink_to(outside)
    assert client.get("/api/cohorts/x/check.html").status_code == 404
    assert client.get("/api/runs/x/report.html").status_code == 404
    assert client.get("/api/runs/x/curves").status_code == 404


def test_files_of_a_result_behind_links_are_neither_shown_nor_packed(client: TestClient, workspace: Path) -> None:
    secret = workspace.parent / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    folder = workspace / "results" / "by-hand" / "boxes"
    at = "/api/cases/boxes/results/by-hand"
    (folder / "notes.txt").symlink_to(secret)
    assert b"secret" not in client.get(f"{at}/all.zip").content
    assert b"secret" not in client.get("/api/everything.zip").content
    for name in ("report.html", "measurements.csv", "preview.png", "meshes"):
        (folder / name).symlink_to(secret)
        for path in (f"{at}/{name}", f"{at}/measurements", f"{at}/meshes", f"{at}/all.zip"):
            answer = client.get(path)
            assert answer.status_code == 404, path
            assert b"secret" not in answer.content
        assert client.get("/api/cases").json()[0]["results"] == []
        (folder / name).unlink()
    assert len(client.get("/api/cases").json()[0]["results"]) == 1


def test_a_model_behind_a_link_out_of_the_workspace_is_not_offered(client: TestClient, workspace: Path) -> None:
    (workspace / "models" / "brightness").rename(workspace.parent / "brightness")
    (workspace / "models" / "brightness").symlink_to(workspace.parent / "brightness")
    assert "brightness" not in [model["name"] for model in client.get("/api/models").json()]
