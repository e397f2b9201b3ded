"""Files to take along: what other programs get is what the result holds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import nibabel
import numpy as np
import pydicom
import pytest
from fastapi.testclient import TestClient

from models import LEVELS, boxes
from osteon.app.completing import complete
from osteon.app.workspace import Workspace
from osteon.io.surface import read_ply
from osteon.io.surface_file import read_surface_file

AT = "/api/cases/boxes/results/by-hand"


@pytest.fixture
def finished(client: TestClient, workspace: Path) -> TestClient:
    """A client of an app whose result has its surfaces."""
    complete(Workspace(workspace), "boxes", "by-hand", lambda share, what: None)
    return client


def got(client: TestClient, program: str) -> tuple[str, bytes]:
    """Name and content of what is saved."""
    answer = client.get(f"{AT}/export/{program}")
    assert answer.status_code == 200, answer.text
    return answer.headers["content-disposition"].partition("filename=")[2].strip('"'), answer.content


def test_nifti_labels_are_the_results_own(client: TestClient, tmp_path: Path) -> None:
    name, content = got(client, "nifti")
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(np.asarray(nibabel.load(tmp_path / name).dataobj), boxes()[1].array)


def test_slicer_gets_names_and_colours(client: TestClient) -> None:
    name, content = got(client, "slicer")
    assert name.endswith(".seg.nrrd")
    header = content[:20000].decode("latin-1")
    assert all(f"_Name:={level}" in header for level in LEVELS)


def test_itk_snap_gets_a_list_of_labels(client: TestClient) -> None:
    name, content = got(client, "itk-snap")
    assert name.endswith(".txt")
    assert all(level in content.decode() for level in LEVELS)


def test_dicom_viewers_get_a_segmentation_of_nobody(client: TestClient) -> None:
    name, content = got(client, "dicom-seg")
    assert name.endswith(".dcm")
    dataset = pydicom.dcmread(BytesIO(content))
    assert dataset.Modality == "SEG"
    assert [segment.SegmentLabel for segment in dataset.SegmentSequence] == list(LEVELS)
    assert not str(dataset.get("PatientBirthDate", ""))


@pytest.mark.parametrize("program", ["ply", "stl"])
def test_surfaces_are_those_of_the_result(finished: TestClient, workspace: Path, tmp_path: Path, program: str) -> None:
    _, content = got(finished, program)
    with ZipFile(BytesIO(content)) as archive:
        assert sorted(Path(name).stem for name in archive.namelist()) == sorted(LEVELS)
        archive.extractall(tmp_path / "out")
    kept = read_ply(workspace / "results/by-hand/boxes/meshes/vertebra-L5.ply")
    (file,) = (tmp_path / "out").rglob(f"vertebra-L5.{program}")
    taken = read_surface_file(file)
    assert taken.space == "RAS"
    for found, expected in zip(
        (taken.vertices.min(axis=0), taken.vertices.max(axis=0)),
        (kept.vertices.min(axis=0), kept.vertices.max(axis=0)),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_before_its_surfaces_are_made_that_is_said(client: TestClient) -> None:
    answer = client.get(f"{AT}/export/ply")
    assert answer.status_code == 422
    assert "no such files yet" in answer.json()["detail"]
