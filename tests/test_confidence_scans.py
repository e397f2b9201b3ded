"""Hard scans are what they say; a segmented case and the recipe tell what was judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
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
from recipe_modules import recipe_module


@pytest.fixture(scope="module")
def body() -> Body:
    return legs()


@pytest.fixture(scope="module")
def scans() -> ModuleType:
    return recipe_module("leg_confidence_scans")


@pytest.fixture(scope="module")
def recipe() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as paths:  # a recipe finds the others beside it
        paths.syspath_prepend(str(Path(__file__).parents[1] / "recipes"))
        yield recipe_module("leg_confidence")


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
    found = (evidence("femur-right", 0.0), evidence("femur-left", 0.6), evidence("fibula-left", 0.9))
    dice = {"femur-right": 0.95, "femur-left": 0.9, "fibula-left": 0.2}
    known = KnownScan("a", found, dice, {"fibula-right": 0.0, "tibia-left": 0.0}, frozenset({"tibia-left"}))
    test = recipe.SegmentedScan("poor", "t1-se", known, tuple(dice))
    by_the_others = recipe.measured(np.ones(2), np.ones(2), 0.8, 0.8)
    new = {"measured": by_the_others, "measured_cases": by_the_others, "look_at_case_below": 0.7}
    calibration = by_hand().model_copy(update=new)
    table = recipe.judged_table([test], calibration, legs().labels.task)
    assert set(table.loc[table["look"], "structure"]) == {"femur-left", "fibula-left", "fibula-right"}
    assert table["case_dice"].iloc[0] == pytest.approx((0.95 + 0.9 + 0.2) / 4)  # the left tibia was missed
    text = recipe.summary(table, calibration)
    assert "| test | 3 | 1 | 100.0 % (1 of 1) | 50.0 % (1 of 2) |" in text
    assert "| calibration, each body by the others | 2 | 0 | none | 0.0 % (0 of 2) |" in text
    assert "| test | 1 | 1 | 100.0 % (1 of 1) | none |" in text
    assert "Of 1 structures that the test scans hold and that were not found, 0 were to be looked for; 1 were" in text


def test_the_recipe_writes_calibration_and_summary(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calibrations import known_scans
    from test_recipe_legs import untrained_model

    model = untrained_model(tmp_path / "model")

    def made(sources: list[object], count: int, seed: int, **_: object) -> list[object]:
        return [recipe.SegmentedScan("clean", "t1-se", scan, tuple(scan.dice)) for scan in known_scans(count, seed)]

    monkeypatch.setattr(recipe, "segmented_scans", made)
    monkeypatch.setattr(recipe, "load_bodies", lambda folder: [])
    words = ["x", str(model.folder), "--bodies", "b", "--held-out", "h", "-o", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", words)
    recipe.main()
    assert (model.folder / "confidence.json").is_file()
    table = pd.read_csv(tmp_path / "out" / "structures.csv")
    assert len(table) == 40 * 4
    assert "| test | 160 |" in (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")


def test_one_scan_is_segmented_held_against_its_truth_and_kept(
    scans: ModuleType, tmp_path: Path, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon.inference import engine_for
    from test_recipe_legs import untrained_model

    model = untrained_model(tmp_path / "model")
    engine = engine_for(model, "torch", "cpu")
    sources = [scans.Source(body.name, lambda: body)]
    (made,) = scans.segmented_scans(sources, 1, 3, model, engine, tmp_path / "kept")
    known = made.known
    assert known.body == body.name
    assert set(known.dice) == set(made.found)
    assert set(known.hidden_cm3).isdisjoint(made.found)
    assert all(value < 0.5 for value in known.dice.values())  # nothing was learned
    held = {body.labels.task.by_value(v).name for v in body.labels.values()}
    assert known.missed <= held - set(made.found)
    monkeypatch.setattr(scans, "segmented", None)  # a second time nothing is made
    (again,) = scans.segmented_scans(sources, 1, 3, model, engine, tmp_path / "kept")
    assert again.known.missed == made.known.missed
    # the rest as text: NaN equals nothing, not even itself; a set's text has no order
    rest, rest_made = (repr(replace(scan, known=replace(scan.known, missed=frozenset()))) for scan in (again, made))
    assert rest == rest_made
    retrained = replace(model, spec=model.spec.model_copy(update={"weights_sha256": "b" * 64}))
    with pytest.raises(TypeError):  # other weights: made anew
        list(scans.segmented_scans(sources, 1, 3, retrained, engine, tmp_path / "kept"))
