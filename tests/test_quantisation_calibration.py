"""Slices that calibrate a network in eight bits: of scans in all of the model's scales, and of bodies."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from bodies import CLASSES, legs
from osteon.cohort import Case, Cohort
from osteon.errors import UsageError
from osteon.networks.model import Model
from osteon.quantisation.calibration import made_slices, scanned_slices
from osteon.synthesis.bodies import Bodies
from osteon.volume import Volume
from small_models import unopened


def model(**preprocessing: object) -> Model:
    how = {"plane": "axial", "spacing_mm": (4.0, 4.0), "context_mm": 8.0, "region": "none"} | preprocessing
    return unopened(CLASSES, **how)


class OneScan:
    """A cohort whose every scan is the same."""

    def scan(self, case: Case) -> Volume:
        array = np.random.default_rng(0).integers(0, 900, (64, 64, 20)).astype(np.uint16)
        return Volume(array, np.diag([2.0, 2.0, 4.0, 1.0]))


def scanned(most: int, seed: int = 0) -> list[np.ndarray]:
    cases = cast(list[Case], ["a", "b"])
    return list(scanned_slices(cast(Cohort, OneScan()), cases, model(scales=(1.0, 0.5)), most, seed))


def test_scans_are_shown_in_each_scale_and_no_more_slices_than_asked_for() -> None:
    sides = [slices.shape[2] for slices in scanned(10)]
    assert len(sides) == 10
    assert set(sides) == {32, 64}
    assert all(slices.shape[:2] == (1, 3) for slices in scanned(3))


def test_the_seed_says_which_slices() -> None:
    first, again, other = scanned(6), scanned(6), scanned(6, seed=1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not all(a.shape == b.shape and (a == b).all() for a, b in zip(first, other, strict=True))


def test_bodies_are_shown_in_many_contrasts_as_the_network_would_see_them() -> None:
    folder = Bodies(Path("nowhere"), (legs(),))
    made = made_slices([folder], model(), 6, seed=3)
    assert [slices.shape for slices in made] == [(1, 3, 64, 96)] * 6  # 288 x 432 mm in multiples of 32 pixels
    assert all(slices.min() >= 0 and slices.max() > 0.3 for slices in made)
    brightness = [float(slices[slices > 0.05].mean()) for slices in made]
    assert np.std(brightness) > 0.02
    again = made_slices([folder], model(), 6, seed=3)
    assert all((a == b).all() for a, b in zip(made, again, strict=True))


@pytest.mark.parametrize("other", [{"plane": "coronal"}, {"spacing_mm": (4.0, 3.0)}, {"normalisation": "z-score"}])
def test_models_of_other_slices_are_not_calibrated_with_bodies(other: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="Leave --bodies out"):
        made_slices([Bodies(Path("nowhere"), (legs(),))], model(**other), 1, seed=0)
