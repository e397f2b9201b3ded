"""The ablation trains every arm with the bodies and the synthesis that it names, and keeps what was finished."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from bodies import CLASSES, legs
from osteon.anatomy import Task
from osteon.cohort import import_spider, split
from osteon.io import write
from osteon.synthesis.scanner import ScanGeometry, scan_of
from osteon.synthesis.templates import write_body
from recipe_modules import recipe_module

THICK = ScanGeometry(spacing_mm=(6.0, 40.0))
CONFIG = f"""
name = "tiny"
title = "Tiny"
classes = {json.dumps(CLASSES)}
epochs = 1
steps = 1
batch = 2
[network]
width = 8
place = true
[preprocessing]
plane = "axial"
spacing_mm = [6.0, 6.0]
[sampling]
rows = 64
columns = 96
synthetic = 1.0
"""


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "recipes"))
    test_set = __import__("leg_test_set")
    monkeypatch.setattr(test_set, "GRIDS", {"axial": THICK, "coronal": THICK})
    module = recipe_module("leg_ablation")
    monkeypatch.setattr(module, "AGES_YEARS", ())
    monkeypatch.setattr(module, "CONTRASTS", ("t1-se", "", "t2-se"))
    monkeypatch.setattr(module, "ARMS", {name: module.ARMS[name] for name in ("one-protocol", "templates")})
    return module


def words(folder: Path) -> list[str]:
    """The command line, with a cohort of two subjects and a body of each kind."""
    for name in ("bodies", "templates", "held-out"):
        write_body(legs(), folder / name)
    for subject in (1, 2):
        scan, labels = scan_of(legs(), "t1-se", seed=subject, geometry=ScanGeometry(spacing_mm=(6.0, 14.0)))
        write(scan, folder / "source" / "images" / f"{subject}_t1.mha")
        write(labels, folder / "source" / "masks" / f"{subject}_t1.mha")
    cohort = import_spider(folder / "source", folder / "cohort", task=Task.load("leg-bones"))
    split(cohort, validation=1).write(folder / "cohort" / "split.json")
    (folder / "config.toml").write_text(CONFIG)
    sides = [word for name in ("bodies", "templates", "held-out") for word in (f"--{name}", str(folder / name))]
    return ["x", str(folder / "cohort"), *sides, "-o", str(folder / "out"), "--config", str(folder / "config.toml")]


def test_every_arm_is_trained_and_tested_once(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", words(tmp_path))
    recipe.main()
    table = pd.read_csv(tmp_path / "out" / "ablation.csv")
    assert table.groupby("arm").size().to_dict() == {arm.title: 2 * len(CLASSES) for arm in recipe.ARMS.values()}
    said = (tmp_path / "out" / "ablation.md").read_text()
    assert said.count("\n| ") == len(recipe.ARMS), "a row an arm below the head"
    assert said.endswith("\n2 scans each.\n")
    one, other = (json.loads((tmp_path / "out" / arm / "config.json").read_text()) for arm in recipe.ARMS)
    assert one["synthesis"]["protocols"] == ["t1-se"]
    assert len(other["synthesis"]["protocols"]) > 1
    learned = [
        json.loads((tmp_path / "out" / arm / "run.json").read_text())["arguments"]["also"] for arm in recipe.ARMS
    ]
    assert learned == [["bodies", "templates"], ["templates"]]
    monkeypatch.setattr(recipe, "train", lambda *_, **__: pytest.fail("a finished arm was trained again"))
    recipe.main()
