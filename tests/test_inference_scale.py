"""A scan is looked at in the scale in which the network is surest of what it finds."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from osteon.inference import Engine, predict, predict_classes
from osteon.inference.engine import as_bytes
from osteon.inference.scale import AHEAD, _certainty, surest_scale
from osteon.networks.forward import Batch
from osteon.networks.model import Model
from osteon.preprocessing import Preprocessing, turned_scan, working_volume
from osteon.volume import Volume
from small_models import unopened

LEARNED_PIXELS = 20
"""Width of the squares that `expert` knows well."""


def model(**preprocessing: object) -> Model:
    how = {"region": "none", "normalisation": "min-max", "spacing_mm": (2.0, 2.0), "plane": "axial"} | preprocessing
    return unopened(("tibia-right",), **how)


class Expert:
    """Finds what is bright, the less surely the more its width differs from that of the squares it learned."""

    def __init__(self) -> None:
        self.slices = 0
        self.widths: list[float] = []

    def __call__(self, slices: Batch) -> Batch:
        self.slices += len(slices)
        bright = slices[:, 1] > 0.5
        width = float(np.sqrt(bright.sum() / max(1, bright.any(axis=(1, 2)).sum())))
        self.widths.append(width)
        strength = 6.0 / (1 + abs(width - LEARNED_PIXELS))
        answer = np.where(bright, strength, -6.0)
        return np.stack([-answer, answer], axis=1).astype(np.float32)


def square(width_mm: float, slices: int = 12) -> Volume:
    """A bright square in the middle of every slice, in voxels of 0.5 mm."""
    array = np.zeros((240, 240, slices), np.float32)
    half = round(width_mm)  # half a width in voxels of half a mm
    array[120 - half : 120 + half, 120 - half : 120 + half] = 100
    return Volume(array, np.diag([0.5, 0.5, 5.0, 1.0]))


@pytest.mark.parametrize(("width_mm", "scale"), [(40.0, 1.0), (32.0, 0.8), (26.0, 0.65)])
def test_the_scale_is_chosen_that_shows_bones_as_large_as_the_network_knows_them(width_mm: float, scale: float) -> None:
    tiny = model(scales=(1.0, 0.8, 0.65))
    turned = turned_scan(square(width_mm), tiny.spec.preprocessing)
    how = surest_scale(turned, tiny, Engine("expert", Expert()))
    assert how.spacing_mm == pytest.approx((2.0 * scale, 2.0 * scale))
    assert how.context_mm == pytest.approx(4.0 * scale)
    assert how.scales == (1.0,)


def test_the_answer_at_another_scale_lies_where_the_scan_shows_it() -> None:
    scan = square(26.0)
    found = predict(scan, model(scales=(1.0, 0.8, 0.65)), Engine("expert", Expert()))
    assert found.working.spacing_mm[1:] == pytest.approx((1.3, 1.3))
    truth = scan.array > 50
    answer = found.classes.array == 1
    assert 2 * (truth & answer).sum() / (truth.sum() + answer.sum()) > 0.95


def test_trying_ends_where_the_network_gets_less_sure() -> None:
    expert = Expert()
    tiny = model(scales=(1.0, 0.8, 0.65))
    surest_scale(turned_scan(square(40.0, slices=100), tiny.spec.preprocessing), tiny, Engine("expert", expert))
    assert expert.slices == 2 * 16  # two scales, sixteen slices of a hundred


def test_one_scale_costs_nothing() -> None:
    expert = Expert()
    predict_classes(square(40.0), model(), Engine("expert", expert))
    assert expert.slices == 12


def test_a_scan_in_which_nothing_is_found_is_looked_at_in_the_first_scale() -> None:
    tiny = model(scales=(1.0, 0.5))
    turned = turned_scan(Volume(np.zeros((30, 30, 5), np.float32), np.eye(4)), tiny.spec.preprocessing)
    assert surest_scale(turned, tiny, Engine("expert", Expert())).spacing_mm == (2.0, 2.0)


def test_halves_of_the_preparation_make_the_whole() -> None:
    how = Preprocessing(spacing_mm=(1.5, 1.5), plane="axial")
    scan = square(30.0)
    whole = working_volume(scan, how.scaled(0.5))
    assert whole.spacing_mm[1:] == pytest.approx((0.75, 0.75))
    assert turned_scan(scan, how).volume.spacing_mm[1:] == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, -1.0)])
def test_scales_are_positive_and_at_least_one(scales: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Preprocessing(scales=scales)


def test_scales_without_a_spacing_to_multiply_are_refused() -> None:
    with pytest.raises(ValidationError, match="scales need spacing_mm"):
        Preprocessing(spacing_mm=None, scales=(1.0, 0.8))


def test_certainty_is_that_over_all_pixels() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (3, 4, 40, 50)).astype(np.float32)
    logits[:, 0, :, 10:] += 20  # background, most of it without a doubt
    likely = as_bytes(logits)
    found, probable = likely.argmax(axis=1), likely / 255
    dice = []
    for number in range(1, 4):
        here = found == number
        dice.append(2 * probable[:, number][here].sum() / (probable[:, number].sum() + here.sum()))
    assert (likely[:, 0] == 255).mean() > 0.5
    assert _certainty(iter([likely[:2], likely[2:]])) == pytest.approx(float(np.mean(dice)), abs=1e-12)


@pytest.mark.parametrize(("ahead", "scale"), [(AHEAD / 2, 1.0), (-AHEAD / 2, 1.0), (2 * AHEAD, 0.8)])
def test_a_finer_scale_has_to_be_clearly_surer(monkeypatch: pytest.MonkeyPatch, ahead: float, scale: float) -> None:
    certainties = iter([0.9, 0.9 + ahead, 0.5])
    monkeypatch.setattr("osteon.inference.scale._certainty", lambda answers: next(certainties))
    tiny = model(scales=(1.0, 0.8, 0.65))
    turned = turned_scan(square(40.0), tiny.spec.preprocessing)
    how = surest_scale(turned, tiny, Engine("expert", Expert()))
    assert how.spacing_mm == pytest.approx((2.0 * scale, 2.0 * scale))
