"""Bones of the legs after the network: parts, holes, sides, and bones taken for one another, in 3-D and in slices."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from limbs import LEFT_MM, LEGS, RIGHT_MM, Canvas, Labels, legs
from osteon.anatomy import Limb, Task
from osteon.errors import CohortError, TaskError
from osteon.networks.model import ModelSpec, NetworkSpec, PostprocessingSpec
from osteon.postprocessing import Finished, belonging, clean_volume, denoise_slices, finish
from osteon.postprocessing.neighbours import put_bones_right
from osteon.postprocessing.notes import Notes
from osteon.postprocessing.parts import Least, Part, Parted
from osteon.preprocessing import Preprocessing, Side, one_side
from osteon.volume import LabelMap, Volume

LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))
ALL_48 = ["".join(LETTERS[axis][way] for axis, way in zip(axes, ways, strict=True))
          for axes in permutations(range(3)) for ways in product((0, 1), repeat=3)]  # fmt: skip
SPACINGS = [(3.0, 3.0, 4.0), (2.5, 2.5, 6.0)]
TIBIA, FEMUR, FIBULA, PELVIS = 1, 2, 3, 4
LEFT = 10


def cleaned(volume: Volume, **how: object) -> tuple[Volume, Notes]:
    array = volume.array.copy()
    return volume.with_array(array), clean_volume(array, volume.affine, LEGS, PostprocessingSpec.model_validate(how))


def mended(damaged: Canvas, true: Canvas, codes: str = "RAS") -> Notes:
    """Clean a damaged map, which must give the true one, and that again."""
    result, notes = cleaned(damaged.volume(codes))
    np.testing.assert_array_equal(result.array, true.volume(codes).array)
    again, nothing = cleaned(result)
    np.testing.assert_array_equal(again.array, result.array)
    assert nothing.sentences() == []
    return notes


# 3-D: parts and holes


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("sides", [("right", "left"), ("right",), ("left",)])
def test_a_clean_map_stays_as_it_is(sides: tuple[str, ...], spacing_mm: tuple[float, float, float]) -> None:
    true = legs(*sides, spacing_mm=spacing_mm)
    notes = mended(true, true)
    assert notes.sentences() == notes.reasons_to_look() == []


def test_an_epiphysis_behind_a_growth_plate_stays_and_an_island_beside_the_shaft_goes() -> None:
    damaged = legs()
    damaged.cylinder(FEMUR, RIGHT_MM + 45, 60, (250, 280), 9)  # beyond reach of no other bone, in the muscle
    assert "cm3 of femur-right were removed." in mended(damaged, legs()).sentences()[0]


def test_a_stretch_of_the_shaft_that_was_not_found_parts_the_bone_but_removes_nothing() -> None:
    true = legs()
    true.array[true.box((0, 300), (0, 90), (80, 120))] = 0  # 40 mm of both shins
    mended(true, true)


def test_specks_go_and_cavities_are_filled() -> None:
    damaged = legs()
    rng = np.random.default_rng(0)
    damaged.array[rng.random(damaged.array.shape) < 0.002] = 0
    damaged.array[damaged.box((100, 104), (10, 13), (240, 244))] = TIBIA
    result, _ = cleaned(damaged.volume())
    true = legs().array
    wrong = result.array != true
    for value in (TIBIA, FEMUR, FIBULA, PELVIS):
        assert not (wrong & ndimage.binary_erosion(true == value)).any()  # inside nothing is missing
    assert not (wrong & (true == 0)).any()  # outside nothing is left


def test_a_bone_of_one_voxel_is_a_bone() -> None:
    true = legs("right")
    true.array[true.array == FIBULA] = 0
    true.array[80, 13, 30] = FIBULA
    result, notes = cleaned(true.volume(), smallest_mm3=0.0, part_share=0.0)
    np.testing.assert_array_equal(result.array, true.array)
    assert notes.sentences() == []


# 3-D: sides


def as_other_side(canvas: Canvas, where: tuple[slice, slice, slice]) -> None:
    """Give labels in a box the other side's values."""
    part = canvas.array[where]
    part[part > 0] = np.where(part[part > 0] > LEFT, part[part > 0] - LEFT, part[part > 0] + LEFT)


@pytest.mark.parametrize("codes", ALL_48[::5])
def test_a_piece_named_after_the_other_leg_is_put_right_in_any_orientation(codes: str) -> None:
    damaged = legs()
    as_other_side(damaged, damaged.box((150, 300), (0, 90), (208, 260)))  # lower half of the right femur's shaft
    notes = mended(damaged, legs(), codes)
    assert "cm3 of femur-left were given to femur-right" in notes.sentences()[0]
    assert "Check femur-right" in notes.reasons_to_look()[0]


