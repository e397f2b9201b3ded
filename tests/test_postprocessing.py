"""Bodies that touch are told apart, parts and holes are mended, and levels are named from the lowest up."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.errors import TaskError
from osteon.networks.model import ModelSpec, NetworkSpec, PostprocessingSpec
from osteon.postprocessing import Finished, finish, name_levels, split_instances
from osteon.postprocessing.components import bounding_box, without_holes, without_small_parts
from osteon.postprocessing.finish import NOTHING
from osteon.preprocessing import Preprocessing
from osteon.volume import Volume

LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))
ALL_48 = ["".join(LETTERS[axis][way] for axis, way in zip(axes, ways, strict=True))
          for axes in permutations(range(3)) for ways in product((0, 1), repeat=3)]  # fmt: skip
LUMBAR = Task.load("lumbar-spine")
LEGS = Task.load("leg-bones")
SPACING = (4.0, 1.0, 1.0)
BODY, STEP, BOTTOM = 24, 30, 30  # height of a body, distance to the next, and room for the sacrum, in mm


def spec(task: Task = LUMBAR, classes: tuple[str, ...] = ("vertebra-L5", "vertebra"), **how: object) -> ModelSpec:
    if task is LUMBAR:
        how = {"anchor": "vertebra-L5", **how}
    return ModelSpec(
        name="tiny",
        title="Tiny",
        task=task.name,
        classes=classes,
        network=NetworkSpec(width=8),
        preprocessing=Preprocessing(),
        postprocessing=PostprocessingSpec.model_validate(how),
        licence="CC0",
        weights_sha256="",
    )


def spine(*classes: int, bridges: bool = False, bottom: int = BOTTOM) -> Volume:
    """Boxes of 36 x 30 x 24 mm from the lowest up, 6 mm apart, of these network classes (0: no body there)."""
    array = np.zeros((15, 60, bottom + STEP * len(classes) + 10), np.uint8)  # right, front, up
    for level, number in enumerate(classes):
        low = bottom + STEP * level
        array[3:12, 15:45, low : low + BODY] = number
        if bridges and level + 1 < len(classes):
            # osteophytes: 5 mm thick, along the front edge and at one side
            array[3:12, 40:45, low + BODY : low + STEP] = number
            array[3:5, 20:45, low + BODY : low + STEP] = number
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-30, -20, -100)
    return Volume(array, affine)


def level_values(done: Finished, like: Volume) -> list[int]:
    """Label in the middle of each box of `spine`."""
    labels = done.labels.reoriented("RAS").array
    levels = (like.array.shape[2] - BOTTOM - 10) // STEP
    return [int(labels[7, 30, BOTTOM + STEP * level + BODY // 2]) for level in range(levels)]


# components


def test_small_parts_go_and_the_largest_stays() -> None:
    mask = np.zeros((20, 20, 20), bool)
    mask[1:8, 1:8, 1:8], mask[12:15, 12:15, 12:15], mask[18, 18, 18] = True, True, True
    assert without_small_parts(mask, 27).sum() == 343 + 27
    assert without_small_parts(mask, 28).sum() == 343
    assert without_small_parts(mask, 10_000).sum() == 343
    assert not without_small_parts(np.zeros((4, 4, 4), bool), 1).any()


def test_parts_that_meet_at_a_corner_are_one() -> None:
    mask = np.zeros((6, 6, 6), bool)
    mask[:3, :3, :3], mask[3:, 3:, 3:] = True, True
    assert without_small_parts(mask, 30).sum() == 54


def test_cavities_are_filled_and_bays_are_not() -> None:
    mask = np.ones((10, 10, 10), bool)
    mask[4:6, 4:6, 4:6], mask[:3, 7, 7] = False, False
    filled = without_holes(mask)
    assert filled[4:6, 4:6, 4:6].all()
    assert not filled[:3, 7, 7].any()


def test_bounding_box_is_cut_at_the_ends() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[0, 3:5, 8] = True
    assert bounding_box(mask, 2) == (slice(0, 3), slice(1, 7), slice(6, 9))


# instances


def bodies_of(mask: NDArray[np.bool_], spacing: tuple[float, float, float] = SPACING) -> list[NDArray[np.bool_]]:
    found = split_instances(mask, spacing, 1000.0)
    assert not (found[~mask]).any()
    return [found == n for n in range(1, int(found.max()) + 1)]


def test_two_boxes_joined_by_a_bridge_are_two_bodies() -> None:
    bridge = np.zeros((60, 60, 80), bool)
    bridge[10:50, 10:50, 5:35], bridge[10:50, 10:50, 45:75] = True, True
    both = bridge.copy()
    bridge[26:34, 26:34, 35:45] = True
    bodies = bodies_of(bridge, (1.0, 1.0, 1.0))
    assert len(bodies) == 2
    for body in bodies:
        assert 0.99 < (body & both).sum() / (40 * 40 * 30) < 1.01, "the cut runs through the bridge"


@pytest.mark.parametrize("bridges", [False, True])
def test_a_row_of_five_boxes_falls_into_five(bridges: bool) -> None:
    mask = spine(1, 2, 2, 2, 2, bridges=bridges).array > 0
    bodies = bodies_of(mask)
    assert len(bodies) == 5
    boxes = spine(1, 2, 2, 2, 2).array > 0
    for body in bodies:
        assert (body & boxes).sum() == pytest.approx(9 * 30 * BODY, rel=0.03)
        heights = np.flatnonzero(body.any(axis=(0, 1)))
        assert BODY <= np.ptp(heights) + 1 <= STEP + 6


def test_one_body_with_a_waist_stays_one() -> None:
    mask = np.zeros((9, 60, 50), bool)
    mask[:, 15:45, 10:36] = True
    mask[:, 15:18, 18:28] = mask[:, 42:45, 18:28] = False  # vertebral bodies are narrower in the middle
    assert len(bodies_of(mask)) == 1


def test_a_body_that_the_scans_edge_cuts_is_not_split() -> None:
    mask = np.zeros((6, 40, 30), bool)
    mask[:, 5:35, 20:] = True
    assert len(bodies_of(mask)) == 1


def test_bodies_of_too_few_mm3_are_dropped() -> None:
    mask = np.zeros((20, 40, 40), bool)
    mask[2:10, 2:32, 2:32], mask[15, 35:38, 35:38] = True, True
    (body,) = bodies_of(mask)
    assert body.sum() == 8 * 30 * 30
    assert split_instances(mask, SPACING, 1e9).max() == 0


# levels


@pytest.mark.parametrize("codes", ALL_48)
def test_levels_are_named_in_order_in_every_orientation(codes: str) -> None:
    scan = spine(1, 2, 2)
    done = finish(scan.reoriented(codes), spec(), LUMBAR)
    assert level_values(done, scan) == [1, 2, 3]
    assert done.warnings == ()
    assert done.labels.orientation == codes
    assert done.labels.array.dtype == np.uint8


def test_bridged_vertebrae_are_named() -> None:
    scan = spine(1, 2, 2, 2, 2, bridges=True)
    assert level_values(finish(scan, spec(), LUMBAR), scan) == [1, 2, 3, 4, 5]


def test_levels_follow_an_oblique_grid() -> None:
    scan = spine(1, 2, 2, 2)
    tilt = np.radians(35)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine = scan.affine.copy()
    affine[:3, :3] = turn @ affine[:3, :3]
    done = finish(Volume(scan.array, affine), spec(), LUMBAR)
    assert [int(done.labels.array[7, 30, BOTTOM + STEP * n + 12]) for n in range(4)] == [1, 2, 3, 4]


def test_a_gap_skips_a_level_with_a_warning() -> None:
    scan = spine(1, 2, 0, 2, 2)
    done = finish(scan, spec(), LUMBAR)
    assert level_values(done, scan) == [1, 2, 0, 4, 5]
    (warning,) = done.warnings
    assert "vertebra-L3" in warning


def test_a_body_below_the_anchor_is_the_sacrums() -> None:
    scan = spine(2, 1, 2, 2)
    done = finish(scan, spec(), LUMBAR)
    assert level_values(done, scan) == [0, 1, 2, 3]
    (warning,) = done.warnings
    assert "Left out a body below vertebra-L5" in warning


def test_without_an_anchor_levels_are_counted_with_a_warning() -> None:
    scan = spine(2, 2, 2)
    done = finish(scan, spec(), LUMBAR)
    assert level_values(done, scan) == [1, 2, 3]
    (warning,) = done.warnings
    assert "No body looks like vertebra-L5 (0% of the likeliest does)" in warning


@pytest.mark.parametrize(("share", "named", "warns"), [(0.1, [1, 2, 3], 1), (0.4, [0, 1, 2], 2), (0.7, [0, 1, 2], 1)])
def test_the_anchor_needs_a_good_part_of_a_body_and_half_of_it_to_be_sure(
    share: float, named: list[int], warns: int
) -> None:
    scan = spine(2, 2, 2)
    low = BOTTOM + STEP
    scan.array[3:12, 15:45, low : low + round(BODY * share)] = 1
    done = finish(scan, spec(), LUMBAR)
    assert level_values(done, scan) == named
    assert len(done.warnings) == warns
    assert any("No body looks like vertebra-L5" in warning for warning in done.warnings) == (share < 0.5)


def test_a_model_without_an_anchor_counts_from_the_lowest() -> None:
    scan = spine(1, 1, 1)
    done = finish(scan, spec(classes=("vertebra",), anchor=None), LUMBAR)
    assert level_values(done, scan) == [1, 2, 3]
    assert done.warnings == ()


def test_a_scan_that_ends_at_the_lowest_body_warns_of_the_sacrum() -> None:
    done = finish(spine(1, 2, bottom=4), spec(), LUMBAR)
    (warning,) = done.warnings
    assert "ends 4 mm below vertebra-L5" in warning or "ends 5 mm below vertebra-L5" in warning
    # a box of the array does not shorten the scan
    assert finish(spine(1, 2, bottom=25), spec(), LUMBAR).warnings == ()


def test_more_bodies_than_names_are_left_out_with_a_warning() -> None:
    scan = spine(1, *[2] * 11)
    done = finish(scan, spec(), LUMBAR)
    assert level_values(done, scan) == [*range(1, 11), 0, 0]
    assert all("above vertebra-T8 is left out" in warning for warning in done.warnings)
    assert len(done.warnings) == 2


def test_nothing_found_is_said() -> None:
    done = finish(spine(0, 0), spec(), LUMBAR)
    assert not done.labels.array.any()
    assert done.warnings == (NOTHING,)
    speck = spine(0, 0)
    speck.array[5, 20:23, 40:43] = 2
    assert finish(speck, spec(), LUMBAR).warnings == (NOTHING,)


def test_names_come_from_the_task() -> None:
    instances = np.zeros((9, 9, 9), np.uint16)
    instances[:, :, 1:3], instances[:, :, 6:8] = 2, 1
    volume = Volume(instances, np.diag([10.0, 10, 10, 1]))
    labels, _ = name_levels(instances, None, volume.affine, LUMBAR, volume.grid)
    assert labels[0, 0, [1, 6]].tolist() == [1, 2]


# finish


def test_holes_in_a_vertebra_are_filled_and_specks_go() -> None:
    scan = spine(1, 2, 2)
    scan.array[6:9, 28:32, BOTTOM + 10 : BOTTOM + 14] = 0
    scan.array[1, 2:4, 2:4] = 2
    done = finish(scan, spec(), LUMBAR)
    np.testing.assert_array_equal(done.labels.array > 0, spine(1, 2, 2).array > 0)


def test_other_classes_keep_their_value_and_lose_specks() -> None:
    scan = spine(1, 2)
    scan.array[6:9, 5:12, :] = 3
    scan.array[0, 0, 0] = 3
    done = finish(scan, spec(classes=("vertebra-L5", "vertebra", "spinal-canal")), LUMBAR)
    assert done.labels.values() == [1, 2, 100]
    np.testing.assert_array_equal(done.labels.array == 100, (scan.array == 3) & (np.indices(scan.shape).sum(0) > 0))


@pytest.mark.parametrize("order", [("femur-right", "tibia-right"), ("tibia-right", "femur-right")])
def test_filling_a_hole_takes_nothing_from_another_class(order: tuple[str, ...]) -> None:
    array = np.zeros((20, 20, 20), np.uint8)
    array[2:18, 2:18, 2:18] = order.index("femur-right") + 1
    array[8:12, 8:12, 8:12] = order.index("tibia-right") + 1
    array[4, 4, 4] = 0
    done = finish(Volume(array, np.diag([5.0, 5, 5, 1])), spec(LEGS, order), LEGS)
    labels = done.labels.array
    assert (labels == 1).sum() == 64
    assert (labels == 2).sum() == 16**3 - 64
    assert labels[4, 4, 4] == 2


def test_both_legs_keep_their_sides() -> None:
    array = np.zeros((40, 20, 20), np.uint8)
    array[2:18, 2:18, 2:18], array[22:38, 2:18, 2:18] = 1, 2
    scan = Volume(array, np.diag([5.0, 5, 5, 1]))
    labels = finish(scan, spec(LEGS, ("femur-left", "femur-right")), LEGS).labels.array
    assert (labels[10, 10, 10], labels[30, 10, 10]) == (12, 2)


def test_a_class_of_both_sides_is_refused_and_not_called_left() -> None:
    with pytest.raises(TaskError, match="several structures"):
        finish(Volume(np.ones((5, 5, 5), np.uint8), np.eye(4)), spec(LEGS, ("femur",)), LEGS)


def test_values_above_255_have_room() -> None:
    text = (
        'name = "wide"\ntitle = "W"\nplane = "axial"\nspacing_mm = [1, 1, 1]\n'
        '[[structures]]\nname = "bone"\nvalue = 500\nside = "midline"\ncolour = "#000000"\n'
    )
    task = Task.from_toml(text, "wide")
    done = finish(Volume(np.ones((5, 5, 5), np.uint8), np.diag([9.0, 9, 9, 1])), spec(task, ("bone",)), task)
    assert done.labels.values() == [500]
    assert done.labels.array.dtype == np.uint16


def test_a_fragment_wholly_of_the_anchors_class_does_not_take_the_lowest_levels_place() -> None:
    scan = spine(1, 1, 2, 2, 2)
    fragment = scan.array[:, :, BOTTOM : BOTTOM + BODY]
    fragment[:5], fragment[10:], fragment[:, :25], fragment[:, 36:] = 0, 0, 0, 0  # 4.6 cm3 of the sacrum
    scan.array[3:6, :, BOTTOM + STEP : BOTTOM + STEP + BODY][:, 15:45] = 2  # a third of L5 looks like another vertebra
    done = finish(scan, spec(), LUMBAR)
    assert level_values(done, scan) == [0, 1, 2, 3, 4]
    assert any("Left out a body below vertebra-L5" in warning for warning in done.warnings)
