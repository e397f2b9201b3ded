"""The scanner: signals, cutting, artefacts, slices to train on, whole scans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.utils._python_dispatch import TorchDispatchMode

from bodies import CLASSES, RADIUS_MM, SPACING_MM, legs
from osteon.anatomy import Task
from osteon.errors import TaskError, UsageError
from osteon.preprocessing import normalise
from osteon.preprocessing.prepare import WORKING_ORIENTATION
from osteon.synthesis.body import Body
from osteon.synthesis.contrast import TISSUES
from osteon.synthesis.parts import CODE
from osteon.synthesis.scanner import (
    PROTOCOLS,
    GeneratorSettings,
    PreparedBody,
    Protocol,
    ScanGeometry,
    SliceGenerator,
    acquisition,
    artefacts,
    bone,
    look,
    planes,
    scan_of,
)
from osteon.synthesis.scanner.cutting import cut
from osteon.synthesis.scanner.fields import spline_basis, spread
from osteon.synthesis.scanner.protocol import Settings, signal
from osteon.volume import LabelMap, Volume

PLAIN = GeneratorSettings(
    deformation=False, rotation_degrees=0, tilt_degrees=0, shift_mm=0, scaling=0, stretch=0, child_share=0, flip=0,
    one_leg=0, cut_share=0, other_plane=0, wrap_share=0, fourier_share=0, end_share=0,
)  # fmt: skip


FAULTLESS = {
    "texture": 0.0, "noise": 0.0, "bias": 0.0, "chemical_shift_mm": 0.0, "masked_share": 0.0, "clip_share": 0.0,
    "thickness_mm": (0.5, 0.5), "resolution_mm": (0.6, 0.6),
}  # fmt: skip


@pytest.fixture(scope="module")
def body() -> Body:
    return legs()


@pytest.fixture(scope="module")
def prepared(body: Body) -> PreparedBody:
    return PreparedBody.of(body, CLASSES)


def straight(prepared: PreparedBody, height: float, *, mirrored: bool = False) -> planes.Plane:
    """An axial plane whose pixels lie on voxels, without thickness."""
    axes = planes.BASES["axial"] * (np.array([[-1.0], [1.0], [1.0]]) if mirrored else 1.0)
    middle = (np.array(prepared.materials.shape) - 1) / 2
    offsets = np.zeros((1, planes.SUBSLICES, 3))
    knots = np.zeros((2, 3, 4, 4), np.float32)
    origin = np.array([middle[0], middle[1], height])
    return planes.Plane(axes / SPACING_MM, origin, knots, offsets, [-500.0, 500.0, -500.0, 500.0], mirrored)


# --- signals


def at(sequence: str, **kwargs: float) -> Settings:
    default = {"repetition_ms": 1e6, "echo_ms": 0.0, "flip_degrees": 90.0, "inversion_ms": 0.0}
    return Settings(sequence, **{"water": 1.0, "fat": 1.0, "field_tesla": 1.5} | default | kwargs)  # type: ignore[arg-type]


def measured(settings: Settings, t1_ms: float = 800.0, t2_ms: float = 50.0, dephasing_ms: float = 1e9) -> float:
    return float(signal(settings, *(np.array([t]) for t in (t1_ms, t2_ms, dephasing_ms)))[0])


def test_inversion_recovery_nulls_a_tissue_at_ln_2_of_its_t1() -> None:
    assert measured(at("inversion", inversion_ms=800 * np.log(2))) == pytest.approx(0, abs=1e-12)
    assert measured(at("inversion", inversion_ms=0)) == pytest.approx(1)


def test_spoiled_gradient_echo_is_brightest_at_the_ernst_angle() -> None:
    ernst = float(np.degrees(np.arccos(np.exp(-10 / 800))))
    best, less, more = (measured(at("spoiled", repetition_ms=10, flip_degrees=ernst * f)) for f in (1, 0.9, 1.1))
    assert best > less
    assert best > more


def test_balanced_ssfp_of_short_repetitions_depends_on_t1_over_t2_alone() -> None:
    angle = np.radians(40)
    expected = np.sin(angle) / (1 + np.cos(angle) + (1 - np.cos(angle)) * 800 / 50)
    assert measured(at("balanced", repetition_ms=1e-3, flip_degrees=40)) == pytest.approx(expected, rel=1e-4)


def test_spin_echo_keeps_37_percent_after_one_t2_and_gradient_echo_after_one_t2_prime() -> None:
    assert measured(at("spin-echo", echo_ms=50)) == pytest.approx(np.exp(-1))
    assert measured(at("spoiled", echo_ms=20), t2_ms=1e9, dephasing_ms=20) == pytest.approx(np.exp(-1), rel=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_protocols_order_tissues_as_readers_know_them(seed: int) -> None:
    def sizes(name: str) -> tuple[float, float, float]:
        table = look.realistic(name, 40.0, GeneratorSettings(tissue_variation=0.03), np.random.default_rng(seed))
        fat, muscle, urine = (np.abs(table.sum(axis=1))[CODE[p]] for p in ("subcutaneous-fat", "quadriceps", "bladder"))
        return fat, muscle, urine

    for name in ("t1-se", "dixon-fat"):
        fat, muscle, urine = sizes(name)
        assert fat > 1.3 * muscle
    for name in ("stir", "dixon-water", "pd-fs"):
        fat, muscle, urine = sizes(name)
        assert fat < 0.8 * muscle
    fat, muscle, urine = sizes("t2-se")
    assert min(urine, fat) > 1.5 * muscle


def test_half_fat_half_water_is_black_in_opposed_phase_and_not_in_phase() -> None:
    rng = np.random.default_rng(2)
    for name, dark in (("opposed-phase", True), ("in-phase", False)):
        table = look.realistic(name, 40.0, GeneratorSettings(), rng)
        fat, muscle = table[CODE["subcutaneous-fat"]], table[CODE["quadriceps"]]
        share = abs(muscle.sum()) / (abs(muscle.sum()) + abs(fat.sum()))
        border = abs((share * fat + (1 - share) * muscle).sum())
        assert (border < 0.35 * min(abs(fat.sum()), abs(muscle.sum()))) == dark


def test_marrow_of_a_childs_shaft_holds_less_fat_than_an_adults_and_that_of_its_epiphyses_as_much() -> None:
    child, adult = (look.marrow_fat("femur", 2, age) for age in (5.0, 40.0))
    assert child < adult - 0.2
    child, young = (look.marrow_fat("femur", 0, age) for age in (5.0, 25.0))
    assert child == young > 0.8
    assert look.marrow_fat("pelvis", 1, 40.0) < look.marrow_fat("tibia", 0, 40.0)


def test_every_part_of_a_body_has_a_signal_in_both_modes() -> None:
    rng = np.random.default_rng(0)
    tables = [look.realistic("in-phase", 30.0, GeneratorSettings(), rng), look.randomised(GeneratorSettings(), rng)]
    for table in tables:
        dark = {p for p in CODE if not table[CODE[p]].any() and p not in ("air", *bone.CORTEX_MM)}
        assert dark == set()
    assert set(PROTOCOLS) > {"t1-se", "stir"}
    assert TISSUES["fat"].times_ms(3.0) != TISSUES["fat"].times_ms(1.5)


# --- bones


def test_cortex_of_a_mid_shaft_has_the_area_of_its_ring() -> None:
    fine = legs()
    parts = np.repeat(np.repeat(fine.parts.array[46:90, :, 145:155], 4, 0), 4, 1)
    labels = np.repeat(np.repeat(fine.labels.array[46:90, :, 145:155], 4, 0), 4, 1)
    x, y = (np.arange(n) + 0.5 for n in parts.shape[:2])
    here = np.hypot(x[:, None] - 86, y[None] - 80) < RADIUS_MM
    parts[:], labels[:] = CODE["quadriceps"], 0
    parts[here], labels[here] = CODE["femur"], 2
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    task = Task.load("leg-bones")
    short = Body("ring", Volume(parts, affine), LabelMap(labels, affine, task=task), "made")
    levels = bone.bone_levels(short)[:, :, 5]
    share = np.array([np.clip(bone.shell_share(n), 0, 1) if n < bone.SHELLS else 0 for n in range(bone.LEVELS)])
    area = share[levels][here].sum()
    thickness = np.interp(5 / 10, bone.PLACES, bone.CORTEX_MM["femur"])
    ring = np.pi * (RADIUS_MM**2 - (RADIUS_MM - thickness) ** 2)
    assert area == pytest.approx(ring, rel=0.1)


def test_positions_run_from_hip_to_knee_to_ankle(prepared: PreparedBody) -> None:
    crest, hip, knee, ankle = 920 / SPACING_MM, 820 / SPACING_MM, 400 / SPACING_MM, 32 / SPACING_MM
    found = prepared.position(np.array([crest, hip, knee, ankle]) + 1)
    assert found == pytest.approx([0.0, 0.25, 0.6, 0.95], abs=0.02)


# --- cutting


def test_a_plane_on_the_grid_returns_the_bodys_own_voxels(body: Body, prepared: PreparedBody) -> None:
    size = (prepared.materials.shape[1], prepared.materials.shape[0])
    materials, classes = cut(prepared, straight(prepared, 121.0), size, SPACING_MM)
    expected = prepared.materials[:, :, 121].numpy().T[::-1, ::-1]
    assert np.array_equal(materials[0, 1].numpy(), expected)
    assert set(np.unique(classes)) == {0, CLASSES.index("femur-right") + 1, CLASSES.index("femur-left") + 1}
    columns = np.flatnonzero((classes == CLASSES.index("femur-right") + 1).any(dim=0))
    assert columns.max() < size[1] / 2, "the patient's right is on the picture's left"


def test_beyond_an_end_where_the_body_goes_on_nothing_is_taught_and_beyond_air_all_is_background(
    prepared: PreparedBody,
) -> None:
    size = (60, 100)
    _, below = cut(prepared, straight(prepared, -3.0), size, SPACING_MM)
    _, above = cut(prepared, straight(prepared, 400.0), size, SPACING_MM)
    assert set(np.unique(below)) == {0, 255}
    assert set(np.unique(above)) == {0}


# --- fields and artefacts


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5, 4.0])
@pytest.mark.parametrize("across_mm", [0.5, 6.0, np.array([0.0, 5.0, 1.0])])
def test_a_picture_does_not_move_against_its_labels(angle: float, across_mm: float | np.ndarray) -> None:
    points = planes.through_slice(across_mm, 1.5, angle)  # type: ignore[arg-type]
    # labels are those of the middle point, a picture is the mean of all
    np.testing.assert_array_equal(points[planes.SUBSLICES // 2], 0.0)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1e-12)
    assert np.ptp(points[:, :2], axis=0).max() > 0.5


def test_splines_add_up_to_one_and_their_slope_is_the_difference_quotient() -> None:
    places = np.linspace(0, 0.99, 57)
    assert spline_basis(places, 7).sum(axis=1) == pytest.approx(np.ones(57), abs=1e-6)
    quotient = (spline_basis(places + 1e-4, 7).astype(float) - spline_basis(places - 1e-4, 7)) / 2e-4
    inner = (places > 0.01) & (places < 0.98)
    assert spline_basis(places, 7, derivative=True)[inner] == pytest.approx(quotient[inner], abs=0.02)
    assert spread(torch.full((5, 6), 2.0), (30, 40)) == pytest.approx(np.full((30, 40), 2.0), abs=1e-5)


def test_blur_has_the_width_that_was_asked_for_and_keeps_the_sum() -> None:
    point = torch.zeros(1, 41, 41)
    point[0, 20, 20] = 1.0
    result = artefacts.blurred(point, (1.1, 0.6))[0].double()
    place = torch.arange(41) - 20.0
    for axis, sigma in ((1, 1.1), (0, 0.6)):
        variance = float((result.sum(dim=axis) * place**2).sum())
        assert variance**0.5 == pytest.approx(sigma, rel=0.06)
    assert float(result.sum()) == pytest.approx(1.0, abs=1e-6)


def test_a_shift_by_whole_pixels_is_a_roll_and_by_half_a_pixel_the_mean_of_two() -> None:
    picture = torch.rand(2, 8, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(artefacts.shifted(picture, 3.0, -1), picture.roll(3, -1))
    half = artefacts.shifted(picture, -0.5, -2)
    assert torch.allclose(half, (picture + picture.roll(-1, -2)) / 2)


def test_folding_keeps_the_sum_and_brings_each_edge_to_the_other_side() -> None:
    picture = torch.zeros(1, 20, 4)
    picture[0, 2], picture[0, 17], picture[0, 10] = 1.0, 2.0, 4.0
    result = artefacts.folded(picture, 10, -2)[0, :, 0]
    assert result.tolist() == [0.0] * 7 + [2.0] + [0.0] * 2 + [4.0] + [0.0] * 1 + [1.0] + [0.0] * 7


def test_whole_k_space_changes_nothing_and_a_ghost_lies_where_its_period_puts_it() -> None:
    picture = torch.zeros(1, 60, 8)
    picture[0, 10] = 1.0
    faultless = artefacts.Fourier(-2, 1.0, 0.0, 2.0, 0.0)
    assert torch.allclose(artefacts.through_k_space(picture, faultless), picture, atol=1e-5)
    ghosted = artefacts.through_k_space(picture, replace(faultless, ghost=0.2, period=3.0))[0, :, 0]
    assert ghosted[10] == pytest.approx(1.0, abs=1e-4)
    assert ghosted[[30, 50]] == pytest.approx([0.1, 0.1], abs=1e-4)
    cut_off = artefacts.through_k_space(picture, replace(faultless, kept=0.5))[0, :, 0]
    assert cut_off.min() < -0.05, "a cut k-space rings"


def test_noise_of_air_is_rayleigh() -> None:
    noise = torch.randn(3, 90, 90, generator=torch.Generator().manual_seed(1))
    air = artefacts.with_noise(torch.zeros(3, 90, 90), noise, 0.1)
    assert float(air.mean()) == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.02)
    assert float(air.std()) == pytest.approx(0.1 * np.sqrt(2 - np.pi / 2), rel=0.03)


# --- slices to train on


@pytest.fixture(scope="module")
def generator(body: Body) -> SliceGenerator:
    return SliceGenerator([body], GeneratorSettings(), CLASSES, size=(96, 112), spacing_mm=4.0)


def test_a_batch_is_a_function_of_the_seed_on_one_thread_or_two(generator: SliceGenerator) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = generator.batch(5, 4)
        torch.set_num_threads(2)
        two = generator.batch(np.random.default_rng(5), 4)
        assert torch.get_num_threads() == 2, "the caller's threads are left as they were"
        drawn = [generator.one(rng)[0] for rng in [np.random.default_rng(5)] for _ in range(4)]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert torch.equal(torch.stack(drawn), one[0]), "two threads compute what one computes"
    assert not torch.equal(one[0], generator.batch(6, 4)[0])


def test_a_batch_has_the_shapes_types_and_range_of_prepared_scans(generator: SliceGenerator) -> None:
    slices, target, position = generator.batch(1, 12)
    assert slices.shape == (12, 3, 96, 112)
    assert slices.dtype == torch.float32
    assert slices.is_contiguous(memory_format=torch.channels_last)
    assert (target.shape, target.dtype, position.shape) == ((12, 96, 112), torch.int64, (12,))
    assert bool(torch.isfinite(slices).all())
    assert 0 <= float(slices.min()) < float(slices.max()) <= 1.5
    assert set(target.unique().tolist()) <= {*range(9), 255}
    assert 0 <= float(position.min()) < float(position.max()) <= 1


def test_the_right_leg_is_on_the_left_of_the_picture_also_in_mirror_images(body: Body) -> None:
    for flip in (0.0, 1.0):
        settings = PLAIN.model_copy(update={"flip": flip, "regions": (0, 0, 1, 0, 1, 0)})
        made = SliceGenerator([body], settings, CLASSES, size=(64, 112), spacing_mm=4.0).batch(2, 8)[1]
        for picture in made:
            columns = torch.arange(112.0).expand(64, 112)
            right, left = ((picture >= first) & (picture < first + 4) for first in (1, 5))
            assert right.any()
            assert columns[right].max() < columns[left].min()


def test_a_mirror_image_is_the_mirror_image() -> None:
    lopsided = legs()
    lopsided.parts.array[60:70, 10:14] = CODE["bladder"]
    thicker = lopsided.parts.array[:45] == CODE["quadriceps"]
    thicker[:, :20] = False
    lopsided.parts.array[:45][thicker], lopsided.labels.array[:45][thicker] = CODE["femur"], 12
    pictures, targets = [], []
    for flip in (0.0, 1.0):
        settings = PLAIN.model_copy(update=FAULTLESS | {"flip": flip, "regions": (0, 0, 1, 0, 0, 0)})
        generator = SliceGenerator([lopsided], settings, CLASSES, size=(64, 111), spacing_mm=3.7)
        slices, target, _ = generator.batch(3, 1)
        pictures.append(slices[0, 1])
        targets.append(target[0])
    partner = torch.from_numpy(lopsided.labels.task.mirrored_classes(CLASSES)).long()[targets[0]]

    def agreement(one: torch.Tensor, other: torch.Tensor) -> float:
        return float((one == other)[(one > 0) | (other > 0)].double().mean())

    assert agreement(partner.flip(-1), targets[1]) > 0.97
    assert agreement(partner, targets[1]) < 0.5
    apart = [float((picture - pictures[1]).abs().mean()) for picture in (pictures[0].flip(-1), pictures[0])]
    assert apart[0] < 0.25 * apart[1]


class RefuseDoubles(TorchDispatchMode):
    """Lets nothing make floats of eight bytes on the device, which mps does not have."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for made in result if isinstance(result, tuple | list) else (result,):
            if isinstance(made, torch.Tensor) and made.is_meta:
                assert made.dtype not in (torch.float64, torch.complex128), func
        return result


