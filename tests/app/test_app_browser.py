"""The whole story in a real browser: pixels of the picture, not only elements of the page.

``OSTEON_SCREENSHOTS=docs/images`` keeps the pictures for the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import NEEDED, Server, coloured, kept, opened, pixels

from models import boxes, brightness_model
from osteon.anatomy import Task
from osteon.io import read_labels
from osteon.io.dicom import write_dicom_series

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Page

PORT = 8791
OWN = f"http://127.0.0.1:{PORT}/"
pytestmark = NEEDED


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    brightness_model(folder / "study" / "models" / "brightness")
    write_dicom_series(boxes()[0], folder / "dicom", description="boxes", seed=1)
    return folder


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[list[Server]]:
    """The running server, in a list, so that a test can restart it."""
    running = [Server(place / "study", place, PORT)]
    yield running
    running[0].stop()


@pytest.fixture(scope="module")
def page(server: list[Server]) -> Iterator[Page]:
    with opened(server[0]) as shown:
        yield shown


def test_a_dropped_dicom_folder_becomes_a_case(page: Page, place: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(place / "dicom")
    page.wait_for_selector(".one .picture img")
    page.locator(".one input.name").fill("boxes")
    add = page.get_by_role("button", name="Add to the workspace")
    add.wait_for()
    kept(page, "add")
    add.click()
    page.wait_for_selector("[data-case=boxes]")
    assert (place / "study" / "scans" / "boxes.nii.gz").is_file()


def test_the_queue_survives_a_reload_and_a_job_can_be_cancelled(page: Page) -> None:
    page.locator("[data-case=boxes] input").check()
    page.locator("#model").select_option("brightness")
    kept(page, "choose")
    page.get_by_role("button", name="Segment", exact=True).click()
    page.wait_for_selector(".job.running, .job.done")
    page.reload()
    page.wait_for_selector(".job.running, .job.done")
    if page.locator(".job.running").count():
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_selector(".job.cancelled, .job.done")


def test_work_goes_on_after_a_restart_of_the_app(page: Page, server: list[Server], place: Path) -> None:
    page.get_by_role("button", name="Tidy up").click()
    page.wait_for_selector("[data-case=boxes]")
    result = place / "study" / "results" / "brightness" / "boxes" / "report.html"
    if not result.is_file():
        page.locator("[data-case=boxes] input").check()
        page.locator("#model").select_option("brightness")
        page.get_by_role("button", name="Segment", exact=True).click()
        page.wait_for_selector(".job.running")
        server[0].stop()
        server[0] = Server(place / "study", place, PORT)
        page.reload()  # the cookie of before the restart still opens the door
        page.wait_for_selector(".job.done a")
    assert result.is_file()


def test_labels_and_surfaces_are_seen(page: Page) -> None:
    page.goto(f"{OWN}#/case/boxes/brightness")
    page.wait_for_selector(".structure")
    shown = pixels(page)
    assert shown.max() > 80
    height, width = shown.shape[:2]
    quarters = [shown[r : r + height // 2, c : c + width // 2] for r in (0, height // 2) for c in (0, width // 2)]
    seen = [coloured(quarter) > 50 for quarter in quarters]
    assert seen[:2] == [True, True], "labels on the coronal and the sagittal slice"
    assert seen[3], "surfaces"
    kept(page, "look")
    page.keyboard.press("l")
    hidden = pixels(page)
    page.keyboard.press("l")
    upper = slice(0, height // 2)  # surfaces below stay
    assert coloured(hidden[upper]) < coloured(shown[upper]) / 4


def test_the_slice_field_moves_the_picture(page: Page) -> None:
    page.keyboard.press("2")
    before = pixels(page)
    page.get_by_label("Axial slice").fill("41")  # it was opened at its first structure, near the upper end
    page.keyboard.press("Enter")
    changes = (np.abs(pixels(page) - before).sum() > 0 for _ in range(20))  # a busy machine draws late
    assert any(changes)
    assert "of 80" in page.locator(".status").inner_text()


def test_what_is_painted_is_saved_where_it_was_painted(page: Page, place: Path) -> None:
    page.get_by_role("tab", name="Correct").click()
    page.locator("#brush").fill("1")
    page.get_by_label("Paint over other structures").check()  # the middle of the slice is one
    box = page.locator("#stage").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(1000)
    place_shown = page.locator(".where").inner_text()
    kept(page, "correct")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Redo").click()
    page.get_by_role("button", name="Save as a new version").click()
    page.wait_for_url("**corrected-1")
    at = [float(v) for v in re.findall(r"[RAS] (-?[\d.]+)", place_shown)]
    labels = [
        read_labels(place / "study/results" / name / "boxes/segmentation.nii.gz", Task.load("lumbar-spine"))
        for name in ("brightness", "brightness-corrected-1")
    ]
    changed = np.argwhere(labels[0].array != labels[1].array)
    assert len(changed) >= 1
    distance = np.abs(labels[0].world_mm(changed) - at).max(axis=1).min()
    assert distance <= max(labels[0].spacing_mm)


def test_numbers_report_and_files_are_there(page: Page) -> None:
    page.goto(f"{OWN}#/case/boxes/brightness")
    page.wait_for_selector(".structure")
    page.get_by_role("tab", name="Measure").click()
    page.wait_for_selector(".wide table")
    assert "vertebra-L5" in page.locator(".wide").inner_text()
    kept(page, "measure")
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Go to the largest difference").click()
    kept(page, "compare")
    page.get_by_role("tab", name="Save").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything as one zip").click()
    assert download.value.suggested_filename == "boxes-brightness.zip"


def test_no_request_left_the_machine_and_no_script_failed(page: Page) -> None:
    assert page.foreign == []