@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_two_legs_named_left_become_left_and_right(spacing_mm: tuple[float, float, float]) -> None:
    damaged = legs(spacing_mm=spacing_mm)
    as_other_side(damaged, damaged.box((150, 300), (0, 90), (0, 420)))
    mended(damaged, legs(spacing_mm=spacing_mm))


def test_two_legs_with_their_names_exchanged_are_put_right() -> None:
    damaged = legs()
    as_other_side(damaged, damaged.box((0, 300), (0, 90), (0, 420)))
    mended(damaged, legs())


def test_a_hip_bone_that_took_half_of_the_other_is_cut_at_the_midline() -> None:
    damaged = legs()
    as_other_side(damaged, damaged.box((150, 180), (0, 90), (300, 400)))
    mended(damaged, legs())


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("without", [(), (FIBULA,), (PELVIS,), (PELVIS, FEMUR)])
def test_a_single_leg_is_told_by_the_fibula_or_the_hip(side: str, without: tuple[int, ...]) -> None:
    true = legs(side)
    true.array[np.isin(true.array % LEFT, without)] = 0
    damaged = legs(side)
    damaged.array[damaged.array != true.array] = 0
    as_other_side(damaged, damaged.box((0, 300), (0, 90), (0, 420)))
    mended(damaged, true)


def test_a_single_thigh_of_two_sides_is_left_with_a_warning() -> None:
    damaged = legs("right")
    damaged.array[damaged.array != FEMUR] = 0
    as_other_side(damaged, damaged.box((150, 300), (0, 90), (240, 420)))
    result, notes = cleaned(damaged.volume())
    np.testing.assert_array_equal(result.array, damaged.array)
    assert "no other bone tells its side" in notes.reasons_to_look()[0]


def test_a_mirrored_scan_is_warned_of() -> None:
    true = legs()
    fibulae = np.isin(true.array, (FIBULA, FIBULA + LEFT))
    true.array[fibulae] = 0
    for value, x in ((FIBULA, RIGHT_MM - 30), (FIBULA + LEFT, 120)):
        true.cylinder(value, x, 40, (28, 160), 6)
    _, notes = cleaned(true.volume())
    assert "mirrored" in notes.reasons_to_look()[0]


# 3-D: bones of one leg taken for one another


@pytest.mark.parametrize("codes", ["LPS", "AIR"])
@pytest.mark.parametrize(
    ("bone", "taken_for", "z"),
    [
        (FEMUR, TIBIA, (260, 300)),
        (FEMUR, TIBIA, (296, 328)),
        (FEMUR, FIBULA, (280, 300)),
        (TIBIA, FEMUR, (60, 100)),
        (TIBIA, FEMUR, (20, 60)),
        (TIBIA, FIBULA, (120, 150)),
        (FIBULA, TIBIA, (60, 100)),
    ],
)
def test_a_piece_taken_for_another_bone_is_given_back(
    bone: int, taken_for: int, z: tuple[float, float], codes: str
) -> None:
    damaged = legs()
    part = damaged.array[damaged.box((150, 300), (0, 90), z)]
    part[part == bone] = taken_for
    mended(damaged, legs(), codes)


def test_pieces_of_many_bones_along_one_shaft_are_given_back_one_after_the_other() -> None:
    damaged = legs()
    for low, value in ((280, TIBIA), (264, FIBULA), (248, TIBIA)):
        part = damaged.array[damaged.box((150, 300), (0, 90), (low, low + 16))]
        part[part == FEMUR] = value
    mended(damaged, legs())


def test_the_upper_half_of_a_thigh_named_tibia_becomes_femur_where_no_knee_is_in_view() -> None:
    true = legs("left")
    true.array[:, :, : round(208 / 4)] = 0
    damaged = legs("left")
    damaged.array[:, :, : round(208 / 4)] = 0
    part = damaged.array[damaged.box((0, 150), (0, 90), (276, 328))]
    part[part == FEMUR + LEFT] = TIBIA + LEFT
    mended(damaged, true)


def test_a_fibula_in_two_pieces_stays_a_fibula_where_it_meets_the_tibia() -> None:
    true = legs()
    true.array[true.box((225, 300), (0, 90), (60, 100))] = 0
    true.array[true.box((222, 240), (37, 43), (28, 60))] = FIBULA  # the lower piece lies on the tibia
    mended(true, true)


