"""Label maps become closed, outward surfaces in the right place and of the right size."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.geometry import transform_points
from osteon.io.surface import Surface, read_ply
from osteon.masks import surfaces_of
from osteon.report import write_meshes
from osteon.volume import LabelMap

TASK = Task.load("lumbar-spine")
ORIENTATIONS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)
]  # all 48, half of them left-handed


def affine_of(order: tuple[int, ...], signs: tuple[int, ...], tilt_degrees: float = 0.0) -> NDArray[np.float64]:
    angle = np.radians(tilt_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.eye(3)[:, order] @ np.diag(np.array(signs) * (1.0, 1.5, 4.0))
    affine[:3, 3] = (-20, 35, 110)
    return affine


def ellipsoid(shape: tuple[int, int, int], semi_axes: tuple[float, ...]) -> NDArray[np.int16]:
    index = np.indices(shape) - (np.array(shape)[:, None, None, None] - 1) / 2
    scaled = index / np.array(semi_axes)[:, None, None, None]
    return ((scaled**2).sum(axis=0) <= 1).astype(np.int16)


def only(labels: LabelMap) -> Surface:
    (surface,) = surfaces_of(labels).values()
    return surface


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("tilt", [0.0, 23.0])
def test_surface_is_closed_outward_and_in_place_in_every_orientation(
    order: tuple[int, ...], signs: tuple[int, ...], tilt: float
) -> None:
    affine = affine_of(order, signs, tilt)
    array = np.zeros((25, 27, 17), dtype=np.int16)
    array[3:22, 4:23, 2:15] = ellipsoid((19, 19, 13), (9.5, 9.5, 6.5))
    labels = LabelMap(array, affine, task=TASK)
    surface = only(labels)
    assert surface.is_closed()
    assert surface.volume_mm3 == pytest.approx((array > 0).sum() * labels.voxel_volume_mm3, rel=0.03)
    middle = transform_points(affine, np.array([[12.0, 13.0, 8.0]]))[0]
    assert np.allclose(surface.vertices.mean(axis=0), middle, atol=0.1)
    index = labels.index(surface.vertices)
    assert (index > (2.3, 3.3, 1.3)).all()
    assert (index < (21.7, 22.7, 14.7)).all()


def test_sphere_of_anisotropic_voxels_has_the_volume_and_radius_of_the_sphere() -> None:
    labels = LabelMap(ellipsoid((71, 71, 21), (30, 30, 7.5)), np.diag([1.0, 1.0, 4.0, 1.0]), task=TASK)
    surface = only(labels)
    assert surface.volume_mm3 == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.01)
    radius = np.linalg.norm(surface.vertices - (35, 35, 40), axis=1)
    assert abs(radius.mean() - 30) < 0.1
    assert radius.std() < 0.4  # the voxels' own staircase: 1.0 mm
    assert np.abs(radius - 30).max() < 2  # half of the longest voxel edge


def test_faces_of_a_box_lie_half_a_voxel_outside_the_outer_voxel_centres() -> None:
    array = np.zeros((30, 30, 30), dtype=np.int16)
    array[5:25, 6:24, 7:23] = 1
    surface = only(LabelMap(array, np.eye(4), task=TASK))
    assert np.allclose(surface.vertices.min(axis=0), (4.5, 5.5, 6.5), atol=0.2)
    assert np.allclose(surface.vertices.max(axis=0), (24.5, 23.5, 22.5), atol=0.2)
    assert surface.volume_mm3 == pytest.approx(20 * 18 * 16, rel=0.02)


def test_touching_structures_are_each_closed_and_share_their_boundary() -> None:
    array = np.zeros((20, 20, 20), dtype=np.int16)
    array[4:10, 4:16, 4:16] = 1
    array[10:16, 4:16, 4:16] = 201
    surfaces = surfaces_of(LabelMap(array, np.eye(4), task=TASK))
    assert list(surfaces) == ["vertebra-L5", TASK.by_value(201).name]
    below, above = surfaces.values()
    assert below.is_closed()
    assert above.is_closed()
    shared = {tuple(v) for v in below.vertices} & {tuple(v) for v in above.vertices}
    assert len(shared) >= 11 * 11
    together = below.volume_mm3 + above.volume_mm3
    assert together == pytest.approx(12**3, rel=0.02)


def test_structure_that_fills_the_volume_to_its_border_is_closed() -> None:
    surface = only(LabelMap(np.ones((6, 7, 8), dtype=np.uint8), np.eye(4), task=TASK))
    assert surface.is_closed()
    assert surface.volume_mm3 == pytest.approx(6 * 7 * 8, rel=0.05)
    assert surface.vertices.max() <= 7.5 + 0.25


def test_single_voxel_is_a_closed_surface_within_the_voxel() -> None:
    array = np.zeros((3, 3, 3), dtype=np.uint8)
    array[1, 1, 1] = 3
    surface = only(LabelMap(array, np.eye(4), task=TASK))
    assert surface.is_closed()
    assert surface.volume_mm3 > 0
    assert np.abs(surface.vertices - 1).max() <= 0.5


def test_voxels_that_touch_along_an_edge_or_at_a_corner_make_a_closed_surface() -> None:
    array = np.zeros((4, 4, 4), dtype=np.uint8)
    array[1, 1, 1] = array[2, 2, 1] = array[1, 2, 2] = 1
    assert only(LabelMap(array, np.eye(4), task=TASK)).is_closed()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.95), structures=st.integers(1, 4))
def test_every_structure_of_a_random_label_map_is_closed(seed: int, share: float, structures: int) -> None:
    random = np.random.default_rng(seed)
    array = random.integers(1, structures + 1, (7, 6, 5)) * (random.random((7, 6, 5)) < share)
    labels = LabelMap(array, np.diag([1.0, -2.0, 3.0, 1.0]), task=TASK)
    surfaces = surfaces_of(labels)
    assert {TASK.by_name(name).value for name in surfaces} == set(labels.values())
    for surface in surfaces.values():
        assert surface.is_closed()
        assert surface.volume_mm3 > 0


def test_surfaces_do_not_depend_on_how_the_array_lies_in_memory() -> None:
    random = np.random.default_rng(5)
    array = (random.integers(1, 4, (9, 8, 7)) * (random.random((9, 8, 7)) < 0.5)).astype(np.uint8)
    rows, columns = (
        surfaces_of(LabelMap(np.array(array, order=order), np.diag([1.0, 2.0, 3.0, 1.0]), task=TASK)) for order in "CF"
    )
    for name, surface in rows.items():
        assert len(surface.faces) == len(columns[name].faces)
        assert surface.volume_mm3 == pytest.approx(columns[name].volume_mm3, rel=1e-9)
        first, second = (np.sort(s.vertices.round(6).view("f8,f8,f8"), axis=0) for s in (surface, columns[name]))
        np.testing.assert_array_equal(first, second)


def test_label_map_without_structures_has_no_surfaces() -> None:
    assert surfaces_of(LabelMap(np.zeros((4, 4, 4), dtype=np.uint8), np.eye(4), task=TASK)) == {}


def test_meshes_are_written_by_name_and_replace_older_ones(tmp_path: Path) -> None:
    folder = tmp_path / "meshes"
    folder.mkdir()
    (folder / "vertebra-T8.ply").write_text("from an older run", encoding="utf-8")
    surfaces = surfaces_of(LabelMap(ellipsoid((12, 12, 12), (5, 5, 5)), np.eye(4), task=TASK))
    write_meshes(surfaces, folder)
    assert [f.name for f in folder.iterdir()] == ["vertebra-L5.ply"]
    back = read_ply(folder / "vertebra-L5.ply")
    assert back.is_closed()
    assert np.allclose(back.vertices, surfaces["vertebra-L5"].vertices, atol=1e-5)


@pytest.mark.realdata
def test_vertebral_bodies_of_a_real_scan_keep_their_volume_within_one_percent(data: Path) -> None:
    from osteon.io import read_labels

    labels = read_labels(data / "spine-mri" / "masks" / "202_t2.mha", TASK)
    for name, surface in surfaces_of(labels).items():
        assert surface.is_closed()
        assert surface.volume_mm3 == pytest.approx(labels.mask(name).sum() * labels.voxel_volume_mm3, rel=0.01)
