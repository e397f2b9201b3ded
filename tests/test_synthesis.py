"""The phantom: labels in anatomical order and of the right size, sides and directions right, the same for a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteon import io
from osteon.anatomy import Structure, Task
from osteon.errors import TaskError, UsageError
from osteon.geometry import FloatArray
from osteon.synthesis import Phantom, SpineParameters, make_phantom, write_phantom, write_phantom_cohort
from osteon.synthesis.spine.chain import Chain
from osteon.synthesis.spine.parameters import LEVELS
from osteon.volume import LabelMap

SMALL = {"shape": (96, 128, 8), "spacing_mm": (2.5, 2.5, 8.0)}
TASK = Task.load("lumbar-spine")


@pytest.fixture(scope="module")
def fine() -> Phantom:
    """A phantom fine enough to measure."""
    return make_phantom(TASK, seed=5, shape=(200, 280, 40), spacing_mm=(1.2, 1.2, 1.6))


@pytest.fixture(scope="module", params=[1, 2, 3])
def small(request: pytest.FixtureRequest) -> Phantom:
    return make_phantom(TASK, seed=request.param, **SMALL)


def centroid(labels: LabelMap, name: str) -> FloatArray:
    return labels.world_mm(np.argwhere(labels.mask(name))).mean(axis=0)


def names(labels: LabelMap, group: str) -> list[str]:
    present = [TASK.by_value(v) for v in labels.values()]
    return [s.name for s in present if s.parent == group]


def test_vertebrae_rise_from_l5_without_a_gap(small: Phantom) -> None:
    found = names(small.labels, "vertebra")
    assert found == [f"vertebra-{level}" for level in LEVELS[: len(found)]]
    assert len(found) >= 6
    heights = [centroid(small.labels, name)[2] for name in found]
    assert (np.diff(heights) > 15).all()


def test_each_disc_lies_between_its_vertebrae(small: Phantom) -> None:
    vertebrae, discs = names(small.labels, "vertebra"), names(small.labels, "disc")
    assert discs[0] == "disc-L5-S1"
    assert centroid(small.labels, "disc-L5-S1")[2] < centroid(small.labels, "vertebra-L5")[2]
    for below, above, disc in zip(vertebrae, vertebrae[1:], discs[1:], strict=False):
        middle = (centroid(small.labels, below) + centroid(small.labels, above)) / 2
        assert np.linalg.norm(centroid(small.labels, disc) - middle) < 6
        assert disc == f"disc-{above.removeprefix('vertebra-')}-{below.removeprefix('vertebra-')}"


def test_canal_runs_behind_the_bodies(small: Phantom) -> None:
    canal = small.labels.world_mm(np.argwhere(small.labels.mask("spinal-canal")))
    for name in names(small.labels, "vertebra"):
        body = centroid(small.labels, name)
        beside = canal[np.abs(canal[:, 2] - body[2]) < 4]
        assert 15 < body[1] - beside[:, 1].mean() < 45


def test_body_volumes_are_those_of_their_formulas(fine: Phantom) -> None:
    for name, shape in zip(names(fine.labels, "vertebra")[:5], fine.parameters.bodies, strict=False):
        axes = (np.arange(-r - 1, r + 1, 0.5, dtype=np.float32) for r in shape.reach_mm)
        expected = (shape.signed_distance(*np.meshgrid(*axes, indexing="ij")) < 0).sum() * 0.5**3
        found = fine.labels.mask(name).sum() * fine.labels.voxel_volume_mm3
        assert found == pytest.approx(expected, rel=0.03)


def test_body_centres_are_as_far_apart_as_heights_of_bodies_and_discs_say(fine: Phantom) -> None:
    parameters = fine.parameters
    for level in range(3):
        lower, upper = (centroid(fine.labels, f"vertebra-{LEVELS[n]}") for n in (level, level + 1))
        halves = (parameters.bodies[level].height_mm + parameters.bodies[level + 1].height_mm) / 2
        expected = halves + parameters.discs[level + 1].height_mm
        assert np.linalg.norm(upper - lower) == pytest.approx(expected, abs=1.5)


def test_whole_vertebrae_have_arches_behind_the_canal_and_the_same_bodies() -> None:
    body, whole = (make_phantom(TASK, seed=4, vertebra=v, **SMALL) for v in ("body", "whole"))
    np.testing.assert_array_equal(body.scan.array, whole.scan.array)
    mask, more = body.labels.mask("vertebra-L3"), whole.labels.mask("vertebra-L3")
    assert not (mask & ~more).any()
    arch = whole.labels.world_mm(np.argwhere(more & ~mask))
    canal = centroid(whole.labels, "spinal-canal")
    assert arch[:, 1].min() < canal[1] - 15
    assert (arch[:, 1] < centroid(body.labels, "vertebra-L3")[1]).all()


@pytest.mark.parametrize("contrast", ["t1", "t2"])
def test_contrast_orders_tissues_as_in_patients(contrast: str) -> None:
    phantom = make_phantom(TASK, seed=6, contrast=contrast, shape=(200, 200, 8), spacing_mm=(1.5, 1.5, 4.0))  # type: ignore[arg-type]
    array, labels = phantom.scan.array.astype(float), phantom.labels
    lumbar = np.isin(labels.array, [TASK.by_name(f"vertebra-L{n}").value for n in (2, 3, 4)])
    marrow = np.median(array[lumbar])
    heights = labels.world_mm(np.argwhere(lumbar))[:, 2]
    canal_index = np.argwhere(labels.mask("spinal-canal"))
    level = labels.world_mm(canal_index)[:, 2]
    canal_index = canal_index[(level > heights.min()) & (level < heights.max())]
    canal = np.median(array[tuple(canal_index.T)])
    assert canal > 1.4 * marrow if contrast == "t2" else canal < 0.8 * marrow
    air = np.median(array[-6:])
    assert air < 0.2 * marrow


def test_back_fat_is_posterior_and_bright_and_the_sacrum_lies_below(small: Phantom) -> None:
    scan, labels = small.scan, small.labels
    assert scan.orientation == "PIR"
    body = centroid(labels, "vertebra-L3")
    i, j, k = (round(float(v)) for v in labels.index(body[None])[0])
    line = scan.array[i:, j, k].astype(float)
    assert line.argmax() > 15  # towards posterior, the fat under the skin
    assert line[-3:].mean() < 0.2 * line.max()
    lowest = centroid(labels, "disc-L5-S1")
    assert scan.index(lowest[None])[0, 1] < 0.85 * scan.shape[1]


def test_same_seed_gives_same_bytes_and_another_seed_another_spine() -> None:
    first, again, other = (make_phantom(TASK, seed=s, **SMALL) for s in (7, 7, 8))
    assert first.scan.array.tobytes() == again.scan.array.tobytes()
    assert first.labels.array.tobytes() == again.labels.array.tobytes()
    assert first.scan.affine.tobytes() == again.scan.affine.tobytes()
    assert first.parameters == again.parameters
    assert first.parameters != other.parameters
    assert (first.labels.array != other.labels.array).any()


def test_both_contrasts_of_a_seed_share_anatomy_and_grid() -> None:
    t1, t2 = (make_phantom(TASK, seed=7, contrast=c, **SMALL) for c in ("t1", "t2"))
    np.testing.assert_array_equal(t1.labels.array, t2.labels.array)
    assert t1.scan.grid.matches(t2.scan.grid)
    assert (t1.scan.array != t2.scan.array).any()


def test_children_are_smaller_and_their_discs_healthy() -> None:
    child, adult = (SpineParameters.draw(np.random.default_rng(1), age) for age in (6, 40))
    assert 0.5 < child.bodies[0].height_mm / adult.bodies[0].height_mm < 0.8
    assert all(d.health == 1 for d in child.discs)
    assert child.canal_depth_mm / adult.canal_depth_mm > child.scale / adult.scale


def test_lordosis_and_sacral_slope_lie_in_the_range_of_adults() -> None:
    for seed in range(20):
        chain = Chain(SpineParameters.draw(np.random.default_rng(seed)))
        lean = [np.degrees(np.arcsin(f.axes[2, 1])) for f in chain.bodies]
        assert 15 < lean[0] - lean[4] < 60  # middle of L5 to middle of L1
        assert 18 < chain.parameters.sacral_slope_degrees < 54


def test_only_structures_of_the_task_are_labelled() -> None:
    only = Task(
        name="bodies",
        title="Two bodies",
        plane="sagittal",
        spacing_mm=(1.0, 1.0, 4.0),
        structures=(
            Structure(name="vertebra-L4", value=500, side="midline", colour="#ffffff"),
            Structure(name="vertebra-L5", value=205, side="midline", colour="#ffffff"),
        ),
    )
    assert make_phantom(only, seed=1, **SMALL).labels.values() == [205, 500]


def test_refusals_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="names no vertebra"):
        make_phantom(Task.load("leg-bones"), seed=0)
    with pytest.raises(UsageError, match="positive"):
        make_phantom(TASK, seed=0, shape=(0, 10, 10))
    with pytest.raises(UsageError, match="Known for a spine: t1, t2"):
        make_phantom(TASK, seed=0, contrast="pd")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1"):
        write_phantom_cohort(tmp_path / "cohort", count=0, seed=0)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        write_phantom_cohort(tmp_path, count=1, seed=0)


def test_dicom_and_nifti_of_a_phantom_are_one_scan(tmp_path: Path) -> None:
    phantom = make_phantom(TASK, seed=9, **SMALL)
    paths = write_phantom(phantom, tmp_path / "case", seed=9)
    dicom, nifti = io.read(paths.dicom), io.read(paths.scan)
    labels = io.read_labels(paths.labels, TASK)
    np.testing.assert_array_equal(nifti.array, phantom.scan.array)
    np.testing.assert_array_equal(dicom.array, phantom.scan.array)
    assert dicom.grid.distance_mm(phantom.scan.grid) < 0.01
    assert nifti.grid.distance_mm(phantom.scan.grid) < 0.01
    assert labels.grid.matches(nifti.grid)
    np.testing.assert_array_equal(labels.array, phantom.labels.array)


def test_cohort_has_the_spider_layout_with_two_scans_a_subject(tmp_path: Path) -> None:
    folder = write_phantom_cohort(tmp_path / "cohort", count=2, seed=3, **SMALL)
    expected = ["1_t1.mha", "1_t2.mha", "2_t1.mha", "2_t2.mha"]
    assert sorted(f.name for f in (folder / "images").iterdir()) == expected
    assert sorted(f.name for f in (folder / "masks").iterdir()) == expected
    made = make_phantom(TASK, seed=3002, contrast="t1", **SMALL)
    np.testing.assert_array_equal(io.read(folder / "images" / "2_t1.mha").array, made.scan.array)
    np.testing.assert_array_equal(io.read_labels(folder / "masks" / "2_t1.mha", TASK).array, made.labels.array)
