"""Shapes: signed distances against analytic answers."""

from __future__ import annotations

from dataclasses import replace
from math import gamma, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.synthesis.shapes import BodyShape, capsule, ellipsoid, rounded_intersection


def volume_mm3(shape: BodyShape) -> float:
    """Share of random points of its box that lie inside, times the box: about 0.2 % exact."""
    reach = np.array(shape.reach_mm) + 1
    points = np.random.default_rng(0).uniform(-1, 1, size=(3, 300_000)) * reach[:, None]
    inside = shape.signed_distance(*points.astype(np.float32)) < 0
    return float(inside.mean() * np.prod(2 * reach))


@settings(max_examples=15, deadline=None)
@given(width=st.floats(20, 55), depth=st.floats(20, 40), height=st.floats(15, 30), exponent=st.floats(2, 4))
def test_plain_body_has_the_volume_of_a_superelliptic_cylinder(
    width: float, depth: float, height: float, exponent: float
) -> None:
    shape = BodyShape(width, depth, height, exponent=exponent)
    area = width * depth * gamma(1 + 1 / exponent) ** 2 / gamma(1 + 2 / exponent)
    assert volume_mm3(shape) == pytest.approx(area * height, rel=0.01)


def test_wedge_keeps_the_volume_and_tilts_the_endplates() -> None:
    plain = BodyShape(45, 34, 26)
    wedged = replace(plain, wedge_degrees=12.0)
    assert volume_mm3(wedged) == pytest.approx(volume_mm3(plain), rel=0.02)
    z = np.linspace(0, 30, 601, dtype=np.float32)
    heights = []
    for y in (-10.0, 10.0):
        inside = wedged.signed_distance(np.zeros_like(z), np.full_like(z, y), z) < 0
        heights.append(2 * float(z[inside].max()))
    angle = 2 * np.degrees(np.arctan((heights[1] - heights[0]) / 2 / 20))
    assert angle == pytest.approx(12.0, abs=0.6)


@pytest.mark.parametrize(
    "change",
    [
        {"waist_mm": 2.0},
        {"endplate_concavity_mm": 2.0},
        {"posterior_concavity_mm": 2.0},
        {"corner_mm": 3.0},
        {"taper": 0.3},
    ],
)
def test_each_hollow_takes_volume_away(change: dict[str, float]) -> None:
    plain = BodyShape(45, 34, 26)
    less = volume_mm3(replace(plain, **change)) / volume_mm3(plain)
    assert 0.7 < less < 0.995


def test_ellipsoid_distance_is_zero_on_its_surface_and_exact_nearby_along_the_axes() -> None:
    half = (8.0, 5.0, 3.0)
    for axis in range(3):
        for offset in (-0.2, 0.0, 0.2):
            point = np.zeros((3, 1), dtype=np.float32)
            point[axis] = half[axis] + offset
            assert ellipsoid(*point, (0.0, 0.0, 0.0), half)[0] == pytest.approx(offset, abs=0.02)


def test_round_capsule_distance_is_the_distance_to_its_axis_less_the_radius() -> None:
    points = np.random.default_rng(0).uniform(-20, 20, size=(3, 500)).astype(np.float32)
    start, end = np.array([-5.0, 2.0, 1.0]), np.array([6.0, -3.0, 4.0])
    samples = start + np.linspace(0, 1, 4001)[:, None] * (end - start)
    expected = [np.linalg.norm(samples - p, axis=1).min() - 3.0 for p in points.T]
    found = capsule(*points, (tuple(start), tuple(end)), 3.0, (1.0, 1.0, 1.0))
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_rounded_corner_removes_a_quarter_circle_spandrel() -> None:
    x, y = np.meshgrid(*(np.arange(0.025, 20, 0.05, dtype=np.float32),) * 2)
    square = (x < 10) & (y < 10)
    rounded = rounded_intersection(x - 10, y - 10, 4.0) < 0
    assert (square & ~rounded).sum() * 0.05**2 == pytest.approx((1 - pi / 4) * 16, rel=0.02)
    assert not (rounded & ~square).any()
