"""The whole story in a real browser: pixels of the picture, not only elements of the page.

A new workspace, a dropped DICOM folder, the shipped model, labels and surfaces, corrections, numbers, files; with a
reload, a cancelled job and a restart of the app in the middle. ``OSTEON_SCREENSHOTS=FOLDER`` keeps pictures of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import NEEDED, Server, coloured, dropped, kept, opened, pixels

from osteon.anatomy import Task
from osteon.io import read_labels
from osteon.io.dicom import write_dicom_series
from osteon.synthesis import make_phantom
from osteon.volume import LabelMap

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Page

PORT = 8791
OWN = f"http://127.0.0.1:{PORT}/"
MODEL = "lumbar-vertebrae"
SPINE = Task.load("lumbar-spine")
pytestmark = NEEDED


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    scan = make_phantom(SPINE, seed=7, shape=(128, 128, 12), spacing_mm=(2.0, 2.0, 4.0)).scan
    write_dicom_series(scan, folder / "Doe^Jane" / "t2", description="t2 sag", seed=1)
    return folder


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[list[Server]]:
    """The running server, in a list, so that a test can restart it."""
    running = [Server(None, place, PORT)]
    yield running
    running[0].stop()


@pytest.fixture(scope="module")
def page(server: list[Server]) -> Iterator[Page]:
    with opened(server[0]) as shown:
        yield shown


def labels_of(place: Path, result: str) -> LabelMap:
    return read_labels(place / "study" / "results" / result / "spine" / "segmentation.nii.gz", SPINE)


def begin(page: Page) -> None:
    page.locator("[data-case=spine] input").check()
    page.locator("#model").select_option(MODEL)
    page.get_by_role("button", name="Segment", exact=True).click()
    page.wait_for_selector(".job.running")


def test_a_new_workspace_is_made(page: Page, place: Path) -> None:
    page.locator("#folder").fill(str(place / "study"))
    page.get_by_role("button", name="Open or create").click()
    page.wait_for_selector(".drop")
    assert (place / "study" / "scans").is_dir()


def test_a_dropped_dicom_folder_becomes_a_case(page: Page, place: Path) -> None:
    dropped(page, ".drop", place / "Doe^Jane")
    page.wait_for_selector(".one .picture img")
    page.locator(".one input.name").fill("spine")
    add = page.get_by_role("button", name="Add to the workspace")
    add.wait_for()
    kept(page, "story-add")
    add.click()
    page.wait_for_selector("[data-case=spine]")
    assert (place / "study" / "scans" / "spine.nii.gz").is_file()
    assert "Doe" not in page.content()


def test_a_job_survives_a_reload_and_can_be_cancelled(page: Page, place: Path) -> None:
    begin(page)
    page.reload()
    page.wait_for_selector(".job.running")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_selector(".job.cancelled")
    assert not (place / "study" / "results" / MODEL / "spine").exists()


def test_work_goes_on_after_a_restart_of_the_app(page: Page, server: list[Server], place: Path) -> None:
    page.get_by_role("button", name="Tidy up").click()
    begin(page)
    server[0].stop()
    assert not (place / "study" / "results" / MODEL / "spine").exists(), "nothing half-written"
    server[0] = Server(place / "study", place, PORT)
    page.reload()  # the cookie of before the restart still opens the door
    page.wait_for_selector(".job.done >> text=Look at it")
    assert (place / "study" / "results" / MODEL / "spine" / "report.html").is_file()
    kept(page, "story-done")


def test_labels_and_surfaces_are_seen(page: Page) -> None:
    page.goto(f"{OWN}#/case/spine/{MODEL}")
    page.wait_for_selector(".structure")
    assert pixels(page).max() > 80
    kept(page, "story-look")
    for key, plane in (("2", "axial"), ("3", "coronal"), ("4", "sagittal"), ("5", "3-D")):
        page.keyboard.press(key)
        assert coloured(pixels(page)) > 200, plane
    page.keyboard.press("4")
    shown = coloured(pixels(page))
    page.keyboard.press("l")
    assert coloured(pixels(page)) < shown / 4
    page.keyboard.press("l")


def test_slices_are_moved_by_field_and_by_keys(page: Page) -> None:
    page.keyboard.press("2")
    before = pixels(page)
    field = page.get_by_label("Axial slice")
    field.fill("41")
    page.keyboard.press("Enter")
    changes = (np.abs(pixels(page) - before).sum() > 0 for _ in range(20))  # a busy machine draws late
    assert any(changes)
    assert "of 128" in page.locator(".status").inner_text()
    page.locator("h1").click()  # out of the field
    for key, slice_shown in (("ArrowUp", "42"), ("PageDown", "32"), ("ArrowDown", "31")):
        page.keyboard.press(key)
        assert field.input_value() == slice_shown


def shown_at(page: Page, x: float, y: float) -> list[float]:
    """Click on the picture, and read where that is (right, front, head, in mm)."""
    page.mouse.click(x, y)
    page.wait_for_timeout(400)
    return [float(v) for v in re.findall(r"[RAS] (-?[\d.]+)", page.locator(".where").inner_text())]


def pixel_of(page: Page, front_mm: float, head_mm: float) -> tuple[float, float]:
    """Where on the page a place of a sagittal slice is drawn."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    (_, front, head), (_, front_there, head_there) = shown_at(page, x, y), shown_at(page, x - 60, y - 60)
    return x - 60 * (front_mm - front) / (front_there - front), y - 60 * (head_mm - head) / (head_there - head)