def test_all_of_a_slice_is_made_on_the_device(body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    # a meta tensor holds no numbers, and refuses to be mixed with one of the cpu; there is no generator for it
    monkeypatch.setattr(acquisition, "white", lambda shape, rng, device: torch.randn(shape, device=device))
    for how in ({}, {"fourier_share": 1.0, "wrap_share": 1.0, "flip": 1.0, "masked_share": 1.0, "clip_share": 1.0}):
        settings = GeneratorSettings().model_copy(update=how)
        made = SliceGenerator([body], settings, CLASSES, size=(32, 48), spacing_mm=8.0, device="meta")
        with RefuseDoubles():
            slices, target, position = made.batch(1, 6)
        assert {t.device.type for t in (slices, target, position)} == {"meta"}
        assert (slices.shape, target.shape, position.shape) == ((6, 3, 32, 48), (6, 32, 48), (6,))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_slices_without_noise_are_the_same_on_every_device(body: Body, device: str) -> None:
    if not getattr(torch, device).is_available():
        pytest.skip(f"no {device} here")
    settings = GeneratorSettings(noise=0.0, masked_share=0.0, clip_share=0.0)
    here, there = (
        SliceGenerator([body], settings, CLASSES, size=(64, 96), spacing_mm=4.0, device=where).batch(1, 12)
        for where in ("cpu", device)
    )
    assert torch.allclose(here[2], there[2].cpu())
    assert float((here[1] != there[1].cpu()).double().mean()) < 1e-3
    assert float(((here[0] - there[0].cpu()).abs() > 0.02).double().mean()) < 1e-2


def test_regions_of_weight_zero_are_not_shown(body: Body) -> None:
    settings = PLAIN.model_copy(update={"regions": (0, 0, 0, 0, 1, 0)})
    _, target, position = SliceGenerator([body], settings, CLASSES, size=(64, 96), spacing_mm=4.0).batch(4, 6)
    assert bool(((position > 0.64) & (position < 0.9)).all())
    assert set(target.unique().tolist()) == {0, 1, 3, 5, 7}


def test_one_leg_shows_the_bones_of_one_side(body: Body) -> None:
    settings = PLAIN.model_copy(update={"one_leg": 1.0, "regions": (0, 0, 1, 0, 0, 0)})
    _, target, _ = SliceGenerator([body], settings, CLASSES, size=(64, 112), spacing_mm=4.0).batch(4, 8)
    sides = [set(picture.unique().tolist()) for picture in target]
    assert all(s in ({0, 2}, {0, 6}) for s in sides)
    assert {2} | {6} <= set.union(*sides)


def test_slices_lie_in_the_range_to_which_a_whole_scan_is_normalised(body: Body) -> None:
    settings = PLAIN.model_copy(update={"clip_share": 0.0, "random_contrast": 0.0, "masked_share": 0.0, "bias": 0.0})
    made = SliceGenerator([body], settings, CLASSES, size=(64, 112), spacing_mm=4.0)
    tops = np.percentile(made.batch(0, 24)[0].flatten(1).numpy(), 98, axis=1)
    assert np.median(tops) == pytest.approx(0.95, abs=0.2)


def test_impossible_wishes_are_refused_by_name(body: Body) -> None:
    with pytest.raises(ValidationError, match="ultrasound"):
        GeneratorSettings(protocols=("ultrasound",))
    with pytest.raises(ValidationError):
        GeneratorSettings.model_validate({"contrast": 1})
    with pytest.raises(TaskError, match="femur-left"):
        SliceGenerator([body], GeneratorSettings(), ["femur-right"])
    with pytest.raises(UsageError, match="at least one body"):
        SliceGenerator([], GeneratorSettings(), CLASSES)
    with pytest.raises(UsageError, match="ultrasound"):
        scan_of(body, "ultrasound", seed=0)
    with pytest.raises(UsageError, match=r"cylinders holds nothing between 1\.5 and 2\.0"):
        planes.draw_height(PreparedBody.of(body, CLASSES), (1.5, 2.0), np.random.default_rng(0))


# --- whole scans

COARSE = {"spacing_mm": (3.3, 4.7)}


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("rotation", [(0.0, 0.0, 0.0), (11.0, -8.0, 14.0)])
def test_labels_of_a_scan_keep_the_bones_volumes_sides_and_places(
    body: Body, plane: str, rotation: tuple[float, float, float]
) -> None:
    geometry = ScanGeometry(plane=plane, rotation_degrees=rotation, **COARSE)  # type: ignore[arg-type]
    scan, labels = scan_of(body, "in-phase", seed=3, geometry=geometry)
    assert scan.grid.matches(labels.grid)
    assert scan.array.dtype == np.uint16
    if rotation == (0.0, 0.0, 0.0):
        assert "".join(scan.orientation[axis] for axis in (2, 1, 0)) == WORKING_ORIENTATION[plane]  # type: ignore[index]
    moved = []
    for value in (1, 2, 11, 12, 14):
        volume = float((labels.array == value).sum() * labels.voxel_volume_mm3)
        expected = float((body.labels.array == value).sum() * body.labels.voxel_volume_mm3)
        assert volume == pytest.approx(expected, rel=0.1)
        here = labels.world_mm(np.argwhere(labels.array == value)).mean(axis=0)
        moved.append(here - body.labels.world_mm(np.argwhere(body.labels.array == value)).mean(axis=0))
    # the patient as a whole lies elsewhere: the same way for every bone, but for half a voxel
    assert np.ptp(moved, axis=0).max() < 4.0


def test_a_scan_is_a_function_of_its_seed_and_protocols_of_one_seed_share_the_labels(body: Body) -> None:
    geometry = ScanGeometry(**COARSE)  # type: ignore[arg-type]
    first, again, other = (scan_of(body, p, seed=4, geometry=geometry) for p in ("stir", "stir", "t1-se"))
    assert np.array_equal(first[0].array, again[0].array)
    assert not np.array_equal(first[0].array, other[0].array)
    assert np.array_equal(first[1].array, other[1].array)
    assert first[1].grid.matches(other[1].grid)


@pytest.mark.parametrize("name", [*PROTOCOLS, "random"])
def test_every_protocol_shows_a_body_against_air(body: Body, name: str) -> None:
    geometry = ScanGeometry(spacing_mm=(4.0, 20.0), span=(0.3, 0.5))
    scan, labels = scan_of(body, name, seed=1, geometry=geometry)
    shown = normalise(scan.array)
    at = shown.shape[2] // 2
    shafts = [np.argwhere(labels.array[:, :, at] == value).mean(axis=0) for value in (2, 12)]
    pixels = np.moveaxis(np.indices(shown.shape[:2]), 0, -1)
    from_shaft = 4.0 * np.min([np.linalg.norm(pixels - shaft, axis=-1) for shaft in shafts], axis=0)
    # rings of the cylinders: muscle up to 56 mm, fat up to 68 mm, skin up to 72 mm
    muscle, fat, air = (
        np.median(shown[:, :, at][(from_shaft > low) & (from_shaft < high)])
        for low, high in ((24, 50), (60, 64), (80, 1000))
    )
    assert max(muscle, fat) > 3 * air + 0.1
    assert 0.3 < float(np.percentile(shown, 99)) <= 1.5


def test_a_whole_scan_does_not_fold_over_as_its_labels_do_not(body: Body) -> None:
    geometry = ScanGeometry(spacing_mm=(4.0, 40.0), span=(0.3, 0.6))
    whole, folding = (
        scan_of(body, seed=2, geometry=geometry, settings=GeneratorSettings(deformation=False, wrap_share=share))
        for share in (0.0, 1.0)
    )
    assert np.array_equal(whole[0].array, folding[0].array)


def test_tissue_between_slices_is_displaced_as_from_slice_to_slice(body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[planes.Plane] = []

    def kept(prepared: PreparedBody, plane: planes.Plane, *how: Any) -> tuple[torch.Tensor, torch.Tensor]:
        used.append(plane)
        return cut(prepared, plane, *how)

    monkeypatch.setattr("osteon.synthesis.scanner.volume.cut", kept)
    # few slices, near to each other against the distance of knots
    geometry = ScanGeometry(spacing_mm=(8.0, 5.0), span=(0.40, 0.43))
    scan_of(body, seed=2, geometry=geometry, settings=GeneratorSettings(deformation_mm=8.0, knots_mm=200.0))
    assert 5 < len(used) < 12
    place, slope = (np.stack([plane.knots[n] for plane in used]) for n in (0, 1))
    quotient = (place[2:] - place[:-2]) / (2 * 5.0)
    assert (quotient * slope[1:-1]).sum() / (slope[1:-1] ** 2).sum() == pytest.approx(1, abs=0.03)


def test_a_smaller_patient_has_bones_smaller_by_the_cube(body: Body) -> None:
    whole, half = (
        scan_of(body, seed=2, geometry=ScanGeometry(spacing_mm=(3.0, 6.0), span=(0.3, 0.55), size=s))[1]
        for s in (1.0, 0.6)
    )
    volumes = [float((m.array == 2).sum() * m.voxel_volume_mm3) for m in (whole, half)]
    assert volumes[1] / volumes[0] == pytest.approx(0.6**3, rel=0.1)


def test_deformation_moves_tissue_and_not_the_grid(body: Body) -> None:
    geometry = ScanGeometry(spacing_mm=(4.0, 8.0), span=(0.3, 0.9))
    settings = GeneratorSettings(deformation_mm=8.0)
    _, bent = scan_of(body, seed=2, geometry=geometry, settings=settings)
    _, still = scan_of(body, seed=2, geometry=geometry, settings=settings.model_copy(update={"deformation": False}))
    assert bent.grid.matches(still.grid)
    overlap = ((bent.array == 2) & (still.array == 2)).sum() / (still.array == 2).sum()
    assert 0.3 < overlap < 0.97


def test_small_patients_are_seen_in_finer_pixels_as_large_as_adults_at_most_and_only_where_asked_for(
    body: Body,
) -> None:
    child = PreparedBody.of(replace(body, age_years=4.0), CLASSES)  # 0.58 of an adult's size
    adult = PreparedBody.of(replace(body, age_years=40.0), CLASSES)
    rng = np.random.default_rng(0)

    def patients(of: PreparedBody, **how: float) -> list[planes.Patient]:
        return [planes.draw_patient(of, PLAIN.model_copy(update=how), rng) for _ in range(200)]

    assert {(p.size, p.age_years, p.zoom) for p in patients(child)} == {(1.0, 4.0, 1.0)}
    seen = patients(child, grown_share=1.0)
    assert {(p.size, p.age_years) for p in seen} == {(1.0, 4.0)}  # it is a child as before
    assert 1.0 <= min(p.zoom for p in seen) < 1.1
    assert 1.6 < max(p.zoom for p in seen) <= 1 / 0.58
    assert 0.15 < np.mean([p.zoom > 1 for p in patients(child, grown_share=0.3)]) < 0.45
    assert {(p.size, p.zoom) for p in patients(adult, grown_share=1.0)} == {(1.0, 1.0)}
    shrunk = patients(adult, grown_share=1.0, child_share=1.0)
    assert all(p.size < 1 and p.age_years <= 18 and 1 <= p.zoom <= 1 / p.size for p in shrunk)


def test_in_finer_pixels_a_bone_covers_more_of_the_picture(body: Body) -> None:
    child = replace(body, age_years=4.0)
    how = {**PLAIN.model_dump(), **FAULTLESS, "random_contrast": 0.0, "regions": (0, 0, 1, 0, 0, 0)}

    def areas(**more: float) -> float:
        settings = GeneratorSettings(**{**how, **more})
        generator = SliceGenerator([child], settings, CLASSES, size=(96, 160), spacing_mm=3.0)
        return float((generator.batch(0, 40)[1] > 0).float().mean())

    ratio = areas(grown_share=1.0) / areas()
    zooms = np.random.default_rng(0).uniform(1, 1 / 0.58, 1000)
    assert ratio == pytest.approx(np.mean(zooms**2), rel=0.15)


def test_built_in_bodies_have_their_share_and_the_others_sources_share_the_rest(body: Body) -> None:
    bodies = [replace(body, source=source) for source in ("built-in", "built-in", "a", "a", "a", "b")]

    def drawn(of: list[Body], share: float) -> dict[str, float]:
        settings = GeneratorSettings(built_in_share=share)
        generator = SliceGenerator(of, settings, CLASSES, size=(32, 32), spacing_mm=8.0)
        rng = np.random.default_rng(1)
        sources = [generator.draw_body(2, rng).source for _ in range(1000)]
        return {source: sources.count(source) / 1000 for source in set(sources)}

    assert drawn(bodies, 0.7) == pytest.approx({"built-in": 0.7, "a": 0.15, "b": 0.15}, abs=0.05)
    assert drawn(bodies[:2], 0.0) == {"built-in": 1.0}  # nobody else is there
    assert set(drawn(bodies[2:], 1.0)) == {"a", "b"}


def test_a_scan_follows_a_protocol_of_ones_own(body: Body) -> None:
    geometry = ScanGeometry(spacing_mm=(8.0, 40.0))
    settings = GeneratorSettings(**{**PLAIN.model_dump(), **FAULTLESS})
    same, _ = scan_of(body, PROTOCOLS["t1-se"], seed=1, geometry=geometry, settings=settings)
    named, _ = scan_of(body, "t1-se", seed=1, geometry=geometry, settings=settings)
    np.testing.assert_array_equal(same.array, named.array)
    nulled = Protocol("inversion", (2500, 3500), (12, 25), inversion_ms=(520, 680))
    other, labels = scan_of(body, nulled, seed=1, geometry=geometry, settings=settings)
    muscle = (named.array > 0) & (labels.array == 0)
    assert abs(np.corrcoef(other.array[muscle], named.array[muscle])[0, 1]) < 0.999
