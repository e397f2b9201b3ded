"""The slices that hold structures are found in any orientation, and a cut keeps every voxel's place."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from osteon.anatomy import Task
from osteon.errors import GeometryError, TaskError, UsageError
from osteon.geometry import transform_points
from osteon.masks import region
from osteon.volume import LabelMap, Volume

TASK = Task.load("leg-bones")
CODES = ["".join(letters) for order in permutations(("RL", "AP", "SI")) for letters in product(*order)]


def labels(codes: str = "RAS") -> LabelMap:
    """In RAS: right tibia in slices 4 to 9, left femur in 20 to 29 of 40, 3 mm apart, the lowest at -50 mm."""
    array = np.zeros((12, 10, 40), dtype=np.uint8)
    array[3:6, 3:6, 4:10], array[6:9, 3:6, 20:30] = 1, 12
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-12, -10, -50)
    return LabelMap(array, affine, task=TASK).reoriented(codes)


@pytest.mark.parametrize("codes", CODES)
def test_the_range_is_the_same_places_in_every_orientation(codes: str) -> None:
    found = region(labels(codes))
    assert sorted(found.mm) == pytest.approx([-50 + 3 * 4, -50 + 3 * 29])
    assert found.last - found.first == 25
    cut = found.cut(labels(codes))
    assert isinstance(cut, LabelMap)
    assert (cut.array > 0).sum() == (labels().array > 0).sum()
    was, now = (v.world_mm(np.argwhere(v.array == 12)).mean(axis=0) for v in (labels(codes), cut))
    np.testing.assert_allclose(was, now, atol=1e-9)


@pytest.mark.parametrize(
    ("margin_mm", "first", "last"), [(0, 4, 9), (3, 3, 10), (4.4, 3, 10), (4.6, 2, 11), (500, 0, 39)]
)
def test_the_margin_is_in_mm_and_ends_with_the_scan(margin_mm: float, first: int, last: int) -> None:
    found = region(labels(), structures=["tibia-*"], margin_mm=margin_mm)
    assert (found.first, found.last) == (first, last)


def test_other_directions_are_cut_too() -> None:
    found = region(labels("SAR"), direction="left-right", structures=["tibia-right"])
    assert (found.axis, found.first, found.last) == (2, 3, 5)


def test_a_scan_of_another_grid_is_cut_to_the_same_places() -> None:
    affine = np.diag([-4.0, 4.0, 1.5, 1.0])
    affine[:3, 3] = (30, -20, -80)
    scan = Volume(np.zeros((15, 10, 160), dtype=np.int16), affine)
    found = region(labels(), scan=scan)
    low, high = transform_points(affine, np.array([[0, 0, found.first], [0, 0, found.last]]))[:, 2]
    assert -50 + 3 * 4 - 1.5 <= low <= -50 + 3 * 4 + 0.01
    assert -50 + 3 * 29 - 0.01 <= high <= -50 + 3 * 29 + 1.5


def test_mistakes_are_named() -> None:
    with pytest.raises(TaskError, match="nothing to go by"):
        region(Volume(np.zeros((3, 3, 3), dtype=np.uint8), np.eye(4)))
    with pytest.raises(TaskError, match=r"pelvis"):
        region(labels(), structures=["pelvis-left"])
    with pytest.raises(UsageError, match="Name the task"):
        region(Volume(labels().array, labels().affine), structures=["tibia-right"])
    with pytest.raises(UsageError, match="margin"):
        region(labels(), margin_mm=-1)
    far = Volume(np.zeros((5, 5, 5)), np.eye(4) + 500 * np.eye(4)[:, [2]] @ [[0, 0, 0, 1.0]])
    with pytest.raises(GeometryError, match="beyond the scan's last slice"):
        region(labels(), scan=far)
    with pytest.raises(GeometryError, match="40 slices"):
        region(labels()).cut(Volume(np.zeros((5, 5, 5)), np.eye(4)))
