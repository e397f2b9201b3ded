"""From corrected scans to a better model: cohorts, their check and split, trainings, and where the legs begin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_places import until_over
from fastapi.testclient import TestClient

from cohorts import leg_case
from models import boxes
from osteon.app.workspace import Origin
from osteon.case_folder import CasePaths
from osteon.cohort import Cohort, Split
from osteon.io import write
from osteon.preprocessing import find_lower_body

SHORT = {
    "epochs": 1,
    "steps": 1,
    "batch": 2,
    "sampling": {"rows": 32, "columns": 32},
    "optimiser": {"warmup_epochs": 0},
}


@pytest.fixture
def three(workspace: Path) -> Path:
    """Two more scans of boxes, darker, with their labels."""
    scan, truth = boxes()
    for number in (2, 3):
        write(replace(scan, array=scan.array // number), workspace / "scans" / f"boxes{number}.nii.gz")
        result = CasePaths(workspace / "results" / "by-hand" / f"boxes{number}")
        write(truth, result.segmentation)
        Origin("lumbar-spine", "file", "by-hand").write(result.folder, truth.task)
    return workspace


def cohort_made(client: TestClient, **changed: Any) -> dict[str, Any]:
    cases = [{"case": name, "result": "by-hand"} for name in ("boxes", "boxes2", "boxes3")]
    answer = client.post("/api/jobs/cohort", json={"name": "corrected", "cases": cases} | changed)
    assert answer.status_code == 202, answer.text
    return until_over(client, answer.json()["id"])


def test_corrected_scans_become_a_cohort_that_is_divided_checked_and_trained_on(
    client: TestClient, three: Path
) -> None:
    job = cohort_made(client)
    assert job["state"] == "done", job["error"]
    cohort = Cohort.load(three / "cohorts" / "corrected")
    assert cohort.subjects == ["boxes", "boxes2", "boxes3"]
    np.testing.assert_array_equal(cohort.labels(cohort.cases[0]).array, boxes()[1].array)
    assert len(Split.load(cohort.folder / "split.json", cohort).folds[0].validation) == 1
    (facts,) = client.get("/api/cohorts").json()
    assert (facts["subjects"], facts["training"], facts["validation"]) == (3, 2, 1)
    page = client.get("/api/cohorts/corrected/check.html")
    assert "cohort check" in page.text
    assert page.headers["content-security-policy"].startswith("sandbox")

    wanted = {"kind": "finetune", "name": "better", "cohort": "corrected", "model": "brightness", "settings": SHORT}
    answer = client.post("/api/jobs/train", json=wanted)
    assert answer.status_code == 202, answer.text
    done = until_over(client, answer.json()["id"])
    assert done["state"] == "done", done["error"]
    (run,) = client.get("/api/runs").json()
    assert (run["name"], run["state"], run["epochs"], run["page"]) == ("better", "done", 1, True)
    ((row,),) = client.get("/api/runs/better/curves").json()
    assert row["epoch"] == 1
    assert client.get("/api/runs/better/report.html").headers["x-frame-options"] == "SAMEORIGIN"
    assert "better" in [model["name"] for model in client.get("/api/models").json()]


def test_scans_of_one_subject_stand_on_one_side(client: TestClient, three: Path) -> None:
    cases = [
        {"case": c, "result": "by-hand", "subject": "a" if c != "boxes3" else "b"}
        for c in ("boxes", "boxes2", "boxes3")
    ]
    assert cohort_made(client, cases=cases)["state"] == "done"
    (facts,) = client.get("/api/cohorts").json()
    assert (facts["subjects"], facts["training"], facts["validation"]) == (2, 1, 1)
    divided = client.post("/api/cohorts/corrected/split", json={"folds": 2, "validation": 0}).json()
    assert divided["folds"] == 2
    assert client.post("/api/cohorts/corrected/split", json={"folds": 9, "validation": 1}).status_code == 422


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"cohort": "none"}, "cohort"),
        ({"settings": {"start": "/etc/passwd"}}, "command line"),
        ({"settings": {"encoder": {"weights": "download"}}}, "command line"),
        ({"settings": {"epochs": 0}}, "epochs"),
        ({"settings": {"nonsense": 1}}, "nonsense"),
        ({"kind": "crossval"}, "fold"),
        ({"kind": "study", "study": "none"}, "study"),
        ({"kind": "study", "study": "architectures"}, "test subjects"),
        ({"model": "none"}, "model"),
        ({"kind": "finetune", "model": ""}, "model"),
        ({"name": "../x"}, "name"),
        ({"name": "brightness"}, "already"),
    ],
)
def test_a_training_that_cannot_be_is_refused_before_it_waits(
    client: TestClient, three: Path, changed: dict[str, Any], word: str
) -> None:
    from osteon.app.cohorts import Chosen, Sides, divide, from_cases
    from osteon.app.workspace import Workspace

    chosen = [Chosen(case, "by-hand", "") for case in ("boxes", "boxes2")]
    divide(from_cases(Workspace(three), "small", chosen, lambda share, what: None), Sides())
    wanted = {"kind": "train", "name": "new", "cohort": "small", "settings": {}} | changed
    answer = client.post("/api/jobs/train", json=wanted)
    assert answer.status_code in (404, 422), answer.text
    assert word in answer.json()["detail"]
    assert not client.get("/api/jobs").json()


def test_a_form_knows_what_the_cohort_has_annotated(client: TestClient, three: Path) -> None:
    from osteon.app.cohorts import Chosen, from_cases
    from osteon.app.workspace import Workspace

    from_cases(Workspace(three), "small", [Chosen("boxes", "by-hand", "")], lambda share, what: None)
    form = client.get("/api/training/form", params={"kind": "train", "cohort": "small"}).json()
    assert form["values"]["classes"] == [f"vertebra-L{n}" for n in (5, 4, 3, 2)]
    assert "epochs" in form["description"]["properties"]
    of_model = client.get("/api/training/form", params={"kind": "train", "cohort": "small", "model": "brightness"})
    assert of_model.json()["values"]["preprocessing"]["normalisation"] == "min-max"
    assert of_model.json()["values"]["start"] is None


def test_the_studys_own_folders_open_as_cases_and_as_a_cohort(client: TestClient, workspace: Path) -> None:
    assert client.get("/api/study").json() is None
    for number in (1, 2):
        scan, labels = leg_case(number, "right")
        write(scan, workspace / "nnUNet Data" / "scans" / f"msk_00{number}.nii.gz")
        write(labels, workspace / "nnUNet Data" / "multiclass_masks" / f"msk_00{number}.nii.gz")
    assert client.get("/api/study").json()["cases"] == ["msk_001", "msk_002"]
    job = client.post("/api/jobs/study", json={"name": "study"}).json()
    done = until_over(client, job["id"])
    assert done["state"] == "done", done["error"]
    cases = {case["name"]: case for case in client.get("/api/cases").json()}
    assert [r["name"] for r in cases["msk_001"]["results"]] == ["reference"]
    assert cases["msk_001"]["results"][0]["complete"]
    assert client.get("/api/cohorts").json()[0]["subjects"] == 2


def test_the_line_where_the_legs_begin_is_the_commands(client: TestClient, workspace: Path) -> None:
    scan, _ = leg_case(1)
    write(scan, workspace / "scans" / "legs.nii.gz")
    legs = client.get("/api/cases/legs/legs").json()
    found = find_lower_body(scan)
    assert (legs["slice_number"], legs["count"], legs["upwards"]) == (found.slice_number, scan.shape[2], True)
    assert client.get("/api/cases/legs/coronal.png").content.startswith(b"\x89PNG")
    wanted = {"cases": ["legs"], "model": "leg-bones", "engine": "torch", "from_slice": {"legs": 10**6}}
    done = until_over(client, client.post("/api/jobs/segment", json=wanted).json()[0]["id"])
    assert "There is no slice 1000000" in done["error"]


def test_every_result_of_every_case_goes_into_one_zip(client: TestClient, three: Path) -> None:
    from io import BytesIO
    from zipfile import ZipFile

    names = ZipFile(BytesIO(client.get("/api/everything.zip").content)).namelist()
    assert {"by-hand/boxes/segmentation.nii.gz", "by-hand/boxes3/result.json"} <= set(names)
