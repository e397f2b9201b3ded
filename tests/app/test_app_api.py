"""What the pages ask of the app: cases, jobs, results, corrections, comparisons."""

from __future__ import annotations

import json
import threading
import time
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import nibabel
import numpy as np
import pytest
from app_places import drop, until_over
from fastapi.testclient import TestClient

from dicom_folders import add_series, scan
from models import boxes
from osteon.anatomy import Task
from osteon.app.access import Access
from osteon.app.comparing import ONLY_FIRST, ONLY_SECOND, OTHER, difference
from osteon.app.corrections import Correction, next_version
from osteon.app.desk import Desk
from osteon.app.jobs import Job, Queue
from osteon.app.viewing import MOST_VOXELS, steps_for, thinned
from osteon.app.workers import Outcome, Worker, Workers
from osteon.errors import UsageError
from osteon.io import read, read_labels
from osteon.volume import LabelMap, Volume

BY_HAND = "/api/cases/boxes/results/by-hand"


def test_a_workspace_lists_its_cases_with_their_results(client: TestClient) -> None:
    (case,) = client.get("/api/cases").json()
    assert case["name"] == "boxes"
    assert case["shape"] == [12, 40, 80]
    assert [(r["name"], r["made_by"], r["task"]) for r in case["results"]] == [("by-hand", "file", "lumbar-spine")]


def test_models_of_the_workspace_stand_beside_the_shipped_ones(client: TestClient) -> None:
    names = [model["name"] for model in client.get("/api/models").json()]
    assert "brightness" in names
    assert "lumbar-vertebrae" in names


def test_the_viewer_gets_the_scan_voxel_for_voxel(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "got.nii").write_bytes(client.get("/api/cases/boxes/scan.nii").content)
    got, kept = read(tmp_path / "got.nii"), boxes()[0]
    np.testing.assert_array_equal(got.array, kept.array)
    assert got.grid.matches(kept.grid)


def test_a_large_scan_is_thinned_where_it_is_finest_and_stays_in_its_place() -> None:
    assert steps_for((500, 512, 512), (1.0, 0.5, 0.5)) == (2, 2, 2)
    assert steps_for((100, 800, 800), (4.0, 0.5, 0.5)) == (1, 2, 2)
    assert 100 * 400 * 400 <= MOST_VOXELS < 100 * 800 * 400
    assert steps_for((320, 320, 16), (1.0, 1.0, 4.0)) == (1, 1, 1)
    volume = Volume(np.arange(24).reshape(2, 3, 4), np.diag([1.0, 2, 3, 1]))
    thin = thinned(volume, (1, 2, 3))
    assert thin.array[1, 1, 1] == volume.array[1, 2, 3]
    np.testing.assert_allclose(thin.world_mm(np.array([[1, 1, 1]])), volume.world_mm(np.array([[1, 2, 3]])))


def test_a_dropped_dicom_folder_becomes_a_case_without_the_patient(
    client: TestClient, workspace: Path, tmp_path: Path
) -> None:
    volume = scan((16, 14, 6))
    folder = add_series(tmp_path / "Doe^Jane", volume, "t1 sag", PatientName="Doe^Jane", PatientID="4711")
    number = drop(client, {f"Doe^Jane/{p.name}": p.read_bytes() for p in sorted(folder.iterdir())})
    look = until_over(client, client.post(f"/api/uploads/{number}/look").json()["id"])
    assert look["state"] == "done", look["error"]
    (series,) = client.get(f"/api/uploads/{number}").json()["series"]
    assert series["usable"]
    assert series["name"] == ""  # nothing of the folder's name is proposed
    assert client.get(f"/api/uploads/{number}/pictures/0.png").content.startswith(b"\x89PNG")
    chosen = {"choices": [{"number": 0, "name": "scan-001"}]}
    added = until_over(client, client.post(f"/api/uploads/{number}/accept", json=chosen).json()["id"])
    assert added["state"] == "done", added["error"]
    got = read(workspace / "scans" / "scan-001.nii.gz").reoriented("RAS")
    np.testing.assert_array_equal(got.array, volume.reoriented("RAS").array)
    assert not list((workspace / ".osteon" / "uploads").iterdir())
    for path in (p for p in workspace.rglob("*") if p.is_file()):
        assert b"Doe" not in path.read_bytes(), path
        assert b"4711" not in path.read_bytes() or path.suffix in (".gz", ".safetensors", ".nii"), path


