"""Spines of every age and state, in any contrast: signals follow the equations, labels the anatomy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteon.anatomy import Task
from osteon.cohort import import_spider
from osteon.errors import UsageError
from osteon.synthesis import SpineParameters, make_phantom, write_varied_spines
from osteon.synthesis.contrast import SPINE_TISSUES, tissue_signals
from osteon.synthesis.scanner.protocol import PROTOCOLS
from osteon.synthesis.spine import variety
from osteon.synthesis.spine.look import CONTRASTS, look_seed, spine_signals
from osteon.synthesis.spine.variety import draw_grid, make_varied_phantom, worn

TASK = Task.load("lumbar-spine")
SMALL = {"shape": (80, 100, 6), "spacing_mm": (3.0, 3.0, 10.0)}


def signals(contrast: str, seed: int) -> dict[str, float]:
    return spine_signals(contrast, 0.45, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(6))
def test_protocols_show_fat_and_fluid_as_in_patients(seed: int) -> None:
    t1, t2, stir = (signals(name, seed) for name in ("t1-se", "t2-se", "stir"))
    assert t1["fat"] > t1["marrow"] > t1["muscle"] > t1["csf"]
    assert t2["csf"] > t2["muscle"]
    assert t2["nucleus"] > t2["annulus"] > t2["cortex"]
    assert stir["csf"] > 4 * stir["fat"]
    assert signals("dixon-fat", seed)["fat"] > 5 * signals("dixon-fat", seed)["muscle"]
    opposed = signals("opposed-phase", seed)
    assert opposed["fat"] < 0 < opposed["muscle"], "fat is opposed to water"
    assert opposed["fat"] < opposed["marrow"] < opposed["muscle"], "and marrow holds both"


def test_every_contrast_gives_every_tissue_a_signal_and_air_none() -> None:
    for contrast in CONTRASTS:
        found = signals(contrast, 1)
        assert set(SPINE_TISSUES) | {"marrow", "sacral-marrow"} <= set(found)
        assert np.isfinite(list(found.values())).all()
        assert abs(found["air"]) < 0.1 * max(abs(value) for value in found.values())


def test_the_clinical_contrasts_are_as_they_were() -> None:
    assert signals("t2", 3) == tissue_signals("t2", 0.45, np.random.default_rng(3))
    assert [look_seed(7, name) for name in ("t1", "t2")] == [(7, 4, 0), (7, 4, 1)]
    assert len({look_seed(7, name) for name in CONTRASTS}) == len(CONTRASTS)


def test_random_contrast_puts_tissues_in_any_order_and_bodies_stay_visible() -> None:
    drawn = [signals("random", seed) for seed in range(60)]
    brighter = [look["annulus"] > look["marrow"] for look in drawn]
    assert 0.25 < np.mean(brighter) < 0.75
    # a body ends at its cortex or at the disc: one of them looks otherwise
    edges = [max(abs(look[name] - look["red-marrow"]) for name in ("cortex", "annulus")) for look in drawn]
    assert min(edges) > 0.02
    assert np.mean([edge > 0.1 for edge in edges]) > 0.9


def test_an_unknown_contrast_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"no contrast named ct.*t1-gre.*random"):
        make_phantom(TASK, seed=0, contrast="ct", **SMALL)  # type: ignore[arg-type]


def test_opposed_fat_is_bright_in_the_magnitude() -> None:
    """Fat's signal is negative there; a scan shows its size, and the fat under the skin is no hole."""
    phantom = make_phantom(TASK, seed=4, contrast="opposed-phase", **SMALL)  # type: ignore[arg-type]
    scan, labels = phantom.scan.reoriented("RAS").array.astype(float), phantom.labels.reoriented("RAS").array
    column = scan[:, :, np.unique(np.argwhere(labels == 3)[:, 2])]
    back = column[2:4, :25].max(axis=1)
    assert np.median(back) > np.median(column[:, -3:]) + 200


def test_the_same_anatomy_is_seen_in_every_contrast() -> None:
    one, other = (make_phantom(TASK, seed=9, contrast=c, **SMALL) for c in ("t2", "random"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.labels.array, other.labels.array)
    assert not np.array_equal(one.scan.array, other.scan.array)


def test_worn_spines_have_broken_vertebrae_collapsed_discs_and_narrow_canals() -> None:
    rng = np.random.default_rng(0)
    pairs = [(whole, worn(whole, rng)) for whole in (SpineParameters.draw(rng, 75.0) for _ in range(80))]
    broken = [b.height_mm / a.height_mm for w, x in pairs for a, b in zip(w.bodies, x.bodies, strict=True)]
    discs = [b.height_mm / a.height_mm for w, x in pairs for a, b in zip(w.discs, x.discs, strict=True)]
    canals = [x.canal_depth_mm / w.canal_depth_mm for w, x in pairs]
    for ratios, least, share in ((broken, 0.6, 0.065), (discs, 0.45, 0.22), (canals, 0.65, 0.42)):
        assert least <= min(ratios) < 0.9
        assert max(ratios) == 1
        assert np.mean(np.array(ratios) < 1) == pytest.approx(share, abs=0.14 if ratios is canals else 0.05)
    fronts = [b.wedge_degrees - a.wedge_degrees for w, x in pairs for a, b in zip(w.bodies, x.bodies, strict=True)]
    assert max(fronts) == 0, "a fracture lowers the front, never the back"
    assert any(x.scoliosis_degrees > 3 for _, x in pairs)


def test_grids_are_those_of_sagittal_spine_scans() -> None:
    for seed in range(30):
        shape, spacing = draw_grid(np.random.default_rng(seed))
        extent = np.multiply(shape, spacing)
        assert 228 <= extent[1] <= 362
        assert 0.74 <= extent[0] / extent[1] <= 1.01
        assert 3 <= spacing[2] <= 5
        assert 9 <= shape[2] <= 28


def test_a_varied_cohort_is_the_same_for_a_seed_and_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variety, "draw_grid", lambda rng: ((70, 90, 6), (3.5, 3.5, 10.0)))
    folder = write_varied_spines(tmp_path / "spider", count=3, seed=2)
    contrast, phantom = make_varied_phantom(TASK, seed=2002)
    assert (folder / "images" / f"2_{contrast}.mha").is_file()
    cohort = import_spider(folder, tmp_path / "cohort")
    assert len(cohort.cases) == len(cohort.subjects) == 3
    assert {case.sequence for case in cohort.cases} <= {*PROTOCOLS, "random"}
    case = next(case for case in cohort.cases if case.subject == "2")
    np.testing.assert_array_equal(cohort.scan(case).array, phantom.scan.array)
    assert {"spinal-canal", "disc-L4-L5", "vertebra-L4"} <= set(case.annotated)
