"""The recipe that tests a model on held-out subjects scores those, and only what they are annotated with."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from models import LEVELS, boxes, brightness_model
from osteon.anatomy import Task
from osteon.cohort import Cohort, Split, import_spider, split
from osteon.io import write
from osteon.metrics.agreement import SCORES
from osteon.volume import LabelMap
from recipe_modules import recipe_module


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    return recipe_module("test_fold")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Four subjects of boxes that differ in one voxel; the disc below L5 is annotated too."""
    folder = tmp_path_factory.mktemp("cohort")
    for subject in range(1, 5):
        scan, labels = boxes()
        array, values = scan.array.copy(), labels.array.copy()
        array[0, 0, subject] = 10
        values[2:10, 10:26, 4:8] = 201
        write(scan.with_array(array), folder / "source" / "images" / f"{subject}_t2.mha")
        write(labels.with_array(values), folder / "source" / "masks" / f"{subject}_t2.mha")
    made = import_spider(folder / "source", folder / "cohort", task=Task.load("lumbar-spine"))
    split(made, test=2, validation=1, seed=0).write(made.folder / "split.json")
    return made


@pytest.fixture(scope="module")
def results(recipe: ModuleType, cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, model = tmp_path_factory.mktemp("results") / "test", tmp_path_factory.mktemp("model") / "brightness"
    brightness_model(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["test_fold.py", str(cohort.folder), str(model), "-o", str(out)])
        recipe.main()
    return out


def test_only_the_test_subjects_are_scored(results: Path, cohort: Cohort) -> None:
    fold = Split.load(cohort.folder / "split.json", cohort).folds[0]
    tested = {case.name for case in cohort.of_subjects(fold.test)}
    assert len(tested) == 2
    assert set(pd.read_csv(results / "evaluation.csv")["case"]) == tested
    assert {path.name for path in (results / "segmented").iterdir()} == tested


def test_only_what_the_model_segments_is_scored(results: Path, cohort: Cohort) -> None:
    assert all(any(name.startswith("disc") for name in case.annotated) for case in cohort.cases)
    table = pd.read_csv(results / "evaluation.csv")
    assert set(table["structure"]) == set(LEVELS)
    assert (table["dice"] == 1).all()


def test_the_summary_has_a_row_a_group_and_one_for_all(results: Path, cohort: Cohort) -> None:
    lines = (results / "summary.md").read_text(encoding="utf-8").splitlines()
    groups = {case.group for case in cohort.cases}
    assert [line.split("|")[1].strip() for line in lines[2:]] == [*sorted(groups), "all"]
    assert "| 2 | 8 | 100.0% | 1.000 ± 0.000 |" in lines[-1]


def test_vertebrae_discs_and_canal_have_tables_of_their_own(recipe: ModuleType) -> None:
    model = SimpleNamespace(task=Task.load("lumbar-spine"))
    scores = dict.fromkeys(recipe.SCORES, 0.9) | {"status": "defined", "case": "a", "group": "x"}
    filled = dict.fromkeys(SCORES, 0.9)
    rows = [filled | scores | {"structure": name} for name in ("vertebra-L5", "disc-L5-S1", "disc-L4-L5")]
    text = recipe.by_kind(pd.DataFrame(rows), model)
    assert [line for line in text.splitlines() if line.startswith("#")] == ["## vertebra", "## disc"]
    assert "| all | 1 | 1 |" in text.split("## disc")[0]
    assert "| all | 1 | 2 |" in text.split("## disc")[1]
    assert "#" not in recipe.by_kind(pd.DataFrame(rows[:1]), model)


def test_a_side_without_annotations_is_said(
    recipe: ModuleType, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(cohort.folder, tmp_path / "cohort")
    split(cohort, test=1, validation=0, seed=0).write(tmp_path / "cohort" / "split.json")
    words = [str(tmp_path / "cohort"), str(brightness_model(tmp_path / "m").folder), "-o", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["test_fold.py", *words, "--side", "validation"])
    with pytest.raises(SystemExit, match="No validation subject has annotations of what brightness segments"):
        recipe.main()


def test_the_error_is_taken_apart_by_slices() -> None:
    task = Task.load("lumbar-spine")
    truth, said = np.zeros((8, 20, 20), np.uint8), np.zeros((8, 20, 20), np.uint8)
    truth[1:5, 4:14, 4:14] = 2
    said[2:6, 4:14, 5:15] = 3  # another level, a slice and a pixel off
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    found = recipe_module("error_parts").parts(LabelMap(truth, affine, task=task), LabelMap(said, affine, task=task), 2)
    assert found["dice"] == pytest.approx(2 * 270 / 800)
    assert found["dice_of_common_slices"] == pytest.approx(0.9)
    assert found["dice_of_inner_slices"] == pytest.approx(2 * 180 / 400)
    assert found["volume_ratio"] == 1
    nothing = LabelMap(np.zeros_like(truth), affine, task=task)
    assert recipe_module("error_parts").parts(LabelMap(truth, affine, task=task), nothing, 2)["dice"] == 0
