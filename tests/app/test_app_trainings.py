"""Every kind of training, begun as the page begins it: watched to its end, its page opened; a stopped one goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_places import HOST, ORIGIN, SECRET, until_over
from fastapi.testclient import TestClient

from cohorts import write_spider
from limbs import LEGS
from osteon.app.access import Access
from osteon.app.desk import Desk
from osteon.app.server import create_app
from osteon.app.work import KINDS
from osteon.app.workers import Outcome, Worker, Workers
from osteon.cohort import Cohort, import_spider
from osteon.study import running
from test_training_resume import make_cohort

FOLDER = "boxes"
SHORT: dict[str, Any] = {
    "epochs": 2,
    "steps": 1,
    "batch": 2,
    "network": {"width": 8},
    "sampling": {"rows": 32, "columns": 32},
    "preprocessing": {"region": "none"},
    "optimiser": {"warmup_epochs": 0},
}


class StoppedError(Exception):
    """The worker was ended in the middle."""


class Here(Worker):
    """Does a job in this process: to start Python and load torch takes longer than these trainings."""

    def __init__(self, last_words: str) -> None:
        self.last_words = last_words

    def run(self, job: dict[str, Any], heard: Callable[[dict[str, Any]], None]) -> Outcome:
        def doing(share: float, stage: str) -> None:
            heard({"share": share, "stage": stage})
            if self.last_words and stage.startswith(self.last_words):
                raise StoppedError

        try:
            return Outcome("", KINDS[job.pop("kind")](job, doing))
        except StoppedError:
            return Outcome("It was stopped.")

    def stop(self) -> None:
        """Nothing runs beside."""


class HereToo(Workers):
    """Workers in this process; the next one ends once it says ``last_words``."""

    last_words = ""

    def take(self) -> Worker:
        return Here(self.last_words)


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return make_cohort(tmp_path / "study" / "cohorts" / FOLDER, subjects=6)


@pytest.fixture
def workers() -> HereToo:
    return HereToo()


@pytest.fixture
def client(cohort: Cohort, workers: HereToo, tmp_path: Path) -> Iterator[TestClient]:
    desk = Desk(Access.create("127.0.0.1", 8770, secret=SECRET))
    desk.workers = workers
    desk.open(tmp_path / "study")
    asking = TestClient(create_app(desk, tmp_path), base_url=f"http://{HOST}", headers={"origin": ORIGIN})
    asking.cookies.set(desk.access.cookie, SECRET)
    divided = asking.post(f"/api/cohorts/{FOLDER}/split", json={"folds": 3, "validation": 1})
    assert divided.status_code == 200, divided.text
    yield asking
    desk.shut()


def begun(client: TestClient, kind: str, **more: Any) -> dict[str, Any]:
    wanted = {"kind": kind, "name": "new", "cohort": FOLDER, "settings": SHORT} | more
    answer = client.post("/api/jobs/train", json=wanted)
    assert answer.status_code == 202, answer.text
    return until_over(client, answer.json()["id"])


def the_run(client: TestClient) -> dict[str, Any]:
    run: dict[str, Any]
    (run,) = client.get("/api/runs").json()
    return run


def test_a_new_model_is_trained_and_can_be_used(client: TestClient) -> None:
    job = begun(client, "train")
    assert job["state"] == "done", job["error"]
    run = the_run(client)
    assert (run["kind"], run["state"], run["epochs"], run["model"]) == ("train", "done", 2, True)
    (rows,) = client.get("/api/runs/new/curves").json()
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"train_loss", "loss", "f1"} <= set(rows[0])
    assert "Trained in the app" in client.get("/api/runs/new/report.html").text
    offered = {model["name"]: model["source"] for model in client.get("/api/models").json()}
    assert offered["new"] == "trained"
    assert offered["leg-bones"] == "installed"


def test_a_cross_validation_trains_every_fold(client: TestClient) -> None:
    job = begun(client, "crossval")
    assert job["state"] == "done", job["error"]
    run = the_run(client)
    assert (run["kind"], run["state"], run["epochs"], run["page"]) == ("crossval", "done", 6, True)
    folds = client.get("/api/runs/new/curves").json()
    assert [[row["epoch"] for row in rows] for rows in folds] == [[1, 2]] * 3
    assert "6 of 6 subjects tested" in client.get("/api/runs/new/report.html").text


def test_a_study_runs_its_arms_and_shows_its_page(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "in_own_process", lambda work, *arguments, said: work(*arguments, said))
    client.post(f"/api/cohorts/{FOLDER}/split", json={"folds": 2, "validation": 1})
    job = begun(client, "study", study="losses", settings=SHORT | {"epochs": 1})
    assert job["state"] == "done", job["error"]
    run = the_run(client)
    assert (run["kind"], run["state"], run["page"], run["model"]) == ("study", "done", True, False)
    page = client.get("/api/runs/new/report.html")
    assert "Dice + focal" in page.text
    assert page.headers["content-security-policy"].startswith("sandbox")


def test_a_stopped_training_goes_on_after_its_last_epoch(client: TestClient, workers: HereToo) -> None:
    workers.last_words = "epoch 1:"
    assert begun(client, "train")["error"] == "It was stopped."
    run = the_run(client)
    assert (run["state"], run["epochs"], run["can_go_on"]) == ("stopped", 1, True)
    workers.last_words = ""
    job = until_over(client, client.post("/api/runs/new/go-on").json()["id"])
    assert job["state"] == "done", job["error"]
    (rows,) = client.get("/api/runs/new/curves").json()
    assert [row["epoch"] for row in rows] == [1, 2]


@pytest.mark.parametrize(("kind", "model"), [("train", ""), ("train", "leg-bones"), ("finetune", "leg-bones")])
def test_trainings_on_legs_begin_with_slices_that_show_both_legs(
    client: TestClient, tmp_path: Path, kind: str, model: str
) -> None:
    import_spider(write_spider(tmp_path / "spider", 2), tmp_path / "study" / "cohorts" / "people", task=LEGS)
    values = client.get("/api/training/form", params={"kind": kind, "cohort": "people", "model": model}).json()[
        "values"
    ]
    assert values["preprocessing"]["plane"] == "axial"
    assert (values["sampling"]["rows"], values["sampling"]["columns"]) == (192, 288)


@pytest.mark.parametrize("pixels", [512, 256])
def test_an_image_size_becomes_a_spacing_of_the_cohorts_field_of_view(client: TestClient, pixels: int) -> None:
    query = {"kind": "train", "cohort": FOLDER, "pixels": pixels}
    tables = client.get("/api/training/image-size", params=query).json()
    assert tables["preprocessing"]["spacing_mm"] == pytest.approx([40 / pixels] * 2)  # slices are 34 by 40 mm
    assert tables["sampling"]["rows"] >= pixels


def test_an_image_size_that_is_not_offered_is_refused(client: TestClient) -> None:
    answer = client.get("/api/training/image-size", params={"kind": "train", "cohort": FOLDER, "pixels": 300})
    assert answer.status_code == 422
    assert "spacing" in answer.json()["detail"]
