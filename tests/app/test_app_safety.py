"""Attacks: each is refused, with a reason, and nothing is read or left behind."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from app_places import drop, until_over
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from osteon.app import guard, uploads
from osteon.app.access import Access, kept_secret
from osteon.app.api import entry
from osteon.app.desk import Desk
from osteon.app.server import create_app, serve
from osteon.cli import app as cli
from osteon.errors import UsageError


def test_without_the_cookie_nothing_is_shown(stranger: TestClient) -> None:
    for path in ("/", "/api/state", "/api/cases", "/api/cases/boxes/scan.nii", "/api/openapi.json"):
        assert stranger.get(path).status_code == 401, path


@pytest.mark.parametrize("token", ["", "wrong", "s" * 43])
def test_a_wrong_token_gives_no_cookie(stranger: TestClient, token: str) -> None:
    answer = stranger.get("/open", params={"token": token})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: TestClient, desk: Desk) -> None:
    cookie = stranger.get("/open", params={"token": desk.access.token}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_forged_cookie_is_refused(stranger: TestClient, desk: Desk) -> None:
    stranger.cookies.set(desk.access.cookie, "x" * 43)
    assert stranger.get("/api/state").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "127.0.0.1.evil.example:8770", ""])
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/state", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:8770"])
def test_a_request_of_another_site_is_refused(client: TestClient, origin: str) -> None:
    assert client.post("/api/uploads", headers={"origin": origin}).status_code == 403
    assert client.get("/api/state", headers={"origin": origin}).status_code == 403


def test_a_request_that_changes_something_must_say_where_it_comes_from(client: TestClient) -> None:
    del client.headers["origin"]
    assert client.post("/api/uploads").status_code == 403


def test_a_link_on_another_site_is_refused(client: TestClient) -> None:
    assert client.get("/api/state", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_every_answer_carries_the_policy(client: TestClient, stranger: TestClient) -> None:
    for answer in (client.get("/"), client.get("/api/cases"), client.get("/api/cases/none")):
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


TRAVERSALS = [
    "../../study",
    "..%2f..%2fetc",
    "%2e%2e",
    "a/../../b",
    "..\\..\\x",
    "boxes%00",
    "/etc/passwd",
    ".osteon",
    "CON",
]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_name_leads_out_of_the_workspace(client: TestClient, workspace: Path, name: str) -> None:
    (workspace.parent / "secret.nii.gz").write_bytes(b"secret")
    (workspace.parent / "check.html").write_bytes(b"secret")
    for path in (
        f"/api/cases/{name}",
        f"/api/cases/{name}/scan.nii",
        f"/api/cases/{name}/orientation.png",
        f"/api/cases/{name}/coronal.png",
        f"/api/cases/boxes/results/{name}/report.html",
        f"/api/cohorts/{name}/check.html",
        f"/api/runs/{name}/report.html",
        f"/api/runs/{name}/curves",
    ):
        answer = client.get(path)
        assert answer.status_code in (404, 422), path
        assert b"secret" not in answer.content


def test_a_mesh_is_only_what_is_listed(client: TestClient) -> None:
    for name in ("..%2fresult.json%00", "%2e%2e%2fsegmentation", "nothing"):
        assert client.get(f"/api/cases/boxes/results/by-hand/meshes/{name}.ply").status_code == 404


def test_names_of_dropped_files_lead_nowhere(client: TestClient, workspace: Path) -> None:
    before = {path for path in workspace.parent.rglob("*") if path.is_file()}
    drop(client, {"../../../evil.nii": b"x" * 400, "C:\\evil.mha": b"y" * 400, "/etc/evil.nrrd": b"z" * 400})
    made = {path for path in workspace.parent.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(workspace / ".osteon" / "uploads") for path in made)


def test_a_zip_bomb_is_refused(client: TestClient) -> None:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(100 * 2**20))
    number = client.post("/api/uploads").json()["id"]
    answer = client.put(f"/api/uploads/{number}/file", params={"name": "a.zip"}, content=packed.getvalue())
    assert answer.status_code == 422
    assert "grow" in answer.json()["detail"]


def test_an_archive_whose_names_lead_out_is_refused(client: TestClient, workspace: Path) -> None:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("../../../evil.dcm", b"\0" * 128 + b"DICM")
    number = drop(client, {"a.zip": packed.getvalue()})
    job = until_over(client, client.post(f"/api/uploads/{number}/look").json()["id"])
    found = client.get(f"/api/uploads/{number}").json()
    assert job["state"] == "done"
    assert "leads out of the archive" in found["series"][0]["problem"]
    assert not list(workspace.parent.rglob("evil.dcm"))


def test_a_file_larger_than_allowed_is_refused_by_its_promise(client: TestClient) -> None:
    number = client.post("/api/uploads").json()["id"]
    headers = {"content-length": str(guard.LARGEST_FILE + 1)}
    answer = client.put(f"/api/uploads/{number}/file", headers=headers, content=b"x")
    assert answer.status_code == 413


def test_a_body_larger_than_allowed_is_cut_whatever_it_promised(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    monkeypatch.setattr(guard, "LARGEST_FILE", 1000)
    number = client.post("/api/uploads").json()["id"]
    blocks = (b"x" * 300 for _ in range(10))  # sent in chunks, without a length
    answer = client.put(f"/api/uploads/{number}/file", params={"name": "a.nii"}, content=blocks)
    assert answer.status_code == 413
    assert not [p for p in (workspace / ".osteon" / "uploads").rglob("*") if p.is_file()]


def test_too_many_files_are_refused_and_thrown_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 3)
    number = drop(client, {f"{n}.nii": b"x" * 400 for n in range(3)})
    answer = client.put(f"/api/uploads/{number}/file", params={"name": "4.nii"}, content=b"x" * 400)
    assert answer.status_code == 422
    assert not (workspace / ".osteon" / "uploads" / number).exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.dcm", b"\0" * 128 + b"DICM" + b"\xff" * 400), ("a.nii.gz", b"\x1f\x8b" + b"\xff" * 400), ("a.txt", b"words")],
    ids=["dicom", "gzip", "text"],
)
def test_malformed_files_are_named_and_refused(client: TestClient, name: str, content: bytes) -> None:
    number = drop(client, {name: content})
    job = until_over(client, client.post(f"/api/uploads/{number}/look").json()["id"])
    found = client.get(f"/api/uploads/{number}").json()
    assert job["error"] or found["series"][0]["problem"]
    assert not any(series["usable"] for series in found["series"])
    assert str(Path.home()) not in job["error"] + str(found)


def test_a_report_runs_in_a_sandbox(client: TestClient, workspace: Path) -> None:
    (workspace / "results" / "by-hand" / "boxes" / "report.html").write_text("<p>x</p>", encoding="utf-8")
    policy = client.get("/api/cases/boxes/results/by-hand/report.html").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy
    assert "default-src 'none'" in policy


def test_drops_of_a_crash_are_removed_at_the_next_start(desk: Desk, workspace: Path) -> None:
    desk.close()
    left = workspace / ".osteon" / "uploads" / ("a" * 16) / "dicom"
    left.mkdir(parents=True)
    (left / "patient.dcm").write_bytes(b"name")
    desk.open(workspace)
    assert not left.exists()


def test_an_app_for_others_needs_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="password"):
        serve(tmp_path, host="0.0.0.0", open_browser=False)


def test_the_command_asks_for_a_password_and_says_what_it_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon.app import server

    served: dict[str, object] = {}
    monkeypatch.setattr(server, "serve", lambda workspace, **how: served.update(how))
    asked = CliRunner().invoke(
        cli, ["app", str(tmp_path), "--host", "0.0.0.0", "--no-browser"], input="open sesame\nopen sesame\n"
    )
    assert asked.exit_code == 0, asked.output
    assert "The connection is not encrypted" in asked.output
    assert served["password"] == "open sesame"
    assert "open sesame" not in asked.output
    served.clear()
    CliRunner().invoke(cli, ["app", str(tmp_path), "--no-browser"])
    assert (served["host"], served["password"]) == ("127.0.0.1", None)


def test_with_a_password_one_signs_in_and_a_wrong_one_gets_no_cookie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "PAUSE_S", 0.0)
    far = Desk(Access.create("0.0.0.0", 8770, password="open sesame"))
    browser = TestClient(create_app(far, tmp_path), base_url="http://station.lab:8770", follow_redirects=False)
    browser.headers["origin"] = "http://station.lab:8770"
    assert browser.get("/api/state").status_code == 401
    wrong = browser.post("/login", content="password=open")
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
    right = browser.post("/login", content="password=open+sesame")
    assert right.status_code == 303
    assert browser.get("/api/state").json()["can_choose"] is False
    assert browser.get("/api/folders").status_code == 422, "folders of the machine are not shown to others"
    far.shut()


def test_with_a_password_the_token_is_worth_nothing() -> None:
    access = Access.create("0.0.0.0", 8770, password="open sesame")
    assert not access.is_token(access.token)
    assert access.is_password("open sesame")
    assert not access.is_password("open")
    assert not Access.create("127.0.0.1", 8770).is_password("")


def test_the_kept_secret_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    made = kept_secret(path)
    assert kept_secret(path) == made
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
