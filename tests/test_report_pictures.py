"""Slices and surfaces are drawn the right way round, at the right place and in the right size."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from osteon.anatomy import Task
from osteon.masks import surfaces_of
from osteon.report import preview
from osteon.report.drawing import outlined, rgb_of, short_name
from osteon.report.shading import Camera, shaded
from osteon.report.slices import PLANES, Stack, window
from osteon.report.thinning import thinned
from osteon.volume import LabelMap, Volume
from scenes import spine

SPINE, LEGS = Task.load("lumbar-spine"), Task.load("leg-bones")


def test_preview_is_a_picture_of_the_set_width_that_holds_every_colour(tmp_path: Path) -> None:
    scan, labels = spine()
    preview(scan, labels, surfaces_of(labels), tmp_path / "preview.png")
    picture = np.asarray(Image.open(tmp_path / "preview.png").convert("RGB")).astype(int)
    assert picture.shape[1] == 1600
    assert 500 < picture.shape[0] <= 1210
    for value in labels.values():
        distance = np.abs(picture - rgb_of(SPINE.by_value(value))).max(axis=2)
        assert (distance < 12).sum() > 200


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_pictures_of_a_plane_are_the_same_in_every_array_orientation(
    plane: str, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    scan, labels = spine()
    letters = ["LR"[signs[0] > 0], "PA"[signs[1] > 0], "IS"[signs[2] > 0]]
    codes = "".join(letters[a] for a in order)
    expected = Stack.of(scan, labels, plane, 10)  # type: ignore[arg-type]
    turned = Stack.of(scan.reoriented(codes), labels.reoriented(codes), plane, 10)  # type: ignore[arg-type]
    assert np.array_equal(turned.scan, expected.scan)
    assert np.array_equal(turned.labels, expected.labels)
    assert turned.spacing_mm == pytest.approx(expected.spacing_mm)


def ramps() -> tuple[Volume, LabelMap]:
    """An RAS scan that is bright at the patient's right, front and top."""
    index = np.indices((20, 20, 20)).astype(np.float32)
    labels = np.zeros((20, 20, 20), dtype=np.uint8)
    labels[10, 10, 10] = 1
    right_front_top = index[0] + index[1] + index[2]
    return Volume(right_front_top, np.eye(4)), LabelMap(labels, np.eye(4), task=SPINE)


def test_right_is_on_the_left_front_is_left_or_up_and_top_is_up() -> None:
    scan, labels = ramps()
    for plane in ("coronal", "axial"):
        picture = Stack.of(scan, labels, plane, 99).scan[:, :, 0]  # type: ignore[arg-type]
        assert picture[0, 0] > picture[-1, 0], "the right side (bright) belongs on the left"
        assert picture[0, 0] > picture[0, -1], "front or top (bright) belongs on top"
    sagittal = Stack.of(scan, labels, "sagittal", 99).scan[:, :, 0]
    assert sagittal[0, 0] > sagittal[-1, 0], "the front (bright) belongs on the left"
    assert sagittal[0, 0] > sagittal[0, -1], "the top (bright) belongs on top"


def test_outline_lies_on_the_edge_of_its_voxels() -> None:
    labels = np.zeros((20, 20, 1), dtype=np.uint8)
    labels[5:15, 6:12, 0] = 1
    stack = Stack("axial", np.zeros(labels.shape), labels, (1.0, 1.0, 1.0))
    picture = np.asarray(outlined(stack, 0, SPINE, (0, 1), (400, 400)))
    rows, columns = np.nonzero(picture.max(axis=2) > 60)
    assert (columns.min(), columns.max()) == pytest.approx((100, 300), abs=4)
    assert (rows.min(), rows.max()) == pytest.approx((120, 240), abs=4)


def test_window_ignores_single_bright_voxels_and_not_a_numbers() -> None:
    scan, labels = spine()
    array = scan.array.copy()
    array[0, 0, 0], array[0, 0, 1] = 1e6, np.nan
    low, high = window(scan.with_array(array), labels)
    assert 70 < low < 100
    assert 130 < high < 260


