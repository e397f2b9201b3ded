"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the real development data; skips where it is absent."""
    folder = Path(os.environ.get("OSTEON_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the development data is not at {folder} (set OSTEON_DATA)")
    return folder
