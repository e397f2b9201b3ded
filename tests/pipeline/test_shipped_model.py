"""The shipped model on a phantom and on a patient, from file to case folder."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from models import CASE_FILES
from osteon.anatomy import Task
from osteon.inference import engine_for
from osteon.io import read, read_labels, write
from osteon.io.dicom import write_dicom_series
from osteon.metrics import agreement
from osteon.networks.model import Model
from osteon.pipeline import DEFAULT_MODEL, segment, segment_volume
from osteon.synthesis import make_leg_phantom, make_phantom
from osteon.synthesis.scanner import ScanGeometry


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


LEG_MODEL = "leg-bones"


@pytest.fixture(scope="module")
def leg_model() -> Model:
    if LEG_MODEL not in Model.available():
        pytest.skip(f"the model {LEG_MODEL} is not in this checkout")
    return Model.load(LEG_MODEL)


def test_a_childs_legs_are_segmented_on_their_own_sides(leg_model: Model, tmp_path: Path) -> None:
    geometry = ScanGeometry(spacing_mm=(2.0, 8.0))
    legs = make_leg_phantom(seed=4, protocol="dixon-water", age_years=9, geometry=geometry, spacing_mm=(2.0, 2.0, 4.0))
    found = segment_volume(legs.scan, leg_model, engine_for(leg_model, device="cpu"))
    table = agreement(found.labels, legs.labels, structures=[s.name for s in legs.labels.task.structures])
    dice = dict(zip(table["structure"], table["dice"], strict=True))
    assert min(dice[f"{bone}-{side}"] for bone in ("femur", "tibia") for side in ("right", "left")) >= 0.7, dice
    assert np.mean(list(dice.values())) >= 0.65, dice


@pytest.mark.realdata
@pytest.mark.parametrize(("stack", "bones"), [("thighs", {"femur"}), ("calves", {"tibia", "fibula"})])
def test_real_legs_show_their_bones_on_both_sides(leg_model: Model, data: Path, stack: str, bones: set[str]) -> None:
    scan = read(data / "leg-mri" / f"{stack}.nii.gz")
    found = segment_volume(scan, leg_model, engine_for(leg_model, device="cpu")).labels
    names = {found.task.by_value(value).name: value for value in found.values()}
    for bone in bones:
        right, left = (
            found.world_mm(np.argwhere(found.array == names[f"{bone}-{side}"])) for side in ("right", "left")
        )
        assert right[:, 0].mean() > left[:, 0].mean() + 80
