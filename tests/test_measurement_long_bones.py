"""Lengths and angles of long bones whose landmarks are known, on grids of many kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import vtk
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy

from osteon.anatomy import Task
from osteon.io.surface import Surface, read_ply
from osteon.measurement import measure
from osteon.measurement.femur import Femur, Knee, measure_femur
from osteon.measurement.leg import LONG_BONE_COLUMNS
from osteon.measurement.long_bone import long_bone
from osteon.measurement.section import Line, section
from osteon.measurement.sphere import Sphere, fitted_sphere
from osteon.volume import LabelMap
from scenes import rotation

TASK = Task.load("leg-bones")
FEMUR_MM, TIBIA_MM = 320.0, 260.0  # head to knee, plateau to plafond
HEAD = np.array([0.0, 0.0, FEMUR_MM])
RISE, ANTEVERSION, TORSION, VARUS = np.radians(40), 18.0, 24.0, 5.0
NECK = np.array(
    [-np.cos(RISE) * np.cos(np.radians(ANTEVERSION)), np.cos(RISE) * np.sin(np.radians(ANTEVERSION)), np.sin(RISE)]
)
BASE, LOW = HEAD - 45 * NECK, np.array([0.0, 3.0, 40.0])  # ends of the femur's shaft
OBLIQUE = rotation(0, 20) @ rotation(2, 15) @ rotation(1, -12)
SHANK = rotation(1, VARUS)  # how the tibia stands to the femur
PLATEAU = np.array([0.0, 0.0, -6.0])


def capsule(points: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    along = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return np.linalg.norm(points - start - along[..., None] * (end - start), axis=-1) <= radius


def ball(points: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    return np.linalg.norm(points - centre, axis=-1) <= radius


def femur(points: np.ndarray) -> np.ndarray:
    """Right femur: knee centre in the origin, mechanical axis up, condyles that touch a plane behind along x."""
    inside = ball(points, HEAD, 20.0) | capsule(points, HEAD, BASE, 12.0)
    inside |= capsule(points, LOW, BASE, 13.0) | ball(points, BASE + np.array([8.0, 0, 0]), 15.0)
    for x in (-21.0, 21.0):
        inside |= ball(points, np.array([x, 0, 20.0]), 20.0)
        inside |= capsule(points, np.array([x * 0.8, 2, 24.0]), np.array([0, 3.0, 85.0]), 13.0)
    return inside


def shank(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right tibia and fibula, plateau in the origin, twisted at the lower end."""
    x, y, z = np.moveaxis(points, -1, 0)
    u, v = np.moveaxis(points[..., :2] @ rotation(2, TORSION)[:2, :2].T, -1, 0)
    tibia = (np.hypot(x / 35, y / 23) <= 1) & (z <= 0) & (z >= -25)
    tibia |= (np.hypot(u / 21, v / 18) <= 1) & (z >= -TIBIA_MM) & (z <= 18 - TIBIA_MM)
    tibia |= capsule(points, np.array([0, 0, -20.0]), np.array([0, 0, 10 - TIBIA_MM]), 12.0) & (z >= -TIBIA_MM)
    tibia |= (np.hypot(u + 15, v) <= 6) & (z >= -TIBIA_MM - 13) & (z <= 0.5 - TIBIA_MM)
    fibula = (np.hypot(u - 27, v) <= 7) & (z >= -TIBIA_MM - 20) & (z <= 30 - TIBIA_MM)
    ankle = np.array([27.0, 0, 0]) @ rotation(2, TORSION)
    return tibia, fibula | capsule(points, ankle + np.array([0, 0, 20 - TIBIA_MM]), np.array([38.0, -14, -30]), 6.0)


def leg(
    spacing: tuple[float, float, float],
    turn: np.ndarray | None = None,
    pose: np.ndarray | None = None,
    left: bool = False,
) -> LabelMap:
    """A leg in a pose, on a grid whose axes are turned, with a margin; a left one is the mirror image."""
    turn, pose = (np.eye(3) if matrix is None else matrix for matrix in (turn, pose))
    low, high = np.array([-60.0, -50, -TIBIA_MM - 55]), np.array([60.0, 50, FEMUR_MM + 35])
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T @ pose.T @ turn
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(spacing)
    affine[:3, 3] = turn @ corners.min(axis=0)
    shape = np.ceil(np.ptp(corners, axis=0) / spacing).astype(int) + 1
    points = (np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]) @ pose
    near = (np.abs(points[..., 0]) < 50) & (np.abs(points[..., 1]) < 45)
    array = np.zeros(near.shape, np.uint8)
    upper, lower = near & (points[..., 2] > -2), near & (points[..., 2] < -3)
    array[upper] = 2 * femur(points[upper])
    array[lower] = np.select(shank((points[lower] - PLATEAU) @ SHANK), [1, 3], 0)
    if left:
        array[array > 0] += 10
        affine = np.diag([-1.0, 1, 1, 1]) @ affine
    return LabelMap(array, affine, task=TASK)


