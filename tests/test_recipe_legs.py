"""The recipe that tests the leg model scores every structure of every scan, and says on what."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from bodies import CLASSES, legs
from osteon.anatomy import Task
from osteon.networks.model import Model, ModelSpec, NetworkSpec, PostprocessingSpec, write_model
from osteon.preprocessing import Preprocessing
from osteon.synthesis.scanner import ScanGeometry
from osteon.synthesis.templates import write_body
from osteon.volume import LabelMap
from recipe_modules import recipe_module


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    return recipe_module("leg_test_set")


def untrained_model(folder: Path) -> Model:
    torch.manual_seed(0)
    spec = ModelSpec(
        name="untrained",
        title="Nothing learned",
        task="leg-bones",
        classes=CLASSES,
        network=NetworkSpec(width=8, place=True),
        preprocessing=Preprocessing(plane="axial", spacing_mm=(6.0, 6.0)),
        postprocessing=PostprocessingSpec(),
        licence="CC0-1.0",
        weights_sha256="",
    )
    return write_model(folder, spec, spec.network_module().state_dict(), "# Nothing\n", Task.load("leg-bones"))


def test_every_structure_of_every_scan_is_scored(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_body(legs(), tmp_path / "held-out")
    untrained_model(tmp_path / "model")
    thick = ScanGeometry(spacing_mm=(6.0, 40.0))
    monkeypatch.setattr(recipe, "GRIDS", {"axial": thick, "coronal": thick})
    monkeypatch.setattr(recipe, "AGES_YEARS", ())
    words = [
        "x",
        str(tmp_path / "model"),
        "-o",
        str(tmp_path / "out"),
        "--bodies",
        str(tmp_path / "held-out"),
        "--quick",
    ]
    monkeypatch.setattr(sys, "argv", words)
    recipe.main()
    table = pd.read_csv(tmp_path / "out" / "evaluation.csv")
    assert len(table) == 4 * len(CLASSES)
    assert set(table["structure"]) == set(CLASSES)
    assert set(table["contrast"]) == set(recipe.CONTRASTS[::2])
    assert set(table["grid"]) == {"axial", "coronal"}
    assert (table["dice"].dropna() < 0.5).all()  # nothing was learned
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert "of 32 structures were missed" in summary
    for line in ("| all | 4 |", "| contrast: t1-se | 1 |", "| source: made | 4 |", "| age: adult | 4 |"):
        assert line in summary


def test_a_bone_is_scored_in_its_shaft_and_at_its_ends(recipe: ModuleType) -> None:
    truth = legs().labels
    held = truth.array == truth.task.by_name("femur-left").value
    k = np.flatnonzero(held.any(axis=(0, 1)))
    quarter = len(k) // 4
    array = truth.array.copy()
    array[:, :, k[-quarter + 2] :][held[:, :, k[-quarter + 2] :]] = 0  # the upper end is missed
    found = LabelMap(array, truth.affine, task=truth.task)
    shaft, ends = recipe._shaft_and_ends(found, truth, "femur-left")
    assert shaft == 1.0
    assert 0.5 < ends < 0.8
    assert recipe._shaft_and_ends(truth, truth, "femur-left") == (1.0, 1.0)
    assert all(np.isnan(recipe._shaft_and_ends(truth, truth, "pelvis-left")))


def test_the_mean_of_a_bone_is_over_both_sides_and_its_band_by_age(recipe: ModuleType) -> None:
    rows = [("a", "femur", 0.9), ("a", "femur", 0.7), ("b", "tibia", 0.5)]
    table = pd.DataFrame(rows, columns=["case", "bone", "dice"]).assign(
        contrast="c", age="x", source="s", grid="g", invented=1, shaft=[0.95, 0.85, 0.7], ends=[0.8, float("nan"), 0.3]
    )
    said = recipe.summary(table)
    assert "| all | 2 | 0.800 ± 0.141 | 0.500 ± nan |" in said
    assert "| all | 2 | 0.900 ± 0.071 | 0.700 ± nan |  | 0.800 ± nan | 0.300 ± nan |  |" in said
    assert "0 of 3 structures were missed" in said
    assert "2 structures were found that the scan does not hold" in said
    body = legs()
    for age, band in ((None, "adult"), (40.0, "adult"), (17.0, "10 to 17 years"), (9.9, "4 to 9 years")):
        object.__setattr__(body, "age_years", age)
        assert recipe.age_band(body) == band
