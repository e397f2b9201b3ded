"""A model, scans and a segmented case that no test changes."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from models import boxes, brightness_model
from osteon.io import write
from osteon.io.dicom import write_dicom_series
from osteon.networks.model import Model
from osteon.pipeline import SegmentedCase, segment


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return brightness_model(tmp_path_factory.mktemp("model") / "brightness")


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "boxes.nii.gz"
    write(boxes(orientation="PIR")[0], path)
    return path


@pytest.fixture(scope="session")
def jane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DICOM series that names its patient."""
    folder = tmp_path_factory.mktemp("jane") / "spine"
    write_dicom_series(boxes(orientation="LPS")[0], folder, description="Sagittal T2", seed=1)
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        image.PatientName, image.PatientID, image.PatientBirthDate = "Doe^Jane", "JD-4711", "20130807"
        image.save_as(path)
    return folder


@pytest.fixture(scope="session")
def done(jane: Path, model: Model, tmp_path_factory: pytest.TempPathFactory) -> SegmentedCase:
    (case,) = segment(jane, tmp_path_factory.mktemp("out"), model=model, engine="torch", device="cpu")
    assert case.error is None
    return case
