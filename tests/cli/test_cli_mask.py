"""osteon mask surfaces, mask combine, mask region and export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import boxes
from osteon.anatomy import Task
from osteon.io import read, read_labels, write, write_ply
from osteon.masks import surfaces_of

Osteon = Callable[..., Any]
SPINE = Task.load("lumbar-spine")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The boxes' labels as surfaces and as binary masks."""
    folder = tmp_path_factory.mktemp("parts")
    _, labels = boxes()
    for name, surface in surfaces_of(labels).items():
        write_ply(surface, folder / f"{name}.ply")
        write(labels.with_array(labels.mask(name).astype(np.uint8) * 255), folder / f"{name}.nii.gz")
    return folder


def test_surfaces_become_the_label_map_that_they_came_from(
    osteon: Osteon, room: Path, parts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.nii.gz"
    words = [*sorted(parts.glob("*.ply")), "--like", room / "boxes.nii.gz", "--task", "lumbar-spine", "-o", out]
    ended = osteon("mask", "surfaces", *words)
    assert ended.code == 0, ended.err
    assert "RAS: the file says so" in ended.err
    found, expected = read_labels(out, SPINE), boxes()[1]
    assert found.grid.matches(expected.grid)
    assert (found.array != expected.array).mean() < 0.02
    document = osteon("mask", "surfaces", *words, "--overwrite", "--json").document()
    assert {row["structure"] for row in document["surfaces"]} == {path.stem for path in parts.glob("*.ply")}
    assert document["surfaces"][0]["placement"]["space"] == "RAS"


def test_masks_become_the_label_map_that_they_came_from(osteon: Osteon, parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.mha"
    ended = osteon("mask", "combine", *sorted(parts.glob("*.nii.gz")), "--task", "lumbar-spine", "-o", out)
    assert ended.code == 0, ended.err
    np.testing.assert_array_equal(read(out).array, boxes()[1].array)


def test_overlaps_are_said_for_each_pair(osteon: Osteon, parts: Path, tmp_path: Path) -> None:
    twice = f"vertebra-T12={parts / 'vertebra-L5.nii.gz'}"
    words = [parts / "vertebra-L5.nii.gz", twice, "--task", "lumbar-spine", "--overlap", "priority"]
    ended = osteon("mask", "combine", *words, "-o", tmp_path / "a.nii.gz")
    assert ended.code == 0
    assert "vertebra-L5 and vertebra-T12 overlap: " in ended.err
    assert "they went to the one given first" in ended.err
    document = osteon("mask", "combine", *words, "-o", tmp_path / "b.nii.gz", "--json").document()
    assert document["overlaps"][0]["volume_mm3"] == pytest.approx(40 * 32 * 24)


def test_a_file_that_names_no_structure_is_asked_for_and_nothing_is_written(
    osteon: Osteon, parts: Path, room: Path, tmp_path: Path
) -> None:
    (tmp_path / "scan7.ply").write_bytes((parts / "vertebra-L5.ply").read_bytes())
    words = ["--like", room / "boxes.nii.gz", "--task", "lumbar-spine", "-o", tmp_path / "new.nii.gz"]
    ended = osteon("mask", "surfaces", tmp_path / "scan7.ply", *words)
    assert ended.code == 2
    assert ended.is_one_sentence
    assert names(tmp_path) == ["scan7.ply"]


def test_an_existing_label_map_is_replaced_only_when_told(osteon: Osteon, parts: Path, tmp_path: Path) -> None:
    (tmp_path / "old.nii.gz").write_text("old")
    words = ["mask", "combine", parts / "vertebra-L5.nii.gz", "--task", "lumbar-spine", "-o", tmp_path / "old.nii.gz"]
    assert osteon(*words).code == 2
    assert (tmp_path / "old.nii.gz").read_text() == "old"
    assert osteon(*words, "--overwrite").code == 0


def test_region_finds_the_slices_and_cuts_the_scan_to_them(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    scan, labels = boxes()
    out = tmp_path / "cut.nii.gz"
    words = ["--task", "lumbar-spine", "--structures", "vertebra-L5", "--cut", room / "boxes.nii.gz", "-o", out]
    ended = osteon("mask", "region", room / "labels.nii.gz", *words, "--json")
    assert ended.code == 0, ended.err
    found = ended.document()
    held = np.flatnonzero(labels.mask("vertebra-L5").any(axis=tuple(a for a in range(3) if a != found["axis"])))
    assert (found["first"], found["last"]) == (held[0], held[-1])
    cut = read(out)
    assert cut.shape[found["axis"]] == len(held)
    expected = np.take(scan.array, range(held[0], held[-1] + 1), axis=found["axis"])
    np.testing.assert_array_equal(cut.array, expected)
    assert osteon("mask", "region", room / "labels.nii.gz", "--cut", room / "boxes.nii.gz").code == 2


def test_export_writes_for_slicer_and_refuses_what_tells_nothing(osteon: Osteon, room: Path, tmp_path: Path) -> None:
    words = [room / "labels.nii.gz", "--task", "lumbar-spine", "-o"]
    assert osteon("export", *words, tmp_path / "a.seg.nrrd").code == 0
    np.testing.assert_array_equal(read(tmp_path / "a.seg.nrrd").array, boxes()[1].array)
    ended = osteon("export", *words, tmp_path / "a.nii.gz")
    assert (ended.code, ended.is_one_sentence) == (2, True)
    assert names(tmp_path) == ["a.seg.nrrd"]
