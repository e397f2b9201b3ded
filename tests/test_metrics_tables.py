"""Tables of agreement: statuses, cases on disk, summaries."""

from __future__ import annotations

import time
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from osteon.anatomy import Task
from osteon.errors import GeometryError, ReadError, TaskError, UsageError
from osteon.io import write
from osteon.metrics import agreement, detection, evaluate, summarise, without_partner
from osteon.metrics.agreement import SCORES
from osteon.volume import LabelMap

CODES = [
    "".join(letters[side] for letters, side in zip(order, sides, strict=True))
    for order in permutations(["RL", "AP", "SI"])
    for sides in product((0, 1), repeat=3)
]


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.load("leg-bones")


def labelled(task: Task, *values: int, shift: int = 0, affine: np.ndarray | None = None) -> LabelMap:
    array = np.zeros((24, 16, 10), dtype=np.uint8)
    for place, value in enumerate(values):
        array[2 + 5 * place : 6 + 5 * place, 3 + shift : 12 + shift, 2:8] = value
    return LabelMap(array, np.diag([1.0, 1.0, 3.0, 1.0]) if affine is None else affine, task=task)


def by_structure(table: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(row["structure"]): row for _, row in table.iterrows()}


def test_missed_structure_scores_zero_and_has_no_distance(task: Task) -> None:
    row = by_structure(agreement(labelled(task, 1), labelled(task, 1, 2)))["femur-right"]
    assert row["status"] == "missing in prediction"
    assert (row["dice"], row["iou"], row["volume_error_percent"]) == (0, 0, -100)
    assert row[["hausdorff95_mm", "average_surface_distance_mm", "surface_dice_1mm"]].isna().all()


def test_structure_that_the_reference_lacks_keeps_its_volume_only(task: Task) -> None:
    row = by_structure(agreement(labelled(task, 1, 2), labelled(task, 1)))["femur-right"]
    assert row["status"] == "not in reference"
    assert row["volume_predicted_cm3"] == pytest.approx(4 * 9 * 6 * 3 / 1000)
    assert row[["dice", "iou", "volume_error_percent", "hausdorff95_mm"]].isna().all()


def test_structure_absent_in_both_has_no_row(task: Task) -> None:
    assert list(agreement(labelled(task, 1), labelled(task, 1))["structure"]) == ["tibia-right"]
    assert agreement(labelled(task), labelled(task)).empty


def test_group_is_compared_as_one(task: Task) -> None:
    left_called_right = agreement(labelled(task, 1), labelled(task, 11), ["tibia"])
    assert list(left_called_right["dice"]) == [1.0]


def test_unknown_structure_is_named(task: Task) -> None:
    with pytest.raises(TaskError, match="patella"):
        agreement(labelled(task, 1), labelled(task, 1), ["patella"])


def test_tasks_must_agree(task: Task) -> None:
    spine = LabelMap(np.ones((24, 16, 10), np.uint8), np.diag([1.0, 1.0, 3.0, 1.0]), task=Task.load("lumbar-spine"))
    with pytest.raises(TaskError, match="lumbar-spine"):
        agreement(spine, labelled(task, 1))


def test_grids_must_match(task: Task) -> None:
    moved = np.diag([1.0, 1.0, 3.0, 1.0])
    moved[0, 3] = 2.0
    with pytest.raises(GeometryError, match=r"2\.00 mm apart"):
        agreement(labelled(task, 1, affine=moved), labelled(task, 1))


def test_all_48_axis_orders_give_the_same_table(task: Task) -> None:
    predicted, reference = labelled(task, 1, 2, 3, shift=1), labelled(task, 1, 2)
    straight = agreement(predicted, reference)
    assert len(CODES) == 48
    for codes in CODES:
        pd.testing.assert_frame_equal(agreement(predicted.reoriented(codes), reference.reoriented(codes)), straight)


def test_oblique_grid_gives_the_same_table_as_a_straight_one(task: Task) -> None:
    a, b = np.radians(25), np.radians(-40)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.0, 1.0, 3.0])
    oblique = agreement(labelled(task, 1, 2, shift=2, affine=affine), labelled(task, 1, 2, affine=affine))
    pd.testing.assert_frame_equal(oblique, agreement(labelled(task, 1, 2, shift=2), labelled(task, 1, 2)))


def test_spine_sized_case_takes_seconds_at_most(task: Task) -> None:
    array = np.zeros((380, 380, 20), dtype=np.uint8)
    for place, structure in enumerate(task.structures):
        array[40 * place + 20 : 40 * place + 55, 100:140, 3:16] = structure.value
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    reference = LabelMap(array, affine, task=task)
    predicted = LabelMap(np.roll(array, 1, axis=1), affine, task=task)
    start = time.perf_counter()
    assert len(agreement(predicted, reference)) == 8
    assert time.perf_counter() - start < 3  # 0.1 s on an idle core


def test_folders_are_matched_by_case_whatever_the_ending(task: Task, tmp_path: Path) -> None:
    write(labelled(task, 1, shift=1), tmp_path / "predicted" / "s01" / "segmentation.nii.gz")
    write(labelled(task, 1), tmp_path / "predicted" / "s.02.mha")
    write(labelled(task, 1), tmp_path / "reference" / "s01.nii.gz")
    write(labelled(task, 1), tmp_path / "reference" / "s.02.nrrd")
    (tmp_path / "reference" / "notes.txt").write_text("not a label map")
    table = evaluate(tmp_path / "predicted", tmp_path / "reference", task=task)
    assert list(table["case"]) == ["s.02", "s01"]
    assert list(table["status"]) == ["defined", "defined"]
    assert table["dice"].tolist() == pytest.approx([1.0, 16 / 18])