def rows(labels: LabelMap) -> pd.DataFrame:
    return measure(labels).set_index("structure")


def truth() -> dict[str, dict[str, float]]:
    ankle = PLATEAU + np.array([0, 0, -TIBIA_MM]) @ SHANK.T
    load = (HEAD - ankle) / np.linalg.norm(HEAD - ankle)
    shaft = (BASE - LOW) / np.linalg.norm(BASE - LOW)
    tibia = (PLATEAU - ankle) / TIBIA_MM
    return {
        "femur": {
            "mechanical_length_mm": FEMUR_MM,
            "neck_shaft_angle_degrees": float(np.degrees(np.arccos(-NECK @ shaft))),
            "anteversion_degrees": ANTEVERSION,
            "mechanical_axis_deviation_mm": float((ankle @ load) * load[0] - ankle[0]),
            "hip_knee_ankle_degrees": 180 - float(np.degrees(np.arctan2(tibia[0], tibia[2]))),
            "area_50_mm2": np.pi * 13**2,
        },
        "tibia": {"mechanical_length_mm": TIBIA_MM, "torsion_degrees": TORSION, "area_50_mm2": np.pi * 12**2},
    }


@pytest.mark.parametrize(
    ("spacing", "turn", "left"),
    [
        ((1.5, 1.5, 1.5), np.eye(3), True),
        ((2.0, 2.0, 2.0), OBLIQUE, False),
        ((1.5, 1.5, 4.0), np.eye(3), False),
        ((1.5, 1.5, 4.0), OBLIQUE, True),
        ((1.5, 1.5, 6.0), np.eye(3), True),
        ((1.5, 4.0, 1.5), np.eye(3), False),
    ],
)
def test_a_leg_has_its_known_lengths_angles_and_areas(
    spacing: tuple[float, float, float], turn: np.ndarray, left: bool
) -> None:
    pose = rotation(2, -18) @ rotation(0, 6)
    table = rows(leg(spacing, turn, pose, left))
    for bone, columns in truth().items():
        row = table.loc[f"{bone}-{'left' if left else 'right'}"]
        for column, value in columns.items():
            allowed = {"mm": max(1.0, max(spacing) / 2), "degrees": 2.0, "mm2": 0.06 * value}[column.split("_")[-1]]
            assert row[column] == pytest.approx(value, abs=allowed), column


def test_greatest_and_anatomical_length_follow_the_surface() -> None:
    row = rows(leg((2.0, 2.0, 2.0))).loc["femur-right"]
    rim = np.array([-21.0, 0, 20]), np.array([21.0, 0, 20])
    greatest = max(np.linalg.norm(HEAD - centre) for centre in rim) + 20 + 20
    assert row["length_mm"] == pytest.approx(greatest, abs=1.0)
    shaft = (BASE - LOW) / np.linalg.norm(BASE - LOW)
    assert row["anatomical_length_mm"] == pytest.approx(HEAD @ shaft + 40 - min(c @ shaft for c in rim), abs=1.5)


def test_a_mirrored_leg_has_the_same_values_and_sides_differ_by_nothing() -> None:
    one = leg((2.0, 2.0, 4.0), pose=rotation(2, -10))
    other = leg((2.0, 2.0, 4.0), pose=rotation(2, -10), left=True)
    moved = other.reoriented("".join(one.orientation))
    both = LabelMap(np.concatenate([moved.array, one.array]), moved.affine, task=TASK)
    table = rows(both)
    for bone in ("femur", "tibia", "fibula"):
        right, left = table.loc[f"{bone}-right"], table.loc[f"{bone}-left"]
        values = [column for column in LONG_BONE_COLUMNS if not column.startswith(("length_diff", "volume_diff"))]
        np.testing.assert_allclose(right[values].astype(float), left[values].astype(float), atol=0.2, rtol=1e-2)
        assert right[["length_difference_mm", "volume_difference_percent"]].tolist() == pytest.approx([0, 0], abs=1e-3)


