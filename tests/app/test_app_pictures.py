"""The pictures of the documentation: a child's legs, made from nothing, go the way that a user's first scan goes.

``OSTEON_SCREENSHOTS=docs/images pytest tests/app/test_app_pictures.py`` makes them anew, in some minutes; look at them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import NEEDED, Server, kept, opened, pixels, until_drawn

from osteon.io.dicom import write_dicom_series
from osteon.synthesis import make_leg_phantom
from osteon.volume import Volume

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Page

PORT = 8793
CASE = "child-01"
pytestmark = [*NEEDED, pytest.mark.skipif("OSTEON_SCREENSHOTS" not in os.environ, reason="no pictures are wanted")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    phantom = make_leg_phantom(seed=4, protocol="dixon-water", age_years=9.0)
    write_dicom_series(small(phantom.scan), folder / "dicom", description="legs, dixon water", seed=1)
    return folder


def small(scan: Volume) -> Volume:
    """Every other voxel in plane: the browser of the tests draws without a graphics card."""
    array = np.ascontiguousarray(scan.array[::2, ::2])
    return Volume(array, scan.affine @ np.diag([2.0, 2.0, 1.0, 1.0]))


@pytest.fixture(scope="module")
def page(place: Path) -> Iterator[Page]:
    server = Server(place / "study", place, PORT)
    with opened(server) as shown:
        yield shown
    server.stop()


def test_a_first_segmentation_in_pictures(page: Page, place: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(place / "dicom")
    page.wait_for_selector(".one .picture img")
    page.locator(".one input.name").fill(CASE)
    page.get_by_role("button", name="Add to the workspace").wait_for()
    kept(page, "first-add")
    page.get_by_role("button", name="Add to the workspace").click()
    page.locator(f"[data-case={CASE}] input").check()
    page.locator("#model").select_option("leg-bones")
    page.locator("#where").check()
    page.get_by_role("button", name="Segment", exact=True).click()
    until_drawn(page, ".coronal img")
    kept(page, "first-legs")
    page.get_by_role("button", name="Use this line").click()
    page.wait_for_selector(".job.running progress[value]")
    page.wait_for_selector(".job.running >> text=left", timeout=600_000)  # once it can tell how long it will take
    kept(page, "first-work")
    page.wait_for_selector(".job.done >> text=Look at it", timeout=1_500_000)

    page.goto(f"{server_of(page)}#/case/{CASE}")
    page.wait_for_selector(".structure", timeout=1_500_000)
    pixels(page)
    kept(page, "look")
    page.get_by_role("button", name="Dark").click()
    pixels(page)
    kept(page, "look-dark")
    page.get_by_role("button", name="Light").click()
    page.get_by_role("tab", name="Measure").click()
    page.wait_for_selector(".wide table")
    pixels(page)
    kept(page, "first-measure")
    page.get_by_role("tab", name="Correct").click()
    page.keyboard.press("2")
    box = page.locator("#stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.36 * box["width"], box["y"] + 0.55 * box["height"], steps=5)
    page.mouse.up()
    pixels(page)
    kept(page, "correct")
    page.get_by_role("button", name="Save as a new version").click()
    page.wait_for_url("**corrected-1")
    page.wait_for_selector(".structure")
    page.keyboard.press("2")
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Go to the largest difference").click()
    page.wait_for_selector(".wide table")
    pixels(page)
    kept(page, "first-compare")
    page.get_by_role("tab", name="Save").click()
    pixels(page)
    kept(page, "first-save")


def server_of(page: Page) -> str:
    """Where the app is, without its hash."""
    return page.url.split("#")[0]
