"""Benchmarks of the leg model's parts: their inputs, their arithmetic, and that both ways give the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from osteon.anatomy import Task
from osteon.bench import Asked, Comparison, denoising, grids, inputs, peers
from osteon.bench.legs import Growth, LegResult
from osteon.bench.segmenting import BenchResult
from osteon.volume import LabelMap, Volume


@pytest.fixture
def phantom(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A small box instead of a body, in a field of view that is not square."""
    affine = np.diag([-4.0, -4.0, 10.0, 1.0])
    labels = np.zeros((24, 16, 10), np.uint8)
    labels[4:12, 3:13, 1:9], labels[14:20, 5:11, 2:6] = 1, 12
    scan = Volume((labels > 0).astype(np.uint16) * 900 + 50, affine)
    made = SimpleNamespace(scan=scan, labels=LabelMap(labels, affine, task=Task.load("leg-bones")))
    monkeypatch.setattr(inputs, "_phantom", lambda seed: made)
    return made


def test_a_leg_input_is_the_phantom_in_more_voxels_of_a_square(phantom: SimpleNamespace) -> None:
    scan, labels = inputs.leg_scan((48, 48, 30), 0), inputs.leg_labels((48, 48, 30), 0)
    assert scan.shape == labels.shape == (48, 48, 30)
    assert scan.grid.matches(labels.grid)
    assert scan.spacing_mm == pytest.approx((2.0, 2.0, 10 / 3))
    assert scan.array.flags.f_contiguous
    assert labels.values() == [1, 12]
    for value in (1, 12):
        volumes = [(m.array == value).sum() * m.voxel_volume_mm3 for m in (labels, phantom.labels)]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.01)
        inside = scan.array[labels.array == value]
        assert np.median(inside) == pytest.approx(950, rel=0.05)


def test_the_same_seed_gives_the_same_voxels(phantom: SimpleNamespace) -> None:
    first, again, other = (inputs.leg_scan((24, 24, 10), seed).array for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("job", [denoising.clean, denoising.noisy, grids.onto_the_scan])
def test_both_ways_of_a_comparison_answer_alike(job: object, phantom: SimpleNamespace, tmp_path: Path) -> None:
    result = job(Asked(repeats=1), tmp_path, (48, 48, 12))  # type: ignore[operator]
    assert len(result.wall_s) == 2
    (ratio,) = result.ratios().values()
    assert ratio > 0
    assert f"{ratio:7.1f} x" in result.lines()[2]


@pytest.mark.parametrize("job", [peers.network, peers.study])
def test_the_peers_of_the_leg_models_network_are_run_to_the_end(
    job: Callable[..., Comparison], phantom: SimpleNamespace, tmp_path: Path
) -> None:
    found = job(Asked(repeats=1), tmp_path, (96, 96, 9))
    assert min(found.wall_s.values()) > 0
    assert next(iter(found.wall_s)).startswith("osteon, openvino")
    shares = [note for note in found.notes if note.startswith("Of ours, the engine alone takes")]
    assert len(shares) == (job is peers.network)


def result(slices: int, seconds: float, peak_mb: float) -> BenchResult:
    stages = {"read": 0.1 * seconds, "network": 0.5 * seconds, "report": 0.4 * seconds, "start and end": 2.0}
    return BenchResult((64, 64, slices), "x on cpu", seconds + 2.0, stages, peak_mb, dict.fromkeys(stages, peak_mb))


def test_growth_is_the_slope_of_what_hangs_on_the_slices() -> None:
    rows = tuple(result(n, 0.01 * n**1.2, 300 + 6 * 64 * 64 * n / 2**20) for n in (50, 100, 400))
    growth = Growth(rows)
    assert growth.exponent() == pytest.approx(1.2)
    assert growth.bytes_a_voxel() == pytest.approx(6)
    assert "to the power of 1.20; memory by 6.0 bytes" in growth.lines()[-1]
    assert len(growth.lines()) == 5


def test_after_the_network_comes_all_but_reading_network_and_start() -> None:
    legs = LegResult(**vars(result(100, 10.0, 500)))
    assert legs.after_network_s == pytest.approx(4.0)
    assert "the longest other stage, report, takes 0.80 times as long" in legs.lines()[-1]
