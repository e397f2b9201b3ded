"""osteon inspect, convert, measure and evaluate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import LEVELS, boxes
from osteon.io import read, write

Osteon = Callable[..., Any]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def segmented(osteon: Osteon, room: Path, out: Path, *more: object) -> Any:
    return osteon("segment", "-o", out, "--model", room / "model", "--engine", "torch", "--device", "cpu", *more)


# osteon inspect, convert


def test_inspect_says_the_geometry(osteon: Osteon, room: Path) -> None:
    ended = osteon("inspect", room / "series")
    assert ended.code == 0
    assert "series: " in ended.out
    assert "(5.00, 2.00, 2.00) mm" in ended.out


def test_inspect_gives_1_and_the_problem_where_one_of_several_is_bad(osteon: Osteon, room: Path) -> None:
    ended = osteon("inspect", room, "--json")
    assert ended.code == 1
    rows = {row["case"]: row["problem"] for row in ended.document()}
    assert set(rows) == {"bad", "boxes", "labels", "series"}
    assert [case for case, problem in rows.items() if problem] == ["bad"]


def test_inspect_gives_3_for_a_single_bad_scan(osteon: Osteon, room: Path) -> None:
    ended = osteon("inspect", room / "bad.nii.gz")
    assert ended.code == 3
    assert "problem: " in ended.out
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mha", ".nrrd"])
def test_convert_keeps_voxels_and_place(osteon: Osteon, room: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"new{suffix}"
    assert osteon("convert", room / "series", "-o", path).code == 0
    found, expected = read(path).reoriented("RAS"), boxes()[0]
    np.testing.assert_array_equal(found.array, expected.array)
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-4)


def test_convert_replaces_only_when_told(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.nii"
    path.write_text("old")
    ended = osteon("convert", room / "series", "-o", path)
    assert (ended.code, path.read_text()) == (2, "old")
    assert ended.is_one_sentence
    assert osteon("convert", room / "series", "-o", path, "--overwrite").code == 0
    assert read(path).shape == (12, 40, 80)


def test_convert_of_a_bad_scan_gives_3_and_leaves_nothing(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = osteon("convert", room / "bad.nii.gz", "-o", tmp_path / "new.nii.gz")
    assert ended.code == 3
    assert ended.is_one_sentence
    assert names(tmp_path) == []


# osteon measure, evaluate


def test_measure_writes_the_table(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = osteon("measure", room / "labels.nii.gz", "-o", tmp_path / "m.csv")
    assert ended.code == 0
    assert "vertebra-L5" in ended.out
    assert "30.72" in ended.out, "40 x 32 x 24 mm"
    assert len((tmp_path / "m.csv").read_text().splitlines()) == 1 + len(LEVELS)
    rows = osteon("measure", room / "labels.nii.gz", "-o", tmp_path / "m.csv", "--json").document()
    assert [row["structure"] for row in rows] == list(LEVELS)
    assert rows[0]["volume_cm3"] == pytest.approx(30.72)


def test_measure_refuses_values_the_task_does_not_know(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    ended = osteon("measure", room / "boxes.nii.gz", "-o", tmp_path / "m.csv")
    assert ended.code == 3
    assert ended.is_one_sentence
    assert names(tmp_path) == []


def test_evaluate_of_a_label_map_with_itself_is_perfect(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    labels = room / "labels.nii.gz"
    ended = osteon("evaluate", labels, labels, "-o", tmp_path / "e.csv", "--structures", "vertebra-L*", "--json")
    assert ended.code == 0
    document = ended.document()
    dice = {row["structure"]: row["mean"] for row in document["summary"] if row["score"] == "dice"}
    assert dice["vertebra-L5"] == dice["all"] == 1
    assert isinstance(dice["all"], float)
    assert len((tmp_path / "e.csv").read_text().splitlines()) > len(LEVELS)


def test_evaluate_matches_segmented_cases_with_references(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    assert segmented(osteon, room, tmp_path / "out", room / "boxes.nii.gz").code == 0
    (tmp_path / "truth").mkdir()
    write(boxes()[1], tmp_path / "truth" / "boxes.nii.gz")
    ended = osteon("evaluate", tmp_path / "out", tmp_path / "truth", "-o", tmp_path / "e.csv", "--json")
    assert ended.code == 0
    found = {row["structure"]: row["share"] for row in ended.document()["detection"]}
    assert found["all"] == 1
    table = osteon("evaluate", tmp_path / "out", tmp_path / "truth", "-o", tmp_path / "e.csv")
    assert "1.000" in table.out
    assert str(tmp_path / "e.csv") in table.out