def test_cases_without_partner_stay_in_the_table(task: Task, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(labelled(task, 1), tmp_path / "predicted" / f"{name}.nii.gz")
    for name in ("b", "c"):
        write(labelled(task, 1), tmp_path / "reference" / f"{name}.nii.gz")
    table = evaluate(tmp_path / "predicted", tmp_path / "reference", task=task)
    assert list(table["status"]) == ["no reference", "defined", "no prediction"]
    assert without_partner(table) == {"no prediction": ["c"], "no reference": ["a"]}
    everything = summarise(table).query("structure == 'all' and score == 'dice'").iloc[0]
    assert (everything["n"], everything["no prediction"], everything["no reference"]) == (1, 1, 1)


def test_two_files_are_one_case_whatever_their_names(task: Task, tmp_path: Path) -> None:
    write(labelled(task, 1), tmp_path / "mine.nii.gz")
    write(labelled(task, 1), tmp_path / "hers.mha")
    assert list(evaluate(tmp_path / "mine.nii.gz", tmp_path / "hers.mha", task=task)["case"]) == ["hers"]


def test_nothing_in_common_is_an_error(task: Task, tmp_path: Path) -> None:
    write(labelled(task, 1), tmp_path / "predicted" / "a.nii.gz")
    write(labelled(task, 1), tmp_path / "reference" / "b.nii.gz")
    with pytest.raises(UsageError, match="a against b"):
        evaluate(tmp_path / "predicted", tmp_path / "reference", task=task)


def test_two_label_maps_of_one_case_are_refused(task: Task, tmp_path: Path) -> None:
    for ending in (".nii.gz", ".mha"):
        write(labelled(task, 1), tmp_path / "predicted" / f"a{ending}")
    with pytest.raises(UsageError, match="two label maps of the case a"):
        evaluate(tmp_path / "predicted", tmp_path / "predicted", task=task)


def test_missing_and_empty_folders_are_refused(task: Task, tmp_path: Path) -> None:
    write(labelled(task, 1), tmp_path / "a.nii.gz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="nothing at"):
        evaluate(tmp_path / "absent", tmp_path / "a.nii.gz", task=task)
    with pytest.raises(ReadError, match="no label map"):
        evaluate(tmp_path / "empty", tmp_path / "a.nii.gz", task=task)


def test_grid_mismatch_names_both_files_and_leaves_no_table(task: Task, tmp_path: Path) -> None:
    moved = np.diag([1.0, 1.0, 3.0, 1.0])
    moved[1, 3] = 5.0
    write(labelled(task, 1, affine=moved), tmp_path / "a.nii.gz")
    write(labelled(task, 1), tmp_path / "b.nii.gz")
    with pytest.raises(GeometryError, match=r"a\.nii\.gz and .*b\.nii\.gz are 5\.00 mm apart"):
        evaluate(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", task=task, out=tmp_path / "table.csv")
    assert not (tmp_path / "table.csv").exists()


def test_table_on_disk_is_the_table(task: Task, tmp_path: Path) -> None:
    write(labelled(task, 1, 2, shift=1), tmp_path / "a.nii.gz")
    write(labelled(task, 1), tmp_path / "b.nii.gz")
    table = evaluate(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", task=task, out=tmp_path / "t" / "table.csv")
    read = pd.read_csv(tmp_path / "t" / "table.csv")
    assert list(read.columns) == ["case", "structure", "status", *SCORES]
    pd.testing.assert_frame_equal(read, table, check_dtype=False, atol=1e-4)


def test_summary_and_detection_of_known_scores() -> None:
    rows = [("x", "defined", 0.9), ("x", "defined", 0.4), ("x", "missing in prediction", 0.0), ("y", "defined", 0.8)]
    table = pd.DataFrame(
        [{**dict.fromkeys(SCORES, np.nan), "structure": n, "status": s, "dice": d} for n, s, d in rows]
    )
    table.loc[len(table)] = {**dict.fromkeys(SCORES, np.nan), "structure": "y", "status": "not in reference"}
    dice = summarise(table).query("score == 'dice'").set_index("structure")
    assert dice.loc["x", ["n", "missing in prediction", "defined"]].tolist() == [3, 1, 2]
    assert dice.loc["x", "mean"] == pytest.approx(1.3 / 3)
    assert dice.loc["x", "median"] == pytest.approx(0.4)
    assert dice.loc["x", "quartile3"] == pytest.approx(0.65)
    assert dice.loc["x", "minimum"] == 0
    assert dice.loc["all", ["n", "not in reference"]].tolist() == [4, 1]
    found = detection(table).set_index("structure")
    assert found.loc["x", ["in_reference", "found"]].tolist() == [3, 1]
    assert found.loc["y", ["in_reference", "found", "not_in_reference"]].tolist() == [1, 1, 1]
    assert found.loc["all", "share"] == pytest.approx(2 / 4)