def square(side: str) -> tuple[NDArray[np.float64], Camera]:
    """Centre of a small box at one side of the patient, and the camera that looks at this side."""
    return {
        "front": (np.array([0.0, 30, 0]), Camera(0)),
        "left": (np.array([-30.0, 0, 0]), Camera(90)),
        "back": (np.array([0.0, -30, 0]), Camera(180)),
        "right": (np.array([30.0, 0, 0]), Camera(-90)),
        "top": (np.array([0.0, 0, 30]), Camera(0, 90)),
    }[side]


@pytest.mark.parametrize("side", ["front", "left", "back", "right", "top"])
def test_camera_sees_the_side_it_names(side: str) -> None:
    labels = np.zeros((21, 21, 21), dtype=np.uint8)
    labels[4:17, 4:17, 4:17] = 1  # a large red box, and before it a small blue one
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -30
    small = np.zeros_like(labels)
    at, camera = square(side)
    index = np.round((at + 30) / 3).astype(int)
    low, high = np.clip(index - 2, 0, 18), np.clip(index + 2, 2, 21)
    small[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 2
    near = surfaces_of(LabelMap(small, affine, task=SPINE))
    surfaces = surfaces_of(LabelMap(labels, affine, task=SPINE)) | near
    colours = {"vertebra-L5": (1.0, 0.0, 0.0), "vertebra-L4": (0.0, 0.0, 1.0)}
    picture = shaded(surfaces, colours, camera, (80, 80), (0, 0, 0)).astype(int)
    assert picture[40, 40, 2] > 2 * picture[40, 40, 0]
    assert picture[40, 20, 0] > 2 * picture[40, 20, 2]


def test_front_view_has_the_patients_right_on_the_left() -> None:
    labels = np.zeros((30, 8, 8), dtype=np.uint8)
    labels[20:28, 2:6, 2:6], labels[2:10, 2:6, 2:6] = 1, 2  # RAS: high i is the patient's right
    surfaces = surfaces_of(LabelMap(labels, np.eye(4), task=SPINE))
    colours = {"vertebra-L5": (1.0, 0.0, 0.0), "vertebra-L4": (0.0, 0.0, 1.0)}
    picture = shaded(surfaces, colours, Camera(), (100, 50), (0, 0, 0)).astype(int)
    assert picture[25, 20, 0] > picture[25, 20, 2]
    assert picture[25, 80, 2] > picture[25, 80, 0]


def test_shaded_disc_of_a_sphere_has_the_area_of_its_circle() -> None:
    index = np.indices((41, 41, 41)) - 20
    sphere = ((index**2).sum(axis=0) <= 18**2).astype(np.uint8)
    surfaces = surfaces_of(LabelMap(sphere, np.eye(4), task=SPINE))
    picture = shaded(surfaces, {"vertebra-L5": (1.0, 1.0, 1.0)}, Camera(25, 30), (200, 200), (0, 0, 0))
    radius = 0.94 * 100
    assert (picture.max(axis=2) > 20).sum() == pytest.approx(np.pi * radius**2, rel=0.02)


def test_thinned_surface_keeps_its_shape_with_fewer_vertices() -> None:
    index = np.indices((41, 41, 41)) - 20
    sphere = ((index**2).sum(axis=0) <= 18**2).astype(np.uint8)
    (surface,) = surfaces_of(LabelMap(sphere, np.eye(4), task=SPINE)).values()
    small, became = thinned(surface, 3.0)
    assert len(small.vertices) < len(surface.vertices) / 3
    assert small.faces.max() == len(small.vertices) - 1
    assert np.abs(np.linalg.norm(small.vertices - 20, axis=1) - 18).max() < 1
    assert small.volume_mm3 == pytest.approx(surface.volume_mm3, rel=0.05)
    assert np.linalg.norm(small.vertices[became] - surface.vertices, axis=1).max() < 3 * np.sqrt(3)


@pytest.mark.parametrize(
    ("task", "name", "short"),
    [(SPINE, "vertebra-L4", "L4"), (LEGS, "tibia-right", "tibia R"), (LEGS, "femur-left", "femur L")],
)
def test_short_names_keep_what_tells_structures_apart(task: Task, name: str, short: str) -> None:
    assert short_name(task.by_name(name)) == short
