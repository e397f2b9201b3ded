"""A network is shown some slices at a time, where the body is, and its answers lie where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon.geometry import resample_linear
from osteon.inference import slabs
from osteon.inference.in_plane import FinerPixels, largest
from osteon.inference.onto_grid import largest_class
from osteon.inference.slabs import Seen, in_turn
from osteon.preprocessing import Preprocessing, resampled_in_plane, turned_scan, working_grid
from osteon.volume import Volume

HOW = Preprocessing(plane="axial", spacing_mm=(1.5, 1.5), context_mm=4.0)
BODY = ((20, 60), (40, 240))
"""Rows of the body in the lower three quarters of the scan and above, columns 20 to 180."""


def tapering() -> Volume:
    """A body that is thinner below, off the middle."""
    rng = np.random.default_rng(0)
    array = np.zeros((200, 260, 40))
    for slices, (low, high) in zip((slice(0, 30), slice(30, 40)), BODY, strict=True):
        part = array[20:180, low:high, slices]
        part += rng.normal(800, 150, part.shape)
    return Volume(array.clip(0).astype(np.uint16), np.diag([-1.0, -1.0, 4.0, 1.0]))


def seen_of(scan: Volume, batch: int = 4) -> tuple[Seen, Volume]:
    turned = turned_scan(scan, HOW)
    grid = working_grid(turned, HOW)
    return Seen(turned, HOW, grid, in_turn(grid.shape[0], batch)), resampled_in_plane(turned, HOW)


def test_what_is_shown_is_the_working_volume_in_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "NEW_SIZE", 1000)  # worth it for so small a scan, too
    monkeypatch.setattr(slabs, "BORDER_MM", 12.0)
    seen, working = seen_of(tapering())
    shown = 0
    for slab, batch in zip(seen.slabs, seen.batches(), strict=True):
        assert batch.shape[2] % 32 == batch.shape[3] % 32 == 0
        rows, columns = slab.rows.stop - slab.rows.start, slab.columns.stop - slab.columns.start
        for channel, step in enumerate((-1, 0, 1)):
            wanted = np.clip(slab.indices + step, 0, working.shape[0] - 1)
            part = working.array[wanted, slab.rows, slab.columns]
            np.testing.assert_array_equal(batch[:, channel, :rows, :columns], part)
        shown += batch[:, 0].size
    assert shown < 0.75 * working.shape[0] * 160 * 128


def test_of_the_pictures_only_those_of_a_slab_and_its_neighbours_are_kept() -> None:
    seen, working = seen_of(tapering())
    kept = [len(seen._ready) for _ in seen.batches()]
    assert working.shape[0] == 40
    assert max(kept) <= 4 + 2 * 1


def test_no_body_lies_outside_of_what_is_shown() -> None:
    seen, working = seen_of(tapering())
    for slab in seen.slabs:
        rows = np.flatnonzero((working.array[slab.indices] > 0.3).any(axis=(0, 2)))
        assert slab.rows.start <= max(0, rows[0] - slabs.BORDER_MM / 1.5 / 2)
        assert slab.rows.stop >= min(working.shape[1], rows[-1] + slabs.BORDER_MM / 1.5 / 2)


def test_a_body_that_fills_the_scan_is_shown_whole() -> None:
    array = np.random.default_rng(0).integers(500, 900, (90, 80, 12)).astype(np.uint16)
    seen, working = seen_of(Volume(array, np.diag([1.5, 1.5, 4.0, 1.0])))
    assert {(s.rows.start, s.rows.stop) for s in seen.slabs} == {(0, working.shape[1])}


def test_sizes_are_made_alike_where_one_more_costs_more_than_it_saves() -> None:
    sizes = np.array([[96, 128], [96, 160], [512, 512]])
    np.testing.assert_array_equal(slabs._fewer(sizes, [4, 4, 4]), [[96, 160], [96, 160], [512, 512]])
    np.testing.assert_array_equal(slabs._fewer(sizes, [400, 400, 4]), sizes)


def some(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Probabilities in patches, some of them sure, with ties."""
    coarse = rng.random((shape[0], shape[1], 3, 3)) ** 4
    fine = coarse[:, :, np.arange(shape[2]) * 3 // shape[2]][..., np.arange(shape[3]) * 3 // shape[3]]
    fine = fine * np.where(rng.random(fine.shape) < 0.05, 0.2, 1)
    return np.rint(255 * fine / fine.sum(axis=0)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(12))
def test_interpolating_at_borders_only_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scan = Volume(np.zeros((4, *rng.integers(20, 60, 2)), np.uint8), np.diag([4.0, *rng.uniform(0.4, 1.0, 2), 1.0]))
    working = scan.grid.with_spacing((4.0, 1.0, 1.0) if seed % 4 else (4.0, *scan.spacing_mm[1:]))
    likely = some(rng, (4, *working.shape))
    rows, columns = slice(2, working.shape[1] - 1), slice(0, working.shape[2] - 3)
    outside = np.ones(working.shape[1:], bool)
    outside[rows, columns] = False
    likely[:, :, outside] = np.array([255, 0, 0, 0])[:, None, None]
    found = np.zeros(scan.shape, np.uint8)
    assert FinerPixels.fits(working, scan.grid)
    FinerPixels(working, scan.grid).decide(likely, rows, columns, found)
    np.testing.assert_array_equal(found, largest_class(likely, working, scan.grid, scan.array))
    every = [resample_linear(p, working.affine, scan.grid, outside=255.0 * (n == 0)) for n, p in enumerate(likely)]
    np.testing.assert_array_equal(found, np.argmax(every, axis=0))


def test_pixels_of_the_scan_that_span_several_are_left_to_the_other_way() -> None:
    grid = Volume(np.zeros((3, 20, 20), np.uint8), np.diag([4.0, 2.0, 2.0, 1.0])).grid
    assert not FinerPixels.fits(grid.with_spacing((4.0, 1.0, 1.0)), grid)
    assert not FinerPixels.fits(grid.with_shape((4, 10, 10)), grid)


def test_the_largest_is_numpys_argmax_also_at_ties() -> None:
    values = np.random.default_rng(0).integers(0, 4, (7, 50, 20)).astype(np.uint8)
    np.testing.assert_array_equal(largest(values), values.argmax(axis=0))
