"""In a real browser: surfaces over a scan, corrected scans made a cohort, a model trained on it, a line dragged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import NEEDED, Server, coloured, kept, opened, pixels, until_drawn

from cohorts import leg_case
from models import boxes, brightness_model
from osteon.anatomy import Task
from osteon.app.workspace import Origin
from osteon.case_folder import CasePaths
from osteon.io import read_labels, write, write_ply
from osteon.masks import surfaces_of

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Page

PORT = 8792
OWN = f"http://127.0.0.1:{PORT}/"
pytestmark = NEEDED


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    study = folder / "study"
    brightness_model(study / "models" / "brightness")
    scan, truth = boxes()
    for number in (1, 2):
        write(replace(scan, array=scan.array // number), study / "scans" / f"boxes{number}.nii.gz")
        result = CasePaths(study / "results" / "by-hand" / f"boxes{number}")
        write(truth, result.segmentation)
        Origin("lumbar-spine", "hand", "brightness").write(result.folder, truth.task)
    write(leg_case(1)[0], study / "scans" / "legs.nii.gz")
    for name in ("vertebra-L5", "vertebra-L4"):
        write_ply(surfaces_of(truth)[name], folder / f"{name}.ply")
        path = folder / f"{name}.ply"
        path.write_bytes(path.read_bytes().replace(b"SPACE=RAS", b"nothing.."))
    return folder


@pytest.fixture(scope="module")
def page(place: Path) -> Iterator[Page]:
    server = Server(place / "study", place, PORT)
    with opened(server) as shown:
        yield shown
    server.stop()


def test_surfaces_are_seen_as_ras_and_as_lps_before_one_is_taken(page: Page, place: Path) -> None:
    page.goto(f"{OWN}#/case/boxes1")
    page.wait_for_selector(".structure")
    page.locator("#masks").set_input_files([place / "vertebra-L5.ply", place / "vertebra-L4.ply"])
    page.wait_for_selector(".worlds figure")
    assert page.locator(".worlds figure").count() == 2
    until_drawn(page, ".worlds img")
    assert [s.input_value() for s in page.locator(".file select").all()] == ["vertebra-L4", "vertebra-L5"]
    page.locator("input[name=world][value=RAS]").check()
    kept(page, "surfaces")
    page.get_by_role("button", name="Add to the case").click()
    page.wait_for_url("**/reference")
    made = read_labels(place / "study/results/reference/boxes1/segmentation.nii.gz", Task.load("lumbar-spine"))
    truth = boxes()[1].array
    assert ((made.array > 0) & (truth > 0) & (truth < 3)).sum() > 0.9 * ((truth > 0) & (truth < 3)).sum()


def test_the_orientation_is_shown_with_its_letters(page: Page) -> None:
    page.wait_for_selector(".structure")
    page.get_by_role("button", name="Check orientation").click()
    until_drawn(page, "dialog img")
    kept(page, "orientation")
    assert "stored as RAS" in page.locator("dialog").inner_text()
    page.locator("dialog").get_by_role("button", name="Close").click()


def test_scan_and_labels_are_seen_apart_and_side_by_side(page: Page) -> None:
    page.keyboard.press("3")
    both = pixels(page)
    page.locator("input[name=seen][value=labels]").check()
    labels = pixels(page)
    assert coloured(labels) > 50
    grey = (np.ptp(both, axis=2) < 20) & (both.max(axis=2) > 15)
    assert labels[grey].mean() < both[grey].mean() / 2, "the scan is black"
    page.locator("input[name=seen][value=both]").check()
    page.get_by_role("button", name="Side by side").click()
    alone, beside = pixels(page, "#twin"), pixels(page)
    assert alone.max() > 60
    assert coloured(alone) < coloured(beside) / 4
    kept(page, "side-by-side")
    with page.expect_download() as download:
        page.get_by_role("tab", name="Save").click()
        page.get_by_role("button", name="Save the view as PNG").click()
    assert download.value.suggested_filename.endswith(".png")


def test_corrected_scans_become_a_cohort_with_a_check_page(page: Page, place: Path) -> None:
    page.goto(f"{OWN}#/data")
    page.wait_for_selector(".choosing")
    assert [tick.is_checked() for tick in page.locator(".choosing input[type=checkbox]").all()] == [True, True]
    page.get_by_role("button", name="Make the cohort").click()
    page.wait_for_selector("[data-cohort=corrected] >> text=Check page")
    kept(page, "data")
    assert (place / "study/cohorts/corrected/check.html").is_file()


def test_a_model_is_fine_tuned_and_watched(page: Page, place: Path) -> None:
    page.goto(f"{OWN}#/training/new/corrected")
    page.wait_for_selector("#setting-epochs")
    page.locator("#base").select_option("brightness")
    page.wait_for_selector("#setting-epochs")
    page.locator("#run-name").fill("better")
    page.locator("#setting-epochs").fill("2")
    page.locator("#setting-steps").fill("1")
    page.locator("#setting-batch").fill("2")
    kept(page, "train")
    page.get_by_role("button", name="Begin", exact=True).click()
    page.wait_for_selector(".chart polyline")
    page.wait_for_selector(".result iframe")
    inside = page.frame_locator(".result iframe").locator("h1")
    inside.wait_for()
    assert page.locator(".chart").count() == 2
    kept(page, "training")
    assert (place / "study/runs/better/model/model.toml").is_file()


def test_a_new_model_is_trained_with_its_curve_drawn_as_it_learns(page: Page, place: Path) -> None:
    page.goto(f"{OWN}#/training/new/corrected")
    page.get_by_label("Train a new model").check()
    page.wait_for_selector("#setting-network\\.name")
    page.locator("#run-name").fill("from-nothing")
    page.get_by_text("All settings").click()
    page.get_by_text("network", exact=True).click()
    page.get_by_text("sampling", exact=True).click()
    for key, value in {
        "epochs": "3",
        "steps": "1",
        "batch": "2",
        "network.width": "8",
        "sampling.rows": "32",
        "sampling.columns": "32",
    }.items():
        page.locator(f"[id='setting-{key}']").fill(value)
    page.get_by_role("button", name="Begin", exact=True).click()
    page.wait_for_selector(".chart polyline, .chart circle")
    assert "running" in page.locator("section > p.quiet").first.inner_text(), "it is drawn before the end"
    page.wait_for_selector(".result iframe")
    page.frame_locator(".result iframe").locator("h1").wait_for()
    assert "3 epochs done" in page.locator("section > p.quiet").first.inner_text()
    page.goto(f"{OWN}#/training")
    page.wait_for_selector("[data-run=from-nothing] >> text=training, done")
    kept(page, "trainings")


def test_an_image_size_fills_the_settings(page: Page) -> None:
    page.goto(f"{OWN}#/training/new/corrected")
    page.get_by_label("Cross-validate").check()
    page.wait_for_selector("#setting-network\\.name")
    page.locator("#image-size").select_option("256")
    page.get_by_text("All settings").click()
    page.get_by_text("sampling", exact=True).click()
    rows = page.locator("[id='setting-sampling.rows']")
    for _ in range(50):
        if rows.input_value() == "256":
            break
        page.wait_for_timeout(200)
    assert rows.input_value() == "256"


def test_the_line_where_the_legs_begin_can_be_moved(page: Page) -> None:
    page.goto(f"{OWN}#/")
    page.locator("[data-case=legs] input").check()
    page.locator("#model").select_option("leg-bones")
    page.locator("#where").check()
    page.get_by_role("button", name="Segment", exact=True).click()
    until_drawn(page, ".coronal img")
    box = page.locator(".coronal").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    count = int(page.locator(".coronal .line").get_attribute("aria-valuemax") or 0) + 1
    with page.expect_request("**/api/jobs/segment") as sent:
        page.get_by_role("button", name="Use this line").click()
    asked = sent.value.post_data_json["from_slice"]["legs"]
    assert abs(asked - 0.75 * count) < 0.03 * count
    page.locator(".job").get_by_role("button", name="Cancel").first.click()


def test_no_request_left_the_machine_and_no_script_failed(page: Page) -> None:
    assert page.foreign == []