def test_what_is_painted_is_saved_where_it_was_painted(page: Page, place: Path) -> None:
    page.keyboard.press("4")
    page.get_by_role("tab", name="Correct").click()
    page.locator("#brush").fill("1")
    page.get_by_label("Paint over other structures").check()  # the middle of the slice is one
    box = page.locator("#stage").bounding_box()
    assert box is not None
    at = shown_at(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    kept(page, "story-correct")
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_role("button", name="Save as a new version").is_disabled()
    page.get_by_role("button", name="Redo").click()
    page.get_by_role("button", name="Save as a new version").click()
    page.wait_for_url("**corrected-1")
    before, after = labels_of(place, MODEL), labels_of(place, f"{MODEL}-corrected-1")
    changed = np.argwhere(before.array != after.array)
    assert len(changed) >= 1
    distance = np.abs(before.world_mm(changed) - at).max(axis=1).min()
    assert distance <= max(before.spacing_mm)


def test_erasing_filling_and_going_between_slices_change_one_structure(page: Page, place: Path) -> None:
    before = labels_of(place, f"{MODEL}-corrected-1")
    middle = before.world_mm(np.argwhere(before.array == SPINE.by_name("vertebra-L3").value)).mean(axis=0)
    page.get_by_role("tab", name="Look", selected=True).wait_for()  # the new version is open
    page.keyboard.press("4")
    page.get_by_role("tab", name="Correct").click()
    page.get_by_role("button", name="Look", exact=True).click()
    x, y = pixel_of(page, middle[1], middle[2])

    page.get_by_label("vertebra-L3", exact=True).check()
    page.get_by_label("Sagittal slice").fill("6")
    page.keyboard.press("Enter")
    page.locator("h1").click()
    page.keyboard.press("e")
    page.mouse.click(x, y)

    page.get_by_label("disc-L3-L4", exact=True).check()
    page.get_by_label("Paint over other structures").check()
    page.get_by_role("button", name="Fill", exact=True).click()
    for slice_shown in ("8", "10"):
        page.get_by_label("Sagittal slice").fill(slice_shown)
        page.keyboard.press("Enter")
        page.mouse.move(x - 20, y - 20)
        page.mouse.down()
        for side_x, side_y in ((20, -20), (20, 20), (-20, 20), (-20, -20)):
            page.mouse.move(x + side_x, y + side_y, steps=4)
        page.mouse.up()
        page.wait_for_timeout(400)
    page.get_by_role("button", name="Fill between").click()
    page.get_by_role("button", name="Save as a new version").click()
    page.wait_for_url("**corrected-2")

    after = labels_of(place, f"{MODEL}-corrected-2").reoriented("RAS").array
    old = before.reoriented("RAS").array
    bone, disc = (SPINE.by_name(name).value for name in ("vertebra-L3", "disc-L3-L4"))
    assert ((old == bone) & (after == 0)).any(axis=(1, 2)).nonzero()[0].tolist() == [5], (
        "erased in the sixth slice only"
    )
    counts = (after == disc).sum(axis=(1, 2))
    assert counts.nonzero()[0].tolist() == [7, 8, 9], "filled in two slices, and between them"
    assert counts[7] > 16, "an outline is filled"
    untouched = ~np.isin(old, (bone, 0)) & (after != disc)
    np.testing.assert_array_equal(old[untouched], after[untouched])


def test_numbers_report_and_files_are_there(page: Page) -> None:
    page.goto(f"{OWN}#/case/spine/{MODEL}")
    page.wait_for_selector(".structure")
    page.get_by_role("tab", name="Measure").click()
    page.wait_for_selector(".wide table")
    assert "vertebra-L5" in page.locator(".wide").inner_text()
    assert "(cm³)" in page.locator(".wide thead").inner_text()
    kept(page, "story-measure")
    with page.expect_popup() as report:
        page.get_by_role("link", name="Open the report").click()
    report.value.wait_for_selector("h1")
    assert "spine" in report.value.locator("body").inner_text()
    report.value.close()
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Go to the largest difference").click()
    kept(page, "story-compare")
    page.get_by_role("tab", name="Save").click()
    for link, name in (
        ("Everything as one zip", f"spine-{MODEL}.zip"),
        ("3D Slicer", f"spine-{MODEL}.seg.nrrd"),
        ("Surfaces (STL)", f"spine-{MODEL}-stl.zip"),
    ):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        assert download.value.suggested_filename == name
        assert download.value.path().stat().st_size > 1000


def test_models_are_listed_with_their_cards(page: Page) -> None:
    page.goto(f"{OWN}#/models")
    entry = page.locator(f"[data-model={MODEL}]")
    entry.get_by_text("Card", exact=True).click()
    entry.locator(".model-card table").first.wait_for()
    assert "Research use only" in entry.inner_text()
    kept(page, "story-models")


def test_no_request_left_the_machine_and_no_script_failed(page: Page) -> None:
    assert page.foreign == []


def test_the_pages_ask_for_nothing_that_the_interface_does_not_describe(page: Page) -> None:
    described = page.request.get(f"{OWN}api/openapi.json").json()["paths"]
    patterns = [(re.sub(r"\{\w+\}", "[^/]+", path), set(ways)) for path, ways in described.items()]
    asked = {(method, path) for method, path in page.asked if path.startswith("/api/")}
    assert len(asked) > 20
    for method, path in asked:
        assert any(re.fullmatch(one, path) and method.lower() in ways for one, ways in patterns), f"{method} {path}"