def test_differences_are_own_side_less_other_side() -> None:
    right = leg((2.0, 2.0, 4.0))
    array = right.array.copy()
    array[(array == 3)] = 0
    small = LabelMap(np.where(array == 2, 12, 0).astype(np.uint8), right.affine.copy(), task=TASK)
    smaller = np.diag([0.9, 0.9, 0.9, 1.0])
    grid = right.grid
    shrunk = LabelMap(small.array, smaller @ small.affine, task=TASK).resampled(grid)
    table = rows(LabelMap(np.concatenate([shrunk.array, array]), right.affine, task=TASK))
    ratio = 0.9**3
    assert table.loc["femur-left", "volume_difference_percent"] == pytest.approx(200 * (ratio - 1) / (ratio + 1), abs=2)
    assert table.loc["femur-left", "length_difference_mm"] == pytest.approx(
        -0.1 * table.loc["femur-right", "length_mm"], abs=2.5
    )
    assert np.isnan(table.loc["tibia-right", "volume_difference_percent"])


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SAL", "IRA"])
def test_order_of_the_axes_does_not_matter(codes: str) -> None:
    labels = leg((2.0, 2.0, 4.0), pose=rotation(2, 12))
    pd.testing.assert_frame_equal(measure(labels.reoriented(codes)), measure(labels), atol=0.05)


def test_a_bone_that_the_volume_cuts_has_no_length_and_its_neighbour_keeps_its_own() -> None:
    labels = leg((2.0, 2.0, 4.0))
    top = labels.shape[2] - 20  # through the shaft
    table = rows(labels.cropped((slice(0, labels.shape[0]), slice(0, labels.shape[1]), slice(0, top))))
    assert table.loc["femur-right", list(LONG_BONE_COLUMNS)].isna().all()
    assert table.loc["tibia-right", "mechanical_length_mm"] == pytest.approx(TIBIA_MM, abs=2)


@pytest.mark.parametrize(("value", "keep"), [(2, (-50, 200)), (2, (120, 400)), (1, (-200, 10)), (1, (-300, -60))])
def test_a_labelled_piece_inside_the_volume_is_not_taken_for_a_bone(value: int, keep: tuple[int, int]) -> None:
    labels = leg((2.0, 2.0, 2.0))
    height = labels.affine[2, 3] + 2.0 * np.arange(labels.shape[2])
    array = np.where((labels.array == value) & (height >= keep[0]) & (height <= keep[1]), value, 0)
    table = measure(LabelMap(array.astype(np.uint8), labels.affine, task=TASK))
    assert table[list(LONG_BONE_COLUMNS)].isna().all(axis=None)


def test_open_growth_plates_change_nothing_much() -> None:
    labels = leg((1.5, 1.5, 3.0))
    world = np.moveaxis(np.indices(labels.shape), 0, -1) @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    array = labels.array.copy()
    capital = (world - HEAD) @ NECK
    array[(array == 2) & (world[..., 2] > 260) & (np.abs(capital + 12) < 1.2)] = 0
    for height in (34.0, -24.0, -TIBIA_MM + 4):
        array[np.abs(world[..., 2] - height) < 1.6] = 0
    table, whole = rows(LabelMap(array, labels.affine, task=TASK)), rows(labels)
    for bone, column, allowed in (
        ("femur", "mechanical_length_mm", 1.5),
        ("femur", "neck_shaft_angle_degrees", 2),
        ("femur", "anteversion_degrees", 2),
        ("tibia", "mechanical_length_mm", 2),
        ("tibia", "torsion_degrees", 2),
    ):
        name = f"{bone}-right"
        assert table.loc[name, column] == pytest.approx(whole.loc[name, column], abs=allowed), column


@pytest.mark.parametrize("edge", [0.3, 1.0])
def test_a_filled_gap_adds_nothing_at_the_border_of_the_volume(edge: float) -> None:
    n = round(20 / edge)
    i, j, k = np.indices((n, n, 100))
    whole = np.hypot(i - (n - 1) / 2, j - (n - 1) / 2) < n / 2
    found = long_bone(whole & (k != 80), np.diag([edge, edge, 1.0, 1.0]))
    assert found is not None
    filled = found.mask > 0
    assert not (filled & ~whole).any()
    assert filled[:, :, 80].sum() > 0.9 * whole[:, :, 80].sum()


def test_torsion_needs_the_fibula() -> None:
    labels = leg((2.0, 2.0, 4.0))
    table = rows(LabelMap(np.where(labels.array == 3, 0, labels.array), labels.affine, task=TASK))
    assert np.isnan(table.loc["tibia-right", "torsion_degrees"])
    assert table.loc["tibia-right", "mechanical_length_mm"] == pytest.approx(TIBIA_MM, abs=2)


def test_section_of_an_ellipse_has_its_area_centre_and_long_axis() -> None:
    index = np.moveaxis(np.indices((70, 70, 20)), 0, -1) - [34.3, 35.2, 0]
    turned = index[..., :2] @ rotation(2, 25)[:2, :2]
    mask = (np.hypot(turned[..., 0] / 28, turned[..., 1] / 16) <= 1).astype(np.float32)
    found = section(mask, np.diag([1.0, 1, 3, 1]), np.array([33.0, 36, 28]), np.array([0.0, 0, 1]), 40.0)
    assert found is not None
    assert found.area_mm2 == pytest.approx(np.pi * 28 * 16, rel=0.01)
    np.testing.assert_allclose(found.centroid, [34.3, 35.2, 28], atol=0.1)
    assert abs(found.longest @ rotation(2, 25)[:, 0]) > np.cos(np.radians(1))


