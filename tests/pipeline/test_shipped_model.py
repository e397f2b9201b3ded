"""The shipped model on a phantom and on a patient, from file to case folder."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from models import CASE_FILES
from osteon.anatomy import Task
from osteon.io import read, read_labels, write
from osteon.io.dicom import write_dicom_series
from osteon.metrics import agreement
from osteon.networks.model import Model
from osteon.pipeline import DEFAULT_MODEL, segment
from osteon.synthesis import make_phantom


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def shipped() -> Model:
    if DEFAULT_MODEL not in Model.available():
        pytest.skip(f"the model {DEFAULT_MODEL} is not in this checkout")
    return Model.load(DEFAULT_MODEL)


def test_a_phantom_series_is_segmented_by_the_shipped_model(shipped: Model, tmp_path: Path) -> None:
    phantom = make_phantom(Task.load("lumbar-spine"), seed=7)
    write_dicom_series(phantom.scan, tmp_path / "phantom", description="T2", seed=7)
    (case,) = segment(tmp_path / "phantom", tmp_path / "out", device="cpu")
    assert case.error is None
    assert names(case.paths.folder) == CASE_FILES
    bodies = [f"vertebra-L{n}" for n in (5, 4, 3, 2, 1)]
    task = Task.load("lumbar-spine")
    table = agreement(read_labels(case.paths.segmentation, task), phantom.labels, structures=bodies)
    dice = dict(zip(table["structure"], table["dice"], strict=True))
    assert min(dice.values()) >= 0.85, dice  # each under its own name
    assert np.mean(list(dice.values())) >= 0.92, dice


@pytest.mark.realdata
def test_the_label_map_of_a_patient_has_the_scans_geometry(shipped: Model, data: Path, tmp_path: Path) -> None:
    scan = data / "spine-mri" / "images" / "217_t2.mha"
    write(read(scan), tmp_path / "as.nii.gz")
    (case,) = segment(scan, tmp_path / "out", device="cpu")
    assert case.error is None
    found, expected = (nib.load(path).header for path in (case.paths.segmentation, tmp_path / "as.nii.gz"))
    fields = ("dim", "pixdim", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "xyzt_units")
    for field in (*fields, *(f"quatern_{axis}" for axis in "bcd"), *(f"qoffset_{axis}" for axis in "xyz")):
        np.testing.assert_array_equal(found[field], expected[field], err_msg=field)
