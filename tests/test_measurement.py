"""Volumes, places, extents and areas of structures whose sizes are known."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from osteon.anatomy import Task
from osteon.measurement import measure, surface_area_mm2, write_measurements
from osteon.volume import LabelMap
from scenes import rotation

CODES = [
    "".join(letters[side] for letters, side in zip(order, sides, strict=True))
    for order in permutations(["RL", "AP", "SI"])
    for sides in product((0, 1), repeat=3)
]


def grid(shape: tuple[int, int, int], spacing: tuple[float, float, float], turn: np.ndarray) -> np.ndarray:
    """Affine of a grid turned about its middle, which lies at (10, -20, 30)."""
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(spacing)
    affine[:3, 3] = np.array([10.0, -20, 30]) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def world(shape: tuple[int, int, int], affine: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]


def sphere(
    spacing: tuple[float, float, float], turn: np.ndarray, radius: float = 15.0, task: str = "leg-bones"
) -> LabelMap:
    shape = tuple(int(np.ceil(36 / s)) for s in spacing)
    affine = grid(shape, spacing, turn)
    inside = np.linalg.norm(world(shape, affine) - [10.2, -20.1, 30.3], axis=-1) <= radius
    return LabelMap(inside.astype(np.uint8), affine, task=Task.load(task))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 4.0), (0.6, 2.0, 0.9)])
@pytest.mark.parametrize("turn", [np.eye(3), rotation(0, 30) @ rotation(2, 20)], ids=["straight", "oblique"])
def test_sphere_has_its_volume_centre_area_and_extent(spacing: tuple[float, float, float], turn: np.ndarray) -> None:
    row = measure(sphere(spacing, turn)).iloc[0]
    assert row["volume_cm3"] == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.01)
    assert row["surface_area_cm2"] == pytest.approx(4 * np.pi * 15**2 / 100, rel=0.03)
    assert row[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].tolist() == pytest.approx(
        [10.2, -20.1, 30.3], abs=0.15
    )
    extents = ["extent_right_left_mm", "extent_anterior_posterior_mm", "extent_superior_inferior_mm"]
    assert row[extents].tolist() == pytest.approx([30, 30, 30], abs=2 * max(spacing))
    assert not row["touches_border"]


def test_box_has_exact_volume_extent_and_centre() -> None:
    array = np.zeros((20, 20, 10), np.uint8)
    array[2:12, 3:7, 4:9] = 2
    row = measure(LabelMap(array, np.diag([1.0, 2.0, 3.0, 1.0]), task=Task.load("leg-bones"))).iloc[0]
    assert (row["structure"], row["label"], row["side"]) == ("femur-right", 2, "right")
    assert row["volume_cm3"] == pytest.approx(10 * 8 * 15 / 1000)
    extents = ["extent_right_left_mm", "extent_anterior_posterior_mm", "extent_superior_inferior_mm"]
    assert row[extents].tolist() == pytest.approx([10, 8, 15])
    assert row[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].tolist() == pytest.approx([6.5, 9.0, 18.0])


def test_area_of_a_cube_holds_within_a_tenth_however_it_is_turned() -> None:
    shape = (60, 60, 60)
    areas = []
    for turn in (np.eye(3), rotation(0, 31) @ rotation(1, 17)):
        local = world(shape, grid(shape, (1.0, 1.0, 1.0), np.eye(3))) - [10.1, -20.2, 30.3]
        areas.append(surface_area_mm2((np.abs(local @ turn) <= 15).all(axis=-1), (1.0, 1.0, 1.0)))
    assert areas == pytest.approx([6 * 30**2] * 2, rel=0.105)


@pytest.mark.parametrize(
    ("box", "faces"),
    [
        ((slice(0, 3), slice(2, 4), slice(2, 4)), "left"),
        ((slice(7, 8), slice(2, 4), slice(2, 4)), "right"),
        ((slice(2, 4), slice(0, 8), slice(2, 4)), "anterior posterior"),
        ((slice(2, 4), slice(2, 4), slice(0, 8)), "inferior superior"),
        ((slice(2, 4), slice(2, 4), slice(2, 4)), ""),
    ],
)
def test_border_faces_are_named_by_the_patients_directions(box: tuple[slice, slice, slice], faces: str) -> None:
    array = np.zeros((8, 8, 8), np.uint8)
    array[box] = 1
    labels = LabelMap(array, np.eye(4), task=Task.load("leg-bones"))
    for codes in CODES:
        row = measure(labels.reoriented(codes)).iloc[0]
        assert (row["border_faces"], row["touches_border"]) == (faces, bool(faces))


def test_rows_are_the_structures_present_in_the_tasks_order() -> None:
    array = np.zeros((9, 9, 9), np.uint8)
    array[1:3], array[4:6], array[7:8] = 12, 3, 1
    table = measure(LabelMap(array, np.eye(4), task=Task.load("leg-bones")))
    assert list(table["structure"]) == ["tibia-right", "fibula-right", "femur-left"]
    assert "height_middle_mm" not in table.columns


def test_empty_label_map_has_a_table_without_rows() -> None:
    table = measure(LabelMap(np.zeros((5, 5, 5), np.uint8), np.eye(4), task=Task.load("lumbar-spine")))
    assert table.empty
    assert {"volume_cm3", "height_anterior_mm"} <= set(table.columns)


def test_csv_is_rounded_and_has_no_index(tmp_path: Path) -> None:
    table = measure(sphere((1.0, 1.0, 4.0), np.eye(3)))
    write_measurements(table, tmp_path / "out" / "measurements.csv")
    header, row = (tmp_path / "out" / "measurements.csv").read_text().splitlines()
    assert header.startswith("structure,label,side,volume_cm3,")
    assert row.split(",")[:3] == ["tibia-right", "1", "right"]
    assert row.split(",")[3] == f"{table['volume_cm3'][0]:.2f}"
    assert list(pd.read_csv(tmp_path / "out" / "measurements.csv").columns) == list(table.columns)
