"""osteon cohort, phantom, train and models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models import brightness_model
from osteon.io import read
from osteon.synthesis import write_phantom_cohort

Osteon = Callable[..., Any]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def spider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spider") / "layout"
    return write_phantom_cohort(
        folder, count=3, seed=0, contrasts=("t2",), shape=(96, 128, 8), spacing_mm=(2.5, 2.5, 8)
    )


CONFIG = """
name = "short"
title = "Hardly trained"
classes = ["vertebra-L5", "vertebra"]
epochs = 2
steps = 1
batch = 1
[network]
width = 8
[preprocessing]
spacing_mm = [5.0, 5.0]
[sampling]
rows = 64
columns = 64
"""


def test_import_split_and_train_make_a_model(osteon: Osteon, spider: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    imported = osteon("cohort", "import", "spider", spider, "-o", cohort)
    assert imported.code == 0
    assert "3 cases of 3 subjects" in imported.out
    split = osteon("cohort", "split", cohort, "--test", 1, "--validation", 1, "--seed", 4)
    assert split.code == 0
    assert "1 subjects to train, 1 to validate, 1 to test" in split.out
    again = osteon(
        "cohort", "split", cohort, "--test", 1, "--validation", 1, "--seed", 4, "-o", tmp_path / "again.json"
    )
    assert again.code == 0
    assert (tmp_path / "again.json").read_bytes() == (cohort / "split.json").read_bytes()
    (tmp_path / "short.toml").write_text(CONFIG)
    words = ("train", cohort, "--config", tmp_path / "short.toml", "-o", tmp_path / "run", "--device", "cpu")
    trained = osteon(*words, "--seed", 5)
    assert trained.code == 0, trained.err
    assert trained.out == f"{tmp_path / 'run' / 'model'}\n"
    assert [line.split(":")[0] for line in trained.err.splitlines() if line.startswith("epoch")] == [
        "epoch 1",
        "epoch 2",
    ]
    assert "\x1b" not in trained.err
    assert json.loads((tmp_path / "run" / "run.json").read_text())["seed"] == 5
    shown = osteon("models", "show", tmp_path / "run" / "model")
    assert shown.code == 0
    assert "# Hardly trained" in shown.out
    claimed = osteon(*words)
    assert claimed.code in (2, 3)
    assert claimed.is_one_sentence
    far = osteon(*words, "--fold", 7)
    assert far.code == 2
    assert "fold 7" in far.err


def test_mistakes_with_cohorts_are_one_sentence(osteon: Osteon, spider: Path, tmp_path: Path) -> None:
    for words, code, said in [
        (("cohort", "import", "dropbox", spider, "-o", tmp_path / "c"), 2, "dropbox"),
        (("cohort", "import", "spider", tmp_path / "nothing", "-o", tmp_path / "c"), 3, "nothing"),
        (("cohort", "split", tmp_path / "nothing"), 3, "nothing"),
        (("cohort", "split", tmp_path, "--kind", "random"), 2, "random"),
        (("train", tmp_path / "nothing", "-o", tmp_path / "r", "--config", "x.toml"), 3, "nothing"),
        (("models", "show", "nobody"), 3, "nobody"),
        (("phantom", "make", "-o", tmp_path / "p", "--contrast", "ct"), 2, "ct"),
        (("phantom", "make", "-o", tmp_path / "p", "--task", "wings"), 3, "wings"),
        (("phantom", "make", "-o", tmp_path / "p", "--age", 8, "--count", 2), 2, "--age"),
        (("phantom", "make", "-o", tmp_path / "p", "--contrast", "t1", "--count", 2), 2, "--contrast"),
        (("phantom", "make", "-o", tmp_path / "p", "--task", "leg-bones", "--age", 2), 2, "not of 2 years"),
    ]:
        ended = osteon(*words)
        assert ended.code == code, (words, ended.err)
        assert ended.is_one_sentence, ended.err
        assert said in ended.err
    assert names(tmp_path) == []


def test_phantom_make_writes_a_series_a_scan_and_labels(
    osteon: Osteon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon import synthesis

    whole = synthesis.make_phantom
    monkeypatch.setattr(
        synthesis,
        "make_phantom",
        lambda task, **how: whole(task, **how, shape=(96, 128, 8), spacing_mm=(2.5, 2.5, 8)),
    )
    out = tmp_path / "p"
    ended = osteon("phantom", "make", "-o", out, "--seed", 3)
    assert ended.code == 0
    assert [Path(line).name for line in ended.out.splitlines()] == ["dicom", "scan.nii.gz", "labels.nii.gz"]
    assert read(out / "dicom").grid.matches(read(out / "labels.nii.gz").grid)
    assert osteon("phantom", "make", "-o", out).code == 2
    assert osteon("phantom", "make", "-o", out / "scan.nii.gz").code == 2
    osteon("phantom", "make", "-o", tmp_path / "again", "--seed", 3)
    osteon("phantom", "make", "-o", tmp_path / "other", "--seed", 4)
    scans = [(tmp_path / name / "scan.nii.gz").read_bytes() for name in ("p", "again", "other")]
    assert scans[0] == scans[1] != scans[2]


def test_a_cohort_of_any_contrast_has_one_scan_a_subject(
    osteon: Osteon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon.synthesis.spine import variety

    monkeypatch.setattr(variety, "draw_grid", lambda rng: ((70, 90, 5), (3.5, 3.5, 12.0)))
    ended = osteon("phantom", "make", "--contrast", "any", "--count", 2, "-o", tmp_path / "p")
    assert ended.code == 0
    assert "2 subjects, each in one contrast" in ended.out
    assert sorted(name.split("_")[0] for name in names(tmp_path / "p" / "images")) == ["1", "2"]
    refused = osteon("phantom", "make", "--contrast", "any", "-o", tmp_path / "q")
    assert (refused.code, refused.is_one_sentence) == (2, True)
    assert "no contrast named any" in refused.err


def test_legs_and_bodies_come_out_of_the_same_commands(
    osteon: Osteon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osteon import synthesis
    from osteon.synthesis.scanner import ScanGeometry
    from osteon.synthesis.templates import load_bodies

    whole, drawn = synthesis.make_leg_phantom, synthesis.draw_legs
    coarse = (8.0, 8.0, 8.0)
    thick = ScanGeometry(spacing_mm=(8.0, 14.0))
    monkeypatch.setattr(synthesis, "make_leg_phantom", lambda **how: whole(**how, geometry=thick, spacing_mm=coarse))
    monkeypatch.setattr(synthesis, "draw_legs", lambda seed, **how: drawn(seed, **(how | {"spacing_mm": coarse})))
    ended = osteon("phantom", "make", "--task", "leg-bones", "--age", 9, "--contrast", "stir", "-o", tmp_path / "p")
    assert ended.code == 0
    assert [Path(line).name for line in ended.out.splitlines()] == ["dicom", "scan.nii.gz", "labels.nii.gz"]
    assert osteon("phantom", "bodies", "--count", 2, "--seed", 5, "-o", tmp_path / "b").code == 0
    assert names(tmp_path / "b") == ["legs-10005000", "legs-10005001"]
    again = osteon("phantom", "bodies", "-o", tmp_path / "b")
    assert (again.code, again.is_one_sentence) == (2, True)
    assert osteon("phantom", "bodies", "--count", 2, "--ages", 5, 7, "-o", tmp_path / "young").code == 0
    ages = [body.age_years for body in load_bodies(tmp_path / "young")]
    assert all(5 <= age <= 7 for age in ages)
    assert len(set(ages)) == 2
    wrong = osteon("phantom", "bodies", "--ages", 7, 5, "-o", tmp_path / "none")
    assert (wrong.code, wrong.is_one_sentence) == (2, True)
    assert "from 4 to 100 years" in wrong.err
    assert not (tmp_path / "none").exists()


def test_models_list_names_each_shipped_model(
    osteon: Osteon, room: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from osteon.networks import model

    monkeypatch.setattr(model, "shipped_folder", lambda: tmp_path)
    none = osteon("models", "list")
    assert (none.code, none.out) == (0, "")
    assert "No model is shipped" in none.err
    brightness_model(tmp_path / "brightness")
    ended = osteon("models", "list")
    assert (ended.code, ended.out) == (0, "brightness: Bright boxes\n")


def test_version_is_the_packages(osteon: Osteon) -> None:
    import osteon as package

    assert osteon("--version").out == f"osteon {package.__version__}\n"