@pytest.mark.parametrize(
    ("neck_shaft", "anteversion", "known"), [(130.0, 20.0, True), (172.0, 20.0, False), (120.0, 135.0, False)]
)
def test_angles_that_no_femur_has_are_not_reported(neck_shaft: float, anteversion: float, known: bool) -> None:
    level, turn = np.radians(neck_shaft - 90), np.radians(anteversion)
    neck = np.array([np.cos(level) * np.cos(turn), np.cos(level) * np.sin(turn), np.sin(level)])
    origin, medial, front, up = np.zeros(3), *np.eye(3)
    knee = Knee(origin, 20 * medial, -20 * medial, medial, front)
    femur = Femur(Sphere(400 * up, 22.0, 0.1), Line(380 * up, neck), Line(200 * up, up), knee)
    length, *angles = measure_femur(femur).values()
    assert length == pytest.approx(400)
    np.testing.assert_allclose(angles, [neck_shaft, anteversion] if known else [np.nan, np.nan], atol=1e-9)


def test_sphere_is_found_among_points_that_are_not_its_own() -> None:
    random = np.random.default_rng(0)
    directions = random.normal(size=(800, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    points = np.array([5.0, -3, 8]) + directions * random.normal(22, 0.3, (800, 1))
    points[directions[:, 0] > 0.6] += [15.0, 0, 0]  # the neck
    start = Sphere(np.array([10.0, -1, 4]), 20.0, np.inf)
    found = fitted_sphere(np.concatenate([points, random.uniform(-40, 40, (80, 3))]), start, np.array([1.0, 0, 0]))
    assert found is not None
    np.testing.assert_allclose([*found.centre, found.radius_mm], [5, -3, 8, 22], atol=0.2)


def voxelised(surface: Surface, spacing: tuple[float, float, float], mirrored: bool) -> LabelMap:
    """A left femur on a grid, or its mirror image as a right one."""
    low = surface.vertices.min(axis=0) - 10
    shape = np.ceil((np.ptp(surface.vertices, axis=0) + 20) / spacing).astype(int)
    mesh, points, cells = vtk.vtkPolyData(), vtk.vtkPoints(), vtk.vtkCellArray()
    points.SetData(numpy_to_vtk((surface.vertices - low) / spacing, deep=1))
    triangles = np.column_stack([np.full(len(surface.faces), 3), surface.faces]).astype(np.int64)
    cells.SetCells(len(triangles), numpy_to_vtkIdTypeArray(triangles.ravel(), deep=1))
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    stencil, image = vtk.vtkPolyDataToImageStencil(), vtk.vtkImageStencilToImage()
    stencil.SetInputData(mesh)
    stencil.SetOutputSpacing(1, 1, 1)
    stencil.SetOutputWholeExtent(0, int(shape[0]) - 1, 0, int(shape[1]) - 1, 0, int(shape[2]) - 1)
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(2 if mirrored else 12)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    array = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars()).reshape(shape[::-1]).transpose(2, 1, 0)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = low
    return LabelMap(array.copy(), np.diag([-1.0 if mirrored else 1.0, 1, 1, 1]) @ affine, task=TASK)


@pytest.mark.realdata
def test_real_femora_are_plausible_and_alike_on_every_grid(data: Path) -> None:
    columns = ["length_mm", "mechanical_length_mm", "neck_shaft_angle_degrees", "anteversion_degrees"]
    for path in sorted((data / "leg-shapes" / "femora").glob("*femur.ply"))[::3]:
        surface = read_ply(path)
        fine, thick, other = (
            measure(voxelised(surface, spacing, mirrored)).iloc[0][columns].astype(float)
            for spacing, mirrored in (((2.0, 2.0, 2.0), False), ((1.5, 1.5, 4.0), False), ((1.5, 1.5, 4.0), True))
        )
        assert 110 < fine["neck_shaft_angle_degrees"] < 140, path.name
        assert -5 < fine["anteversion_degrees"] < 35, path.name
        assert 0.88 < fine["mechanical_length_mm"] / fine["length_mm"] < 0.98, path.name
        assert (abs(thick - fine) <= [3, 2, 2, 2]).all(), path.name  # lengths: half a slice, and half a voxel
        np.testing.assert_allclose(other, thick, atol=0.1, err_msg=path.name)