def test_a_name_that_is_taken_or_no_name_is_refused(client: TestClient, tmp_path: Path) -> None:
    folder = add_series(tmp_path / "series", scan((8, 8, 4)), "t1")
    number = drop(client, {p.name: p.read_bytes() for p in folder.iterdir()})
    until_over(client, client.post(f"/api/uploads/{number}/look").json()["id"])
    for name in ("boxes", "BOXES", "../x", "CON", ""):
        answer = client.post(f"/api/uploads/{number}/accept", json={"choices": [{"number": 0, "name": name}]})
        assert answer.status_code == 422, name


def test_segmenting_from_the_app_gives_what_the_command_gives(client: TestClient, workspace: Path) -> None:
    wanted = {"cases": ["boxes"], "model": "brightness", "engine": "torch"}
    (job,) = client.post("/api/jobs/segment", json=wanted).json()
    done = until_over(client, job["id"])
    assert done["state"] == "done", done["error"]
    made = read_labels(workspace / "results/brightness/boxes/segmentation.nii.gz", Task.load("lumbar-spine"))
    np.testing.assert_array_equal(made.array, boxes()[1].array)
    at = "/api/cases/boxes/results/brightness"
    assert client.get(f"{at}/meshes").json() == ["vertebra-L2", "vertebra-L3", "vertebra-L4", "vertebra-L5"]
    assert "Structure" in client.get(f"{at}/measurements").json()["columns"]
    with ZipFile(BytesIO(client.get(f"{at}/all.zip").content)) as archive:
        assert "boxes-brightness/report.html" in archive.namelist()
    again = until_over(client, client.post("/api/jobs/segment", json=wanted).json()[0]["id"])
    assert again["state"] == "failed"
    assert "already holds" in again["error"]


def test_a_chosen_speed_reaches_the_worker(client: TestClient, desk: Desk) -> None:
    wanted = {"cases": ["boxes"], "model": "brightness", "engine": "torch", "precision": "fp32", "looks": 5}
    (job,) = client.post("/api/jobs/segment", json=wanted).json()
    client.post(f"/api/jobs/{job['id']}/cancel")
    spec = desk.queue.get(job["id"]).spec
    assert {key: spec[key] for key in ("engine", "precision", "looks")} == {
        "engine": "torch",
        "precision": "fp32",
        "looks": 5,
    }
    assert client.post("/api/jobs/segment", json=wanted | {"looks": 6}).status_code == 422


def test_a_correction_is_a_new_version_and_the_old_one_stays(client: TestClient, workspace: Path) -> None:
    old = (workspace / "results/by-hand/boxes/segmentation.nii.gz").read_bytes()
    truth = boxes()[1]
    place = (5, 3, 70)
    voxel = int(np.ravel_multi_index(place, truth.shape, order="F"))
    answer = client.post(f"{BY_HAND}/corrections", json={"runs": [voxel, 2, 3]})
    assert answer.status_code == 201, answer.text
    name = answer.json()["result"]
    assert name == "by-hand-corrected-1"
    made = read_labels(workspace / "results" / name / "boxes" / "segmentation.nii.gz", truth.task)
    expected = truth.array.copy()
    expected[5:7, 3, 70] = 3
    np.testing.assert_array_equal(made.array, expected)
    assert (workspace / "results/by-hand/boxes/segmentation.nii.gz").read_bytes() == old
    (change,) = client.get("/api/cases/boxes").json()["results"][-1]["changes"]
    assert (change["structure"], change["added_voxels"], change["removed_voxels"]) == ("vertebra-L3", 2, 0)
    assert change["added_cm3"] == pytest.approx(2 * 20 / 1000)
    done = until_over(client, answer.json()["job"]["id"])
    assert done["state"] == "done", done["error"]
    assert client.get(f"/api/cases/boxes/results/{name}/report.html").status_code == 200


@pytest.mark.parametrize(
    "runs",
    [[0, 1], [0, 0, 1], [38400, 1, 1], [38399, 2, 1], [2**40, 1, 1], [0, 2**40, 1], [0, 1, 77], [0, 1, 0]],
    ids=["no triple", "none", "beyond", "over the end", "far", "many", "unknown label", "no change"],
)
def test_a_correction_that_does_not_fit_is_refused(client: TestClient, workspace: Path, runs: list[int]) -> None:
    assert client.post(f"{BY_HAND}/corrections", json={"runs": runs}).status_code == 422
    assert [p.name for p in (workspace / "results").iterdir()] == ["by-hand"]


def test_versions_are_counted_from_the_first_result() -> None:
    assert next_version("m", ["m"]) == "m-corrected-1"
    assert next_version("m-corrected-1", ["m", "m-corrected-1", "m-corrected-7"]) == "m-corrected-8"


