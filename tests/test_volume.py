"""A volume never loses its place; a label map never holds what its task does not know."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from osteon.anatomy import Task
from osteon.errors import GeometryError, TaskError
from osteon.geometry import Grid
from osteon.volume import LabelMap, NiftiGeometry, Volume

LEG = Task.load("leg-bones")
AFFINE = np.array([[0, 0, 4.0, -20], [-1.0, 0, 0, 30], [0, -1.5, 0, 90], [0, 0, 0, 1]])


def volume() -> Volume:
    array = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    return Volume(array, AFFINE, NiftiGeometry(1, 1, ()))


def label_map() -> LabelMap:
    array = np.zeros((5, 6, 7), dtype=np.uint8)
    array[1:3, 2:4, 3:5], array[3:, :2] = 2, 11
    return LabelMap(array, AFFINE, task=LEG)


def test_a_volume_prints_as_a_report() -> None:
    assert "shape: (5, 6, 7); spacing: (1.00, 1.50, 4.00) mm; orientation: PIR+; dtype: int16" in repr(volume())


def test_a_label_map_prints_its_structures() -> None:
    assert "task: leg-bones; structures: " + LEG.by_value(2).name in repr(label_map())


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4, 1)])
def test_only_three_axes_make_a_volume(shape: tuple[int, ...]) -> None:
    with pytest.raises(GeometryError, match="three axes"):
        Volume(np.zeros(shape), np.eye(4))


def test_world_and_index_are_each_others_inverse() -> None:
    index = np.random.default_rng(0).uniform(0, 5, (20, 3))
    np.testing.assert_allclose(volume().index(volume().world_mm(index)), index, atol=1e-9)


def test_voxel_volume_comes_from_the_affine() -> None:
    assert volume().voxel_volume_mm3 == pytest.approx(6.0)


def test_the_nifti_geometry_stays_with_the_grid_and_no_longer() -> None:
    scan = volume()
    assert scan.with_array(scan.array * 2).nifti_geometry is scan.nifti_geometry
    assert scan.reoriented("RAS").nifti_geometry is None
    assert scan.cropped((slice(0, 2), slice(0, 2), slice(0, 2))).nifti_geometry is None
    assert scan.resampled(Grid((3, 3, 3), AFFINE)).nifti_geometry is None


def test_an_array_of_another_shape_does_not_fit_the_grid() -> None:
    with pytest.raises(GeometryError, match="does not fit"):
        volume().with_array(np.zeros((5, 6, 8)))


def test_cropping_keeps_world_positions() -> None:
    crop = volume().cropped((slice(2, 4), slice(1, 5), slice(3, 7)))
    np.testing.assert_allclose(crop.world_mm(np.zeros((1, 3))), volume().world_mm(np.array([[2.0, 1, 3]])))
    assert crop.array[0, 0, 0] == volume().array[2, 1, 3]


def test_a_reoriented_label_map_keeps_task_and_volumes() -> None:
    turned = label_map().reoriented("LAS")
    assert turned.task is LEG
    assert (turned.array == 2).sum() == (label_map().array == 2).sum()
    assert turned.orientation == "LAS"


def test_a_resampled_label_map_keeps_its_values() -> None:
    finer = label_map().resampled(label_map().grid.with_spacing((0.5, 0.5, 0.5)))
    assert finer.values() == [2, 11]
    share = (finer.array == 11).sum() * finer.voxel_volume_mm3 / ((label_map().array == 11).sum() * 6.0)
    assert share == pytest.approx(1, abs=0.1)


def test_unknown_labels_are_refused_by_name_of_the_task() -> None:
    with pytest.raises(TaskError, match=r"\[77\] do not belong to the task leg-bones"):
        LabelMap(np.full((2, 2, 2), 77), np.eye(4), task=LEG)


def test_a_label_map_of_floats_is_refused() -> None:
    with pytest.raises(TaskError, match="float"):
        LabelMap(np.zeros((2, 2, 2)), np.eye(4), task=LEG)


def test_mask_takes_a_structure_and_refuses_the_unknown() -> None:
    assert label_map().mask(LEG.by_value(2).name).sum() == 8
    with pytest.raises(TaskError, match="no structure or group named patella"):
        label_map().mask("patella")


def test_every_other_voxel_stays_in_its_place() -> None:
    volume = Volume(np.arange(7 * 6 * 5).reshape(7, 6, 5), np.diag([-1.0, 2.0, 4.0, 1.0]))
    thin = volume.thinned(4.0)
    assert thin.spacing_mm == (4, 4, 4)
    for index in np.argwhere(np.ones(thin.shape)):
        i, j, k = volume.index(thin.world_mm(index[None]))[0].round().astype(int)
        assert volume.array[i, j, k] == thin.array[tuple(index)]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 1, 5), (4, 4, 4)])
def test_every_value_is_found_also_in_the_last_voxel_and_in_part_of_an_array(
    shape: tuple[int, int, int], order: Literal["C", "F"]
) -> None:
    array = np.zeros(shape, dtype=np.int16, order=order)
    array[0, 0, 0], array[-1, -1, -1] = 13, 2
    assert LabelMap(array, np.eye(4), task=LEG).values() == [2, 13]
    assert LabelMap(array[:, :, 1:], np.eye(4), task=LEG).values() == [2]