def test_no_two_parts_are_compared_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = legs()
    rng = np.random.default_rng(0)
    for _ in range(40):
        x, y, z = RIGHT_MM + rng.uniform(-40, 40), rng.uniform(10, 80), rng.uniform(20, 400)
        damaged.cylinder(int(rng.integers(1, 5)), x, y, (z, z + 8), 5)
    compared: Counter[tuple[str, Part, Part]] = Counter()

    def counted(name: str, of_two: Callable[[Part, Part], float]) -> Callable[[Part, Part], float]:
        def compare(one: Part, other: Part) -> float:
            compared[name, one, other] += 1
            return of_two(one, other)

        return compare

    for name in ("gap_mm", "touching_mm2"):
        monkeypatch.setattr(belonging, name, counted(name, getattr(belonging, name)))
    labels = damaged.volume()
    notes = put_bones_right(Parted(labels.array, labels.affine, Least(1, 0.0)), LEGS, 15.0)
    assert len(notes.sentences()) > 3
    assert set(compared.values()) == {1}
    assert {name for name, _, _ in compared} == {"gap_mm", "touching_mm2"}


@settings(max_examples=8, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 2**16), spacing_mm=st.sampled_from(SPACINGS), codes=st.sampled_from(ALL_48))
def test_any_damage_of_some_kinds_is_mended(seed: int, spacing_mm: tuple[float, float, float], codes: str) -> None:
    rng = np.random.default_rng(seed)
    damaged, true = legs(spacing_mm=spacing_mm), legs(spacing_mm=spacing_mm)
    low = float(rng.uniform(216, 260))
    as_other_side(damaged, damaged.box((0, 150), (0, 90), (low, low + rng.uniform(16, 60))))
    part = damaged.array[damaged.box((150, 300), (0, 90), (low, low + rng.uniform(16, 40)))]
    part[part == FEMUR] = rng.choice([TIBIA, FIBULA])
    damaged.array[damaged.box((142, 150), (0, 8), (low, low + 8))] = rng.choice([TIBIA, FEMUR, FIBULA])
    mended(damaged, true, codes)


# slices


def denoised_directly(labels: Labels, axis: int, share: float) -> Labels:
    """The same as `denoise_slices`, by scipy, structure by structure and part by part."""
    result = np.zeros_like(labels)
    for before, after in zip(np.moveaxis(labels, axis, 0), np.moveaxis(result, axis, 0), strict=True):
        kept = {}
        for value in np.unique(before[before > 0]):
            mask = before == value
            smallest = int(share * mask.sum())
            filled = mask | small_parts(~mask, smallest)
            kept[value] = filled & ~small_parts(filled, smallest)
        for value, mask in kept.items():
            after[mask & (before == value)] = value
        for value, mask in kept.items():
            after[mask & (before != value) & (after == 0)] = value
    return result


def small_parts(mask: np.ndarray, smallest: int) -> np.ndarray:
    parts, count = ndimage.label(mask)  # 4-connected
    small = [n for n in range(1, count + 1) if (parts == n).sum() < smallest]
    return np.isin(parts, small)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 14)] * 3),
    smooth=st.integers(1, 4),
    share=st.sampled_from([0.0, 0.01, 0.1, 0.3, 0.6, 0.95]),
    axis=st.integers(0, 2),
)
def test_slices_are_denoised_as_by_scipy_bit_for_bit(
    seed: int, shape: tuple[int, int, int], smooth: int, share: float, axis: int
) -> None:
    noise = ndimage.uniform_filter(np.random.default_rng(seed).random(shape), smooth)
    labels = np.digitize(noise, np.quantile(noise, [0.5, 0.75])).astype(np.uint8) * 3
    before = labels.copy()
    np.testing.assert_array_equal(denoise_slices(labels, axis, share), denoised_directly(labels, axis, share))
    np.testing.assert_array_equal(labels, before)


def test_sizes_in_slices_are_truncated_to_whole_pixels() -> None:
    labels = np.zeros((60, 60, 2), np.uint8)
    labels[:20, :20] = 1  # with the parts below 4.03 and 4.04 pixels are one in a hundred: 4
    labels[30, 30:33, 0] = 1
    labels[30, 30:34, 1] = 1
    done = denoise_slices(labels, 2, 0.01)
    assert not done[30, :, 0].any()
    assert done[30, :, 1].sum() == 4


