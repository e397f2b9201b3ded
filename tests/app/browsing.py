"""What tests in a real browser share: the app in a process, Chromium with software GL, pixels, kept pictures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
STATIC = Path(__file__).parents[2] / "src" / "osteon" / "app" / "static" / "index.html"
PATIENCE_MS = 240_000
SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]

NEEDED = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the app's pages are not built (make pages)"),
]


class Server:
    """``osteon app`` in a process of its own, as a user starts it; without a workspace it is chosen in the browser."""

    def __init__(self, workspace: Path | None, home: Path, port: int) -> None:
        command = [sys.executable, "-m", "osteon", "app", "--port", str(port), "--no-browser"]
        command += [str(workspace)] if workspace else []
        environment = os.environ | {"HOME": str(home), "USERPROFILE": str(home)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found is not None
        self.address = found[0]
        self.own = f"http://127.0.0.1:{port}/"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_MS / 1000)


@contextmanager
def opened(server: Server, scheme: str = "light") -> Iterator[Any]:
    """A page of the app; requests that leave it and errors of its scripts are listed in ``page.foreign``,
    what it asks of the app in ``page.asked``."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GL)
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.foreign, page.asked = [], set()
        own = (server.own, "blob:", "data:")
        page.on("request", lambda r: page.foreign.append(r.url) if not r.url.startswith(own) else None)
        page.on(
            "request",
            lambda r: page.asked.add((r.method, r.url.removeprefix(server.own.rstrip("/")).partition("?")[0])),
        )
        page.on("pageerror", lambda error: page.foreign.append(str(error)))
        page.goto(server.address)
        yield page
        browser.close()


def dropped(page: Any, selector: str, *files: Path) -> None:
    """Drag files or folders from outside onto an element, as a hand does, and let go."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    hand = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        hand.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})


def kept(page: Any, name: str) -> None:
    """Keep a picture for the documentation, where ``OSTEON_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("OSTEON_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"app-{name}.png")


def pixels(page: Any, selector: str = "#stage") -> np.ndarray:
    """A canvas as the user sees it, (rows, columns, 3)."""
    page.wait_for_timeout(1500)
    return np.asarray(Image.open(BytesIO(page.locator(selector).screenshot())).convert("RGB")).astype(int)


def coloured(picture: np.ndarray) -> int:
    """Pixels that are neither grey nor the crosshair."""
    crosshair = np.abs(picture - (89, 217, 204)).max(axis=2) < 40
    return int(((np.ptp(picture, axis=2) > 60) & ~crosshair).sum())


def until_drawn(page: Any, selector: str) -> None:
    """Wait for pictures: the page's policy forbids Playwright's own way, which evaluates text."""
    page.wait_for_selector(selector, state="attached")
    for _ in range(PATIENCE_MS // 200):
        if page.locator(selector).evaluate_all("all => all.every((one) => one.naturalWidth > 100)"):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"no picture at {selector}")
