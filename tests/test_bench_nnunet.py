"""nnU-Net's default plans for both legs, and how many passes they mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from osteon.bench import BENCHMARKS, Asked, nnunet
from osteon.bench.measured import Comparison
from osteon.bench.segmenting import BenchResult
from osteon.errors import ModelError
from osteon.networks.nnunet import extra


def test_without_nnunet_its_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'osteon\[nnunet\]'"):
        nnunet.nnunet(Asked(), tmp_path)


def test_nnunets_time_is_that_of_a_pass_times_their_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []
    tiles = {"nnU-Net 2-D": nnunet.Tiles((64, 64), 1000, lambda: ran.append("tile"))}
    result = BenchResult((64, 64, 8), "x", 1.0, {"network": 1.0}, 100.0, {"network": 100.0})
    monkeypatch.setattr(nnunet, "nnunet_module", lambda name: None)
    monkeypatch.setattr(nnunet, "planned_tiles", lambda *_: tiles)
    monkeypatch.setattr(nnunet, "write_leg_dicom", lambda *_: tmp_path)
    monkeypatch.setattr(nnunet, "segment_timed", lambda *_: ran.append("osteon") or result)
    plain = nnunet.alternately
    measured: list[Comparison] = []
    monkeypatch.setattr(nnunet, "alternately", lambda *args: measured.append(plain(*args)) or measured[0])
    found = nnunet.nnunet(Asked(repeats=2), tmp_path, (64, 64, 8))
    assert ran == ["osteon", "tile"] * 2
    first, peer = found.wall_s
    assert found.wall_s[first] == measured[0].wall_s[first]
    assert found.wall_s[peer] == pytest.approx(1000 * measured[0].wall_s[peer])
    assert "times 1000 passes" in found.notes[0]


def test_plans_cover_the_scan_with_half_overlapping_tiles_in_all_mirrorings(tmp_path: Path) -> None:
    pytest.importorskip("nnunetv2", reason="the extra nnunet is not installed")
    before = dict(os.environ)
    tiles = nnunet.planned_tiles(tmp_path, (8, 96, 96), (4.0, 1.5, 1.5), 3)
    flat, solid = (tiles[name] for name in nnunet.CONFIGURATIONS)
    assert len(flat.shape) == 2
    assert flat.passes % (4 * 8) == 0, "four mirrorings of eight slices"
    assert len(solid.shape) == 3
    assert solid.passes % 8 == 0
    assert {name: os.environ.get(name) for name in nnunet.FOLDERS} == {n: before.get(n) for n in nnunet.FOLDERS}


def test_osteon_bench_knows_it() -> None:
    assert BENCHMARKS["nnunet"].function == nnunet.nnunet.__name__