# finish


def finished(volume: Volume, **how: object) -> Finished:
    names = tuple(s.name for s in LEGS.structures)
    spec = ModelSpec(
        name="tiny",
        title="Tiny",
        task="leg-bones",
        classes=names,
        network=NetworkSpec(width=8),
        preprocessing=Preprocessing(),
        postprocessing=PostprocessingSpec.model_validate(how),
        licence="CC0",
        weights_sha256="",
    )
    number_of_value = np.zeros(20, np.uint8)
    number_of_value[[s.value for s in LEGS.structures]] = range(1, len(names) + 1)
    return finish(volume.with_array(number_of_value[volume.array]), spec, LEGS)


@pytest.mark.parametrize("codes", ["RAS", "SPL", "AIL"])
def test_the_method_slices_works_across_axial_slices_and_leaves_sides_alone(codes: str) -> None:
    damaged = legs()
    as_other_side(damaged, damaged.box((150, 300), (0, 90), (208, 260)))
    damaged.array[damaged.box((141, 144), (0, 3), (0, 420))] = PELVIS  # one pixel in each slice
    axis = codes.index("S") if "S" in codes else codes.index("I")
    volume = damaged.volume(codes)
    done = finished(volume, method="slices", slice_share=0.02)
    np.testing.assert_array_equal(done.labels.array, denoised_directly(volume.array, axis, 0.02))
    assert done.notes == done.warnings == ()


def test_what_was_changed_is_told_and_only_large_changes_warn() -> None:
    damaged = legs()
    damaged.cylinder(FEMUR, RIGHT_MM + 45, 60, (250, 280), 9)
    done = finished(damaged.volume())
    np.testing.assert_array_equal(done.labels.array, legs().array)
    assert len(done.notes) == 1
    assert done.warnings == ()


# the task's table


def test_a_task_with_a_limb_is_written_and_read_again() -> None:
    again = Task.from_toml(LEGS.toml(), "again")
    assert again == LEGS
    assert again.limb == Limb(order=("pelvis", "femur", "tibia"), lateral=(("fibula", "tibia"), ("femur", "pelvis")),
                              midline=("pelvis",))  # fmt: skip
    assert again.limb.long_groups == ("femur", "tibia", "fibula")
    assert "limb" in tomllib.loads(LEGS.toml())


def test_a_limb_of_unknown_groups_is_refused() -> None:
    text = LEGS.toml().replace('midline = ["pelvis"]', 'midline = ["rib"]')
    with pytest.raises(TaskError, match="without a right and a left structure: rib"):
        Task.from_toml(text, "legs.toml")


# one side


@pytest.mark.parametrize("codes", ALL_48[::7])
@pytest.mark.parametrize("side", ["right", "left"])
def test_one_side_of_a_scan_holds_that_leg_whole_and_nothing_of_the_other(side: Side, codes: str) -> None:
    bodies, labelled = Canvas(), legs(side)
    bodies.cylinder(100, RIGHT_MM + 5, 45, (0, 420), 40)
    bodies.cylinder(100, LEFT_MM + 5, 45, (0, 420), 40)
    labelled.array[np.isin(labelled.array % LEFT, (PELVIS,))] = 0
    labelled.array %= LEFT  # the right side's values, whichever it is
    labels = LabelMap(labelled.volume(codes).array, labelled.volume(codes).affine, task=LEGS)
    scan, cropped = one_side(bodies.volume(codes), side, labels)
    assert cropped is not None
    assert scan.grid.matches(cropped.grid)
    assert np.count_nonzero(scan.array) == np.count_nonzero(bodies.array) / 2
    assert [LEGS.by_value(v).name for v in cropped.values()] == [f"{b}-{side}" for b in ("tibia", "femur", "fibula")]
    for value in cropped.values():
        before = labels.world_mm(np.argwhere(labels.array == value % LEFT))
        after = cropped.world_mm(np.argwhere(cropped.array == value))
        np.testing.assert_allclose(np.sort(after, axis=0), np.sort(before, axis=0))


def test_labels_of_the_other_side_are_refused() -> None:
    bodies = Canvas()
    for x in (RIGHT_MM, LEFT_MM):
        bodies.cylinder(100, x, 45, (0, 420), 40)
    labelled = legs("left").volume()
    with pytest.raises(CohortError, match="% of the labels lie on the patient's right"):
        one_side(bodies.volume(), "right", LabelMap(labelled.array, labelled.affine, task=LEGS))
