"""Whatever is asked, within and beyond the OpenAPI description: no answer is a server error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from app_places import HOST, ORIGIN, SECRET
from hypothesis import HealthCheck, given, settings, strategies

from models import boxes
from osteon.app.access import Access
from osteon.app.desk import Desk
from osteon.app.server import bare_app
from osteon.app.workspace import Origin
from osteon.case_folder import CasePaths
from osteon.io import write

ACCESS = Access.create("127.0.0.1", 8770, secret=SECRET)
DESK = Desk(ACCESS)
SCHEMA = schemathesis.openapi.from_asgi("/api/openapi.json", bare_app(DESK))
ASKED = SCHEMA.exclude(path_regex="/api/jobs/segment|/look|/accept|/api/workspace")
# each under a name of its own: of tests of one name several processes run but one
OPERATIONS = {operation.label: operation for operation in (found.ok() for found in ASKED.get_all_operations())}


@pytest.fixture(scope="module", autouse=True)
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fuzz")
    scan, truth = boxes()
    write(scan, folder / "scans" / "a.nii.gz")
    result = CasePaths(folder / "results" / "b" / "a")
    write(truth, result.segmentation)
    Origin("lumbar-spine", "file", "b").write(result.folder, truth.task)
    DESK.open(folder)
    yield folder
    DESK.shut()


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=strategies.data())
def test_nothing_asked_is_a_server_error(operation: str, data: strategies.DataObject) -> None:
    case = data.draw(OPERATIONS[operation].as_strategy())
    answer = case.call(headers={"host": HOST, "origin": ORIGIN})
    assert answer.status_code < 500, answer.text
