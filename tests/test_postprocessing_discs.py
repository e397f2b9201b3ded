"""Discs take their names from the vertebrae that they lie between."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.networks.model import ModelSpec, NetworkSpec, PostprocessingSpec
from osteon.postprocessing import Finished, finish
from osteon.postprocessing.discs import name_discs
from osteon.preprocessing import Preprocessing
from osteon.synthesis import make_phantom
from osteon.volume import Volume

LUMBAR = Task.load("lumbar-spine")
L5, VERTEBRA, DISC, CANAL = 1, 2, 3, 4
BOTTOM, BODY, GAP = 40, 24, 9


def spec(*classes: str) -> ModelSpec:
    anchor = {"anchor": "vertebra-L5"} if "vertebra-L5" in classes else {}
    return ModelSpec(
        name="tiny",
        title="Tiny",
        task="lumbar-spine",
        classes=classes or ("vertebra-L5", "vertebra", "disc", "spinal-canal"),
        network=NetworkSpec(width=8),
        preprocessing=Preprocessing(),
        postprocessing=PostprocessingSpec.model_validate(anchor if classes else {"anchor": "vertebra-L5"}),
        licence="CC0",
        weights_sha256="",
    )


def spine(levels: int = 4) -> Volume:
    """Bodies of 36 x 30 x 24 mm from L5 up, a disc of 9 mm below each and above the last, and a canal behind them."""
    array = np.zeros((15, 60, BOTTOM + (BODY + GAP) * levels + 30), np.uint8)  # right, front, up at 4, 1, 1 mm
    for level in range(levels + 1):
        low = BOTTOM + (BODY + GAP) * level
        array[3:12, 15:45, low - GAP + 1 : low - 1] = DISC
        if level < levels:
            array[3:12, 15:45, low : low + BODY] = VERTEBRA if level else L5
    array[6:9, 2:12] = CANAL
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (-30, -20, -100)
    return Volume(array, affine)


def disc_values(done: Finished, levels: int = 4) -> list[int]:
    """Label in the middle of each disc of `spine`, from the lowest up."""
    labels = done.labels.reoriented("RAS").array
    return [int(labels[7, 30, BOTTOM + (BODY + GAP) * level - GAP // 2]) for level in range(levels + 1)]


@pytest.mark.parametrize("codes", ["RAS", "PIR", "LSA"])
def test_discs_vertebrae_and_canal_have_the_values_of_spider(codes: str) -> None:
    scan = spine().reoriented(codes)
    done = finish(scan, spec(), LUMBAR)
    assert done.warnings == ()
    assert done.labels.values() == [1, 2, 3, 4, 100, 201, 202, 203, 204, 205]
    assert disc_values(done) == [201, 202, 203, 204, 205]
    np.testing.assert_array_equal(done.labels.array > 200, scan.array == DISC)
    np.testing.assert_array_equal(done.labels.array == 100, scan.array == CANAL)


def test_discs_that_touch_one_another_are_cut_across_the_body_between() -> None:
    scan = spine()
    scan.array[3:5, 44:47, BOTTOM - GAP : BOTTOM + 3 * (BODY + GAP)] = DISC  # along the front edge of all bodies
    labels = finish(scan, spec(), LUMBAR).labels
    assert disc_values(finish(scan, spec(), LUMBAR)) == [201, 202, 203, 204, 205]
    heights = {v: np.argwhere(labels.array == v)[:, 2] for v in (201, 202, 203)}
    middle = BOTTOM + BODY // 2
    assert abs(heights[201].max() - middle) <= 2
    assert abs(heights[202].min() - middle) <= 2


def test_what_looks_like_a_disc_in_the_sacrum_or_beside_the_spine_is_left_out() -> None:
    scan = spine()
    scan.array[3:12, 15:45, 3:9] = DISC  # S1/S2, 35 mm below L5/S1
    scan.array[3:12, 48:60, BOTTOM + 4 : BOTTOM + 20] = DISC  # in the belly, in front of L5
    done = finish(scan, spec(), LUMBAR)
    assert disc_values(done) == [201, 202, 203, 204, 205]
    assert not (done.labels.array[:, :, :10] > 200).any()
    assert not (done.labels.array[:, 48:] > 200).any()


def test_specks_are_no_discs_and_a_missing_disc_is_said() -> None:
    scan = spine()
    between = slice(BOTTOM + BODY, BOTTOM + BODY + GAP)
    scan.array[:, 14:, between] = 0
    scan.array[7, 30:34, BOTTOM + BODY + 4] = DISC
    done = finish(scan, spec(), LUMBAR)
    assert disc_values(done) == [201, 0, 203, 204, 205]
    assert done.warnings == ("Nothing was found where disc-L4-L5 should be. Look there.",)


def test_levels_are_counted_across_a_vertebra_that_was_not_found() -> None:
    scan = spine(5)
    low = BOTTOM + 2 * (BODY + GAP)
    scan.array[3:12, 15:45, low : low + BODY] = 0
    done = finish(scan, spec(), LUMBAR)
    assert disc_values(done, 5) == [201, 202, 203, 204, 205, 206]


def test_discs_without_vertebrae_are_counted_from_the_lowest_with_a_warning() -> None:
    scan = spine()
    scan.array[scan.array != DISC] = 0
    scan.array[scan.array == DISC] = 1
    done = finish(scan, spec("disc"), LUMBAR)
    assert disc_values(done) == [201, 202, 203, 204, 205]
    assert "counted from the lowest found" in done.warnings[0]


def test_the_discs_of_a_curved_spine_get_their_own_names_back() -> None:
    phantom = make_phantom(LUMBAR, seed=3, shape=(110, 150, 8), spacing_mm=(2.0, 2.0, 8.0))
    truth = phantom.labels.array
    vertebrae: NDArray[np.uint16] = np.where(truth < 100, truth, 0).astype(np.uint16)
    found, warnings = name_discs(truth > 200, vertebrae, phantom.labels.affine, LUMBAR, 500.0)
    assert warnings == []
    wrong = (found != np.where(truth > 200, truth, 0)) & (found > 0)
    assert not wrong.any()
    inner = [v for v in phantom.labels.values() if 200 < v <= 200 + vertebrae.max()]
    for value in inner:
        assert (found == value).sum() > 0.98 * (truth == value).sum(), value
