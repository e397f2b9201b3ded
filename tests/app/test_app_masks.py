"""Masks and surfaces dropped on a case: what they are, where they lie, and that they land where they belong."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_places import drop, until_over
from fastapi.testclient import TestClient
from PIL import Image

from models import boxes
from osteon.anatomy import Task
from osteon.io import read_labels, write
from osteon.io.surface import Surface, write_ply
from osteon.masks import surfaces_of
from osteon.volume import Volume

SPINE = Task.load("lumbar-spine")


def looked(client: TestClient, files: dict[str, bytes]) -> tuple[str, dict[str, Any]]:
    """The drop's id, and what was found in it."""
    number = drop(client, files)
    asked = client.post(f"/api/uploads/{number}/masks/look", json={"case": "boxes", "task": SPINE.name})
    job = until_over(client, asked.json()["id"])
    assert job["state"] == "done", job["error"]
    return number, client.get(f"/api/uploads/{number}/masks").json()


def taken(client: TestClient, number: str, structures: list[str], **choice: Any) -> dict[str, Any]:
    files = [{"number": n, "structure": name} for n, name in enumerate(structures)]
    wanted = {"case": "boxes", "name": "reference", "task": SPINE.name, "files": files} | choice
    answer = client.post(f"/api/uploads/{number}/masks", json=wanted)
    assert answer.status_code == 202, answer.text
    return until_over(client, answer.json()["id"])


def bytes_of(volume: Volume, folder: Path, name: str) -> bytes:
    write(volume, folder / name)
    return (folder / name).read_bytes()


def surface_bytes(folder: Path, world: str) -> bytes:
    """The lowest box as a surface without a word about its world."""
    surface = surfaces_of(boxes()[1])["vertebra-L5"]
    turned = surface.vertices * ((1, 1, 1) if world == "RAS" else (-1, -1, 1))
    write_ply(Surface(turned, surface.faces), folder / "box.ply")
    content = (folder / "box.ply").read_bytes()
    return content.replace(b"SPACE=RAS", b"nothing..")


def made(workspace: Path) -> np.ndarray:
    return read_labels(workspace / "results/reference/boxes/segmentation.nii.gz", SPINE).array


def test_binary_masks_become_one_label_map_on_the_scans_grid(
    client: TestClient, workspace: Path, tmp_path: Path
) -> None:
    truth = boxes()[1]
    files = {
        f"{name}.nii.gz": bytes_of(Volume(truth.mask(name).astype(np.uint8), truth.affine), tmp_path, f"{name}.nii.gz")
        for name in ("vertebra-L5", "vertebra-L4")
    }
    number, found = looked(client, files)
    assert {(f["kind"], f["structure"]) for f in found["files"]} == {("mask", "vertebra-L5"), ("mask", "vertebra-L4")}
    assert found["overlays"] == {"grid": ""}
    assert taken(client, number, [f["structure"] for f in found["files"]])["state"] == "done"
    np.testing.assert_array_equal(made(workspace), np.where(truth.array <= 2, truth.array, 0))
    assert client.get("/api/cases/boxes/results/reference/report.html").status_code == 200


@pytest.mark.parametrize("world", ["RAS", "LPS"])
def test_a_surface_that_names_no_world_is_shown_in_both_and_lands_in_the_chosen_one(
    client: TestClient, workspace: Path, tmp_path: Path, world: str
) -> None:
    number, found = looked(client, {"L5 vertebra.ply": surface_bytes(tmp_path, world)})
    assert set(found["overlays"]) == {"RAS", "LPS"}
    assert found["overlays"][world] == ""
    png = client.get(f"/api/uploads/{number}/overlays/{world}.png").content
    picture = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)
    assert (np.ptp(picture, axis=2) > 60).sum() > 100, "no outline on the overlay"
    assert taken(client, number, ["vertebra-L5"], space=world)["state"] == "done"
    truth = boxes()[1].array == 1
    assert (made(workspace).astype(bool) & truth).sum() > 0.9 * truth.sum()


def test_values_of_a_label_map_are_given_their_meaning(client: TestClient, workspace: Path, tmp_path: Path) -> None:
    truth = boxes()[1]
    other = np.where(truth.array == 1, 77, np.where(truth.array == 2, 5, 0)).astype(np.uint8)
    number, found = looked(client, {"labels.nii.gz": bytes_of(Volume(other, truth.affine), tmp_path, "labels.nii.gz")})
    assert found["files"][0]["values"] == [5, 77]
    values = {"77": "vertebra-L5", "5": ""}
    assert taken(client, number, [""], values=values)["state"] == "done"
    np.testing.assert_array_equal(made(workspace), (truth.array == 1).astype(np.uint8))


def test_a_scan_dropped_as_a_mask_is_named(client: TestClient, tmp_path: Path) -> None:
    scan = boxes()[0]
    grey = Volume(scan.array + np.arange(scan.array.size).reshape(scan.shape) % 400 * 0.5, scan.affine)
    _, found = looked(client, {"scan.nii.gz": bytes_of(grey, tmp_path, "scan.nii.gz")})
    assert "it is a scan" in found["files"][0]["problem"]


def test_a_mask_of_another_place_is_refused_with_the_distance(
    client: TestClient, workspace: Path, tmp_path: Path
) -> None:
    truth = boxes()[1]
    away = truth.affine.copy()
    away[0, 3] += 500
    mask = Volume((truth.array == 1).astype(np.uint8), away)
    number, found = looked(client, {"vertebra-L5.nii.gz": bytes_of(mask, tmp_path, "vertebra-L5.nii.gz")})
    assert "500.0 mm" in found["overlays"]["grid"]
    job = taken(client, number, ["vertebra-L5"])
    assert job["state"] == "failed"
    assert "500.0 mm" in job["error"]
    assert not (workspace / "results" / "reference").exists()


def test_a_surface_dropped_among_scans_is_told_where_it_belongs(client: TestClient, tmp_path: Path) -> None:
    number = drop(client, {"box.ply": surface_bytes(tmp_path, "RAS")})
    until_over(client, client.post(f"/api/uploads/{number}/look").json()["id"])
    (series,) = client.get(f"/api/uploads/{number}").json()["series"]
    assert "drop the surface there" in series["problem"]


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "taken": {"name": "by-hand"},
    "path": {"name": "../x"},
    "task": {"task": "none"},
    "file": {"files": [{"number": 9, "structure": ""}]},
    "structure": {"files": [{"number": 0, "structure": "nose"}]},
    "value": {"values": {"x": ""}},
    "case": {"case": "none"},
}


def test_a_choice_that_cannot_be_is_refused(client: TestClient, tmp_path: Path) -> None:
    truth = boxes()[1]
    mask = Volume((truth.array == 1).astype(np.uint8), truth.affine)
    number, _ = looked(client, {"vertebra-L5.nii.gz": bytes_of(mask, tmp_path, "vertebra-L5.nii.gz")})
    files = [{"number": 0, "structure": "vertebra-L5"}]
    for why, changed in IMPOSSIBLE.items():
        wanted = {"case": "boxes", "name": "reference", "task": SPINE.name, "files": files} | changed
        assert client.post(f"/api/uploads/{number}/masks", json=wanted).status_code in (404, 422), why


def test_three_planes_carry_the_letters_of_the_patients_sides(client: TestClient) -> None:
    for query in ({"result": "by-hand"}, {}):
        png = client.get("/api/cases/boxes/orientation.png", params=query).content
        picture = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)
        assert picture.shape[0] > 300
        assert (picture.min(axis=2) > 200).sum() > 100  # white letters