def test_a_correction_keeps_label_values_above_255() -> None:
    task = Task.load("lumbar-spine")
    labels = LabelMap(np.zeros((2, 2, 2), np.uint8), np.eye(4), task=task)
    highest = max(s.value for s in task.structures)
    assert Correction.of([7, 1, highest]).applied(labels).array[1, 1, 1] == highest


def test_differences_say_who_labels_what_and_lead_to_the_thickest() -> None:
    task = Task.load("lumbar-spine")
    a, b = np.zeros((9, 9, 9), np.uint8), np.zeros((9, 9, 9), np.uint8)
    a[2:7, 2:7, 2:7] = 1  # a cube of five, thickest in its middle
    b[0, 0, 0] = 1
    a[8, 8, 8], b[8, 8, 8] = 1, 2
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    found = difference(LabelMap(a, affine, task=task), LabelMap(b, affine, task=task))
    assert found.map.array[4, 4, 4] == ONLY_FIRST
    assert found.map.array[0, 0, 0] == ONLY_SECOND
    assert found.map.array[8, 8, 8] == OTHER
    assert found.worst_mm == (8.0, 8.0, 8.0)
    assert found.depth_mm == pytest.approx(6.0)
    a[8, 8, 8] = 0
    cube = difference(LabelMap(a, affine, task=task), LabelMap(np.zeros_like(a), affine, task=task))
    assert (cube.worst_mm, cube.depth_mm) == ((8.0, 8.0, 8.0), pytest.approx(6.0))


def test_a_result_compared_with_itself_agrees(client: TestClient) -> None:
    query = {"first": "by-hand", "second": "by-hand"}
    answer = client.get("/api/cases/boxes/compare", params=query).json()
    assert answer["worst_mm"] is None
    image = nibabel.Nifti1Image.from_bytes(client.get("/api/cases/boxes/difference.nii", params=query).content)
    assert not np.asarray(image.dataobj).any()


def test_a_cancelled_job_leaves_nothing_half_written(client: TestClient, workspace: Path) -> None:
    wanted = {"cases": ["boxes"], "model": "brightness", "engine": "torch"}
    (job,) = client.post("/api/jobs/segment", json=wanted).json()
    assert client.post(f"/api/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    assert client.get(f"/api/jobs/{job['id']}").json()["state"] == "cancelled"
    assert not (workspace / "results/brightness/boxes").exists()
    assert not list(workspace.rglob(".part-*"))


class Idler:
    """A worker that does nothing until it is stopped."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def run(self, job: object, heard: object) -> Outcome:
        self.stopped.wait(10)
        return Outcome("It was stopped.")

    def stop(self) -> None:
        self.stopped.set()


class Idlers(Workers):
    def take(self) -> Worker:
        return Idler()  # type: ignore[return-value]


def test_work_that_a_restart_interrupted_is_begun_anew(tmp_path: Path) -> None:
    for state, kind in (("running", "segment"), ("waiting", "finish"), ("running", "add"), ("done", "segment")):
        job = Job(id=f"{state}-{kind}", kind=kind, title="t", spec={}, state=state, created=1.0)  # type: ignore[arg-type]
        (tmp_path / f"{job.id}.json").write_text(job.model_dump_json(), encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    queue = Queue(tmp_path, Idlers())
    states = {job.id: job.state for job in queue.all()}
    queue.close()
    assert states["running-add"] == "failed"  # its drop is gone
    assert states["done-segment"] == "done"
    assert states["waiting-finish"] in ("waiting", "running")
    assert json.loads((tmp_path / "running-segment.json").read_text())["state"] in ("waiting", "running")
    assert "broken" not in states


def test_a_training_holds_up_no_segmenting_and_a_drop_waits_for_neither(tmp_path: Path) -> None:
    queue = Queue(tmp_path, Idlers())
    for kind in ("train", "finetune", "segment", "inspect"):
        queue.add(kind, kind, {})  # type: ignore[arg-type]
    end = time.monotonic() + 5
    while sum(job.state == "running" for job in queue.all()) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    states = {job.kind: job.state for job in queue.all()}
    queue.close()
    assert states == {"train": "running", "segment": "running", "inspect": "running", "finetune": "waiting"}


def test_a_workspace_is_open_in_one_app_only(desk: Desk, workspace: Path) -> None:
    other = Desk(Access.create("127.0.0.1", 8771))
    with pytest.raises(UsageError, match="another app"):
        other.open(workspace)


def test_the_description_of_the_interface_names_every_route(client: TestClient) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    assert "/api/jobs/segment" in paths
    assert all(path.startswith("/api/") for path in paths)
