"""What a built leg says of itself against what `measure` finds in its labels."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from osteon.measurement import measure
from osteon.measurement.leg import LONG_BONE_COLUMNS
from osteon.synthesis import Body, draw_legs

COLUMNS = {
    "femur": (
        "mechanical_length_mm",
        "neck_shaft_angle_degrees",
        "anteversion_degrees",
        "mechanical_axis_deviation_mm",
        "hip_knee_ankle_degrees",
    ),
    "tibia": ("mechanical_length_mm", "torsion_degrees"),
}
TOLERANCE = {"mm": 1.5, "degrees": 1.0}


@cache
def legs(seed: int, age_years: float) -> tuple[Body, pd.DataFrame]:
    body = draw_legs(seed, age_years=age_years, spacing_mm=(2.0, 2.0, 2.0))
    return body, measure(body.labels).set_index("structure")


@pytest.mark.parametrize(("seed", "age_years"), [(1, 30.0), (2, 9.0)])
def test_measuring_a_built_body_finds_its_truth(seed: int, age_years: float) -> None:
    body, table = legs(seed, age_years)
    expected = {f"{b}-{side}.{c}" for side in ("right", "left") for b, columns in COLUMNS.items() for c in columns}
    assert set(body.truth) == expected
    found = {}
    for key, value in body.truth.items():
        structure, column = key.split(".")
        assert column in LONG_BONE_COLUMNS
        found[key] = (float(table.loc[structure, column]), value, TOLERANCE[column.rsplit("_", 1)[1]])
    # a cell that is not measured compares as false, too
    missed = {k: (got, value) for k, (got, value, within) in found.items() if not abs(got - value) < within}
    assert missed == {}
