"""Signals: the spin-echo equation and the order of tissues that every reader of MRI knows."""

from __future__ import annotations

import numpy as np
import pytest

from osteon.geometry import Grid
from osteon.synthesis.contrast import Tissue, spin_echo, tissue_signals
from osteon.synthesis.spine.acquisition import FULL_SCALE, acquire


def test_spin_echo_recovers_63_percent_after_one_t1_and_keeps_37_percent_after_one_t2() -> None:
    assert spin_echo(Tissue(2.0, 800, 50), 800, 0) == pytest.approx(2 * (1 - np.exp(-1)))
    assert spin_echo(Tissue(1.0, 1, 50), 1e6, 50) == pytest.approx(np.exp(-1))


@pytest.mark.parametrize("seed", range(20))
def test_t2_shows_fluid_bright_and_t1_dark_while_fat_is_bright_in_t1(seed: int) -> None:
    t1, t2 = (tissue_signals(c, 0.4, np.random.default_rng(seed)) for c in ("t1", "t2"))
    assert t2["csf"] > t2["nucleus"] > t2["marrow"] > t2["muscle"] > t2["cortex"]
    assert t1["fat"] > t1["marrow"] > t1["muscle"] > t1["csf"] > t1["cortex"]
    assert t1["marrow"] > t1["annulus"]
    assert t2["marrow"] > 2 * t2["annulus"]


def test_more_yellow_marrow_is_brighter_in_t1() -> None:
    young, old = (tissue_signals("t1", share, np.random.default_rng(0))["marrow"] for share in (0.2, 0.6))
    assert old > young


def test_air_holds_rician_noise_of_the_expected_ratio_and_values_fit_12_bits() -> None:
    shape = (64, 64, 8)
    signal = np.zeros(shape, dtype=np.float32)
    signal[32:] = 1.0
    grid = Grid(shape, np.diag([1.0, 1.0, 4.0, 1.0]))
    image = acquire(signal, grid, np.full(shape, 80, np.float32), np.random.default_rng(3))
    air = image[:28].astype(float)
    # a magnitude of two Gaussians is Rayleigh: mean over deviation is sqrt(pi / (4 - pi))
    assert air.mean() / air.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.05)
    assert image.dtype == np.uint16
    assert image.max() <= FULL_SCALE
    assert image[36:].mean() > 20 * air.mean()
