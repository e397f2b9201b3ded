"""Heights, depth, width and wedge angle of bodies whose shape is known."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from osteon.anatomy import Task
from osteon.io import read_labels
from osteon.measurement import Body, measure, measure_body
from osteon.volume import LabelMap
from scenes import rotation

CODES = [
    "".join(letters[side] for letters, side in zip(order, sides, strict=True))
    for order in permutations(["RL", "AP", "SI"])
    for sides in product((0, 1), repeat=3)
]
HEIGHTS = ["height_anterior_mm", "height_middle_mm", "height_posterior_mm"]
SHAPE_MM = (60, 60, 60)
DEPTH, WIDTH = 33.0, 45.0


def affine_about_origin(spacing: tuple[float, float, float], turn: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    shape = tuple(int(np.ceil(n / s)) for n, s in zip(SHAPE_MM, spacing, strict=True))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2) + [0.17, 0.23, -0.31]
    return shape, affine


def points_of(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]


def wedge(points: np.ndarray, front: float, back: float, dent: float = 0.0) -> np.ndarray:
    """Body of given heights at its front and back walls, both endplates ``dent`` mm deep in the middle."""
    right, forward, up = np.moveaxis(points, -1, 0)
    place = forward / DEPTH + 0.5  # 0 at the back
    half = (back + (front - back) * place) / 2 - dent * (1 - (2 * place - 1) ** 2)
    return (np.abs(right) <= WIDTH / 2) & (np.abs(forward) <= DEPTH / 2) & (np.abs(up) <= half)


def body(
    front: float,
    back: float,
    *,
    dent: float = 0.0,
    tilt: np.ndarray | None = None,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    grid: np.ndarray | None = None,
) -> Body:
    shape, affine = affine_about_origin(spacing, np.eye(3) if grid is None else grid)
    points = points_of(shape, affine) @ (np.eye(3) if tilt is None else tilt)
    return Body(wedge(points, front, back, dent), affine)


def expected(front: float, back: float, dent: float = 0.0) -> list[float]:
    """Heights at 11/12, 1/2 and 1/12 of the depth."""
    return [back + (front - back) * place - 2 * dent * (1 - (2 * place - 1) ** 2) for place in (11 / 12, 1 / 2, 1 / 12)]


TILTS = {
    "upright": np.eye(3),
    "forward": rotation(0, 25),
    "backward": rotation(0, -20),
    "sideways": rotation(1, 15),
    "both": rotation(0, -18) @ rotation(1, 10),
}


@pytest.mark.parametrize("tilt", TILTS.values(), ids=TILTS.keys())
@pytest.mark.parametrize(("front", "back"), [(27.0, 27.0), (20.0, 28.0), (30.0, 25.0)])
def test_wedges_have_their_heights_however_they_lie(tilt: np.ndarray, front: float, back: float) -> None:
    result = measure_body(body(front, back, tilt=tilt))
    assert [result[h] for h in HEIGHTS] == pytest.approx(expected(front, back), abs=0.5)
    angle = 2 * np.degrees(np.arctan((back - front) / 2 / DEPTH))
    assert result["wedge_angle_degrees"] == pytest.approx(angle, abs=1.0)
    assert result["depth_mm"] == pytest.approx(DEPTH, abs=0.8)
    assert result["width_mm"] == pytest.approx(WIDTH, abs=0.8)


@pytest.mark.parametrize("dent", [1.5, 3.0])
def test_hollow_endplates_lower_the_middle(dent: float) -> None:
    result = measure_body(body(28.0, 28.0, dent=dent))
    assert [result[h] for h in HEIGHTS] == pytest.approx(expected(28.0, 28.0, dent), abs=0.5)


@pytest.mark.parametrize("tilt", [np.eye(3), rotation(0, 20)], ids=["upright", "forward"])
@pytest.mark.parametrize("grid", [np.eye(3), rotation(2, 8) @ rotation(1, 6)], ids=["sagittal", "oblique"])
def test_thick_sagittal_slices_give_the_same_heights(tilt: np.ndarray, grid: np.ndarray) -> None:
    result = measure_body(body(22.0, 28.0, tilt=tilt, spacing=(4.0, 1.0, 1.0), grid=grid))
    assert [result[h] for h in HEIGHTS] == pytest.approx(expected(22.0, 28.0), abs=0.5)
    assert result["width_mm"] == pytest.approx(WIDTH, abs=4.0)


def test_spine_axis_leads_to_the_same_heights_as_the_bodys_own() -> None:
    lying = body(24.0, 28.0, tilt=rotation(0, 15))
    own = measure_body(lying)
    given = measure_body(lying, np.array([0.0, -0.3, 1.0]))
    assert [given[h] for h in HEIGHTS] == pytest.approx([own[h] for h in HEIGHTS], abs=0.15)


def test_arch_behind_the_canal_does_not_count() -> None:
    shape, affine = (90, 110, 60), np.eye(4)
    affine[:3, 3] = [-44.7, -79.6, -30.2]
    right, forward, up = np.moveaxis(points_of(shape, affine), -1, 0)
    alone = wedge(np.stack([right, forward, up], axis=-1), 25.0, 28.0)
    pedicles = (np.abs(np.abs(right) - 14) <= 4) & (forward > -36) & (forward <= -14) & (np.abs(up - 5) <= 7)
    lamina = (np.abs(right) <= 18) & (np.abs(forward + 36) <= 3) & (np.abs(up) <= 10)
    process = (np.abs(right) <= 4) & (forward <= -36) & (forward > -70) & (np.abs(up + 4) <= 11)
    transverse = (np.abs(right) <= 40) & (np.abs(forward + 20) <= 4) & (np.abs(up - 3) <= 4) & (np.abs(right) > 12)
    whole = measure_body(Body(alone | pedicles | lamina | process | transverse, affine), np.array([0.0, 0.0, 1.0]))
    only = measure_body(Body(alone, affine), np.array([0.0, 0.0, 1.0]))
    assert [whole[h] for h in HEIGHTS] == pytest.approx(expected(25.0, 28.0), abs=0.5)
    assert whole["depth_mm"] == pytest.approx(only["depth_mm"], abs=0.5)
    assert whole["width_mm"] == pytest.approx(only["width_mm"], abs=0.5)


def test_loose_voxels_do_not_count() -> None:
    clean = body(25.0, 27.0)
    specked = clean.mask.copy()
    specked[30, 30, -2:] = True
    assert measure_body(Body(specked, clean.affine)) == measure_body(clean)


@pytest.mark.parametrize("mask", [np.ones((1, 1, 1), bool), np.ones((2, 3, 30), bool), np.ones((3, 3, 3), bool)])
def test_scraps_have_no_heights(mask: np.ndarray) -> None:
    assert np.isnan(list(measure_body(Body(mask, np.eye(4))).values())).all()


def spine(cut: int = 0) -> LabelMap:
    """Three stacked bodies, L3 to L5, along a line that leans forward; ``cut`` voxels short at the lower end."""
    array = np.zeros((60, 80, 130), np.uint8)
    affine = np.eye(4)
    affine[:3, 3] = [-29.7, -39.6, -64.8]
    points = points_of(array.shape, affine)
    for value, height in ((1, -38.0), (2, 0.0), (3, 38.0)):
        turn = rotation(0, -12 * height / 38)
        array[wedge((points - [0.3, height / 5, height]) @ turn, 26.0, 28.0)] = value
    short = affine.copy()
    short[2, 3] += cut
    return LabelMap(array[:, :, cut:], short, task=Task.load("lumbar-spine"))


def test_all_48_axis_orders_give_the_same_measurements() -> None:
    labels = spine()
    straight = measure(labels)
    assert straight[HEIGHTS].notna().all(axis=None)
    for codes in CODES:
        pd.testing.assert_frame_equal(measure(labels.reoriented(codes)), straight, atol=1e-3)


def test_cut_body_has_no_heights_and_its_neighbours_keep_theirs() -> None:
    table = measure(spine(cut=20)).set_index("structure")
    assert table.loc["vertebra-L5", "border_faces"] == "inferior"
    assert table.loc["vertebra-L5", HEIGHTS].isna().all()
    for name in ("vertebra-L4", "vertebra-L3"):
        assert table.loc[name, HEIGHTS].tolist() == pytest.approx(expected(26.0, 28.0), abs=0.5)


def test_body_cut_at_its_side_keeps_heights_and_loses_its_width() -> None:
    whole = body(25.0, 27.0)
    cut = Body(
        whole.mask[15:],
        whole.affine @ np.array([[1, 0, 0, 15], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
        (np.array([-1.0, 0, 0]),),
    )
    result = measure_body(cut)
    assert np.isnan(result["width_mm"])
    assert [result[h] for h in HEIGHTS] == pytest.approx(expected(25.0, 27.0), abs=0.5)


@pytest.mark.realdata
def test_third_lumbar_vertebrae_of_people_are_22_to_34_mm_high(data: Path) -> None:
    task = Task.load("lumbar-spine")
    files = sorted((data / "spine-mri" / "masks").glob("*.mha"))[::6]
    tables = [measure(read_labels(file, task)) for file in files]
    third = pd.concat(tables).query("structure == 'vertebra-L3'")
    assert len(third) >= 8
    medians = third[HEIGHTS].median()
    assert medians.between(22, 34).all()
    assert 28 < third["depth_mm"].median() < 38
