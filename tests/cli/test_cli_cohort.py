"""osteon cohort import, check and export at the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cohorts import leg_case, write_spider
from osteon.io import write

Osteon = Callable[..., Any]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_spider(tmp_path / "source", 2)


def test_a_good_cohort_is_checked_with_exit_code_0_and_a_page(osteon: Osteon, source: Path, tmp_path: Path) -> None:
    assert osteon("cohort", "import", "spider", source, "-o", tmp_path / "c", "--task", "leg-bones").code == 0
    ended = osteon("cohort", "check", tmp_path / "c")
    assert ended.code == 0, ended.err
    assert "0 errors, 0 warnings, 0 notes" in ended.out
    assert (tmp_path / "c" / "check.html").read_text().startswith("<!DOCTYPE html>")


def test_the_exit_code_tells_of_errors_and_with_strict_of_warnings(
    osteon: Osteon, source: Path, tmp_path: Path
) -> None:
    (source / "participants.tsv").write_text("file\tsubject\tage\n1_t1.mha\t1\t30\n")
    osteon("cohort", "import", "spider", source, "-o", tmp_path / "c", "--task", "leg-bones")
    words = ("cohort", "check", tmp_path / "c", "-o", tmp_path / "page.html")
    # bones of 150 mm at 30 years are a warning
    assert osteon(*words).code == 0
    assert osteon(*words, "--strict").code == 1
    (tmp_path / "c" / "split.json").write_text("{}")
    document = osteon(*words, "--json")
    assert document.code == 1
    found = document.document()
    assert found["errors"] == 1
    assert {"severity", "kind", "place", "message", "remedy"} == set(found["findings"][0])


def test_pairs_are_shown_before_they_are_used(osteon: Osteon, tmp_path: Path) -> None:
    for number in (1, 2):
        scan, labels = leg_case(number)
        write(scan, tmp_path / "scans" / f"anna{number}.nii.gz")
        write(labels, tmp_path / "labels" / f"a{number}_done.nii.gz")
    words = ("cohort", "import", "pairs", tmp_path / "scans", tmp_path / "labels", "-o", tmp_path / "c")
    shown = osteon(*words, "--task", "leg-bones")
    assert shown.code == 2
    assert "anna1.nii.gz  a1_done.nii.gz" in shown.err
    assert "--yes" in shown.err
    assert not (tmp_path / "c").exists()
    taken = osteon(*words, "--task", "leg-bones", "--yes")
    assert taken.code == 0, taken.err
    assert "2 cases of 2 subjects" in taken.out


def test_values_are_mapped_as_told(osteon: Osteon, source: Path, tmp_path: Path) -> None:
    words = ("cohort", "import", "spider", source, "-o", tmp_path / "c", "--task", "leg-bones")
    others = [f"{value}=background" for value in (3, 4, 11, 12, 13, 14)]
    maps = [word for text in ("1=femur-left", "2=tibia-left", *others) for word in ("--map", text)]
    ended = osteon(*words, *maps)
    assert ended.code == 0, ended.err
    assert "annotated: femur-left, tibia-left" in ended.out
    assert osteon(*words, "--map", "one").code == 2
    wrong = osteon(*words, "--map", "1=wing")
    assert wrong.code == 2
    assert "no structure named wing. It knows: tibia-right" in wrong.err


def test_a_cohort_is_exported_for_nnunet(osteon: Osteon, source: Path, tmp_path: Path) -> None:
    osteon("cohort", "import", "spider", source, "-o", tmp_path / "c", "--task", "leg-bones")
    ended = osteon("cohort", "export", "nnunet", tmp_path / "c", "-o", tmp_path / "Dataset001_Legs")
    assert ended.code == 0, ended.err
    assert len(json.loads((tmp_path / "Dataset001_Legs" / "splits_final.json").read_text())) == 2
    assert osteon("cohort", "export", "zip", tmp_path / "c", "-o", tmp_path / "x").code == 2
