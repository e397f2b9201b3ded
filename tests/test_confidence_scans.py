"""Hard scans are what they say; a segmented case and the recipe tell what was judged."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from bodies import legs
from calibrations import by_hand, evidence
from models import boxes, brightness_model
from osteon.confidence.failures import FAULTS, KINDS, hard_scan
from osteon.confidence.fitting import KnownScan
from osteon.io import write
from osteon.pipeline import SegmentedCase, segment
from osteon.synthesis import Body
from osteon.volume import LabelMap, Volume
from recipe_modules import recipe_module


@pytest.fixture(scope="module")
def body() -> Body:
    return legs()


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    return recipe_module("leg_confidence")


def test_the_same_seed_makes_the_same_hard_scan_and_truth_lies_on_its_grid(body: Body) -> None:
    one, two = hard_scan(body, 5), hard_scan(body, 5)
    np.testing.assert_array_equal(one.scan.array, two.scan.array)
    np.testing.assert_array_equal(one.truth.array, two.truth.array)
    assert one.what == two.what
    assert one.scan.grid.matches(one.truth.grid)
    assert one.scan.array.dtype == np.uint16
    assert hard_scan(body, 6).what != one.what


def test_every_kind_of_scan_is_drawn(body: Body) -> None:
    made = [hard_scan(body, seed) for seed in (0, 1, 12)]
    assert {scan.kind for scan in made} == set(KINDS)
    for scan in made:
        assert any(fault in scan.what for fault in FAULTS) == (scan.kind == "broken")


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_fault_changes_a_scan_but_neither_its_size_nor_its_sign(name: str) -> None:
    x, y, _ = np.ogrid[:40, :30, :12]
    array = np.where((x - 20) ** 2 + (y - 15) ** 2 < 100, 500.0, 0.0).astype(np.float32) + np.zeros(12, np.float32)
    array[18:22, 12:18] = 900
    found = FAULTS[name](array.copy(), (2.0, 2.0, 6.0), np.random.default_rng(1))
    assert found.shape == array.shape
    assert found.min() >= 0
    assert np.isfinite(found).all()
    assert np.abs(found - array).max() > 100


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> SegmentedCase:
    """Boxes, segmented by a model that expects nothing good of vertebrae of which it is not wholly sure."""
    folder = tmp_path_factory.mktemp("judged")
    model = brightness_model(folder / "model")
    by_hand(model.spec.weights_sha256, groups=("vertebra",), look_below=1.0).write(model)
    write(boxes()[0], folder / "boxes.nii.gz")
    (case,) = segment(folder / "boxes.nii.gz", folder / "out", model=model, engine="torch", device="cpu")
    assert case.error is None
    return case


def test_expected_dice_is_in_the_measurements_the_record_the_report_and_the_result(judged: SegmentedCase) -> None:
    names = [j.structure for j in judged.judgements]
    assert len(names) == 4
    table = pd.read_csv(judged.paths.measurements)
    assert list(table["structure"]) == names
    assert list(table["expected_dice"]) == pytest.approx([j.expected_dice for j in judged.judgements], abs=0.005)
    record = json.loads(judged.paths.record.read_text(encoding="utf-8"))
    assert [row["structure"] for row in record["confidence"]] == names
    page = judged.paths.report.read_text(encoding="utf-8")
    assert "<h2>Confidence</h2>" in page
    assert "Expected Dice" in page
    assert any("may have a Dice below 0.8" in warning for warning in judged.warnings) == any(
        j.look for j in judged.judgements
    )


def test_a_model_without_calibration_says_nothing_of_dice(tmp_path: Path) -> None:
    write(boxes()[0], tmp_path / "boxes.nii.gz")
    model = brightness_model(tmp_path / "model")
    (case,) = segment(tmp_path / "boxes.nii.gz", tmp_path / "out", model=model, engine="torch", device="cpu")
    assert case.judgements == ()
    assert "expected_dice" not in pd.read_csv(case.paths.measurements).columns
    assert "<h2>Confidence</h2>" not in case.paths.report.read_text(encoding="utf-8")
    assert "confidence" not in json.loads(case.paths.record.read_text(encoding="utf-8"))


def test_the_summary_counts_what_was_found_and_what_was_a_false_alarm(recipe: ModuleType) -> None:
    truth = LabelMap(np.zeros((2, 2, 2), np.uint8), np.eye(4), task=legs().labels.task)
    hard = recipe.HardScan(Volume(np.zeros((2, 2, 2)), np.eye(4)), truth, "poor", "t1-se")
    found = (evidence("femur-right", 0.0), evidence("femur-left", 0.6), evidence("fibula-left", 0.9))
    dice = {"femur-right": 0.95, "femur-left": 0.9, "fibula-left": 0.2}
    known = KnownScan("a", found, dice, {"fibula-right": 0.0, "tibia-left": 0.0}, frozenset({"tibia-left"}))
    test = recipe.Test(hard, known, tuple(dice))
    calibration = by_hand().model_copy(update={"measured": recipe.measured(np.ones(2), np.ones(2), 0.8, 0.8)})
    table = recipe.judged_table([test], calibration)
    assert set(table.loc[table["look"], "structure"]) == {"femur-left", "fibula-left", "fibula-right"}
    text = recipe.summary(table, calibration, 9)
    assert "| test | 1 | 3 | 1 | 100.0 % (1 of 1) | 50.0 % (1 of 2) |" in text
    assert "| calibration, each body by the others | 9 | 2 | 0 | none | 0.0 % (0 of 2) |" in text
    assert "Of 1 structures that the test scans hold and that were not found, 0 were to be looked for; 1 were" in text


def test_the_recipe_writes_calibration_and_summary(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calibrations import known_scans
    from test_recipe_legs import untrained_model

    model = untrained_model(tmp_path / "model")
    truth = LabelMap(np.zeros((2, 2, 2), np.uint8), np.eye(4), task=legs().labels.task)
    hard = recipe.HardScan(Volume(np.zeros((2, 2, 2)), np.eye(4)), truth, "clean", "t1-se")

    def made(bodies: list[str], count: int, seed: int, *_: object) -> list[object]:
        return [recipe.Test(hard, scan, tuple(scan.dice)) for scan in known_scans(count, seed)]

    monkeypatch.setattr(recipe, "known_scans", made)
    monkeypatch.setattr(recipe, "load_bodies", lambda folder: [])
    monkeypatch.setattr(recipe, "AGES_YEARS", ())
    words = ["x", str(model.folder), "--bodies", "b", "--held-out", "h", "-o", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", words)
    recipe.main()
    assert (model.folder / "confidence.json").is_file()
    table = pd.read_csv(tmp_path / "out" / "structures.csv")
    assert len(table) == 40 * 4
    assert "| test | 40 | 160 |" in (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")


def test_one_scan_is_segmented_and_held_against_its_truth(recipe: ModuleType, tmp_path: Path, body: Body) -> None:
    from osteon.inference import engine_for
    from test_recipe_legs import untrained_model

    model = untrained_model(tmp_path / "model")
    (test,) = recipe.known_scans([body], 1, 3, model, engine_for(model, "torch", "cpu"))
    assert test.known.body == body.name
    assert set(test.known.dice) == set(test.found)
    assert set(test.known.hidden_cm3).isdisjoint(test.found)
    assert all(value < 0.5 for value in test.known.dice.values())  # nothing was learned
    held = {test.hard.truth.task.by_value(v).name for v in test.hard.truth.values()}
    assert test.known.missed <= held - set(test.found)
