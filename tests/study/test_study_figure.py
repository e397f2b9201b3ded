"""What a study draws can be read: nothing lies over anything else, however long the names of its arms are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from osteon.report.study_charts import StudyFigure, draw_study, study_figure

LONG = "vb3 → vb2, 3 subjects (own contrast)"


def study(titles: list[str], places: dict[str, float]) -> tuple[StudyFigure, pd.DataFrame]:
    """Arms of these titles with four subjects each; all but the first are compared with it."""
    arms = [f"arm-{n}" for n in range(len(titles))]
    generator = np.random.default_rng(0)
    dots = pd.DataFrame([(arm, f"s{n}", *generator.random(2)) for arm in arms for n in range(4)])
    dots.columns = pd.Index(["arm", "subject", "dice", "any_name"])
    rows = [(score, arm, arms[0], 0.1, 0.0, 0.2) for score in ("dice", "dice_any_name") for arm in arms[1:]]
    compared = pd.DataFrame(rows, columns=["score", "arm", "against", "mean_difference", "low", "high"])
    facts = pd.DataFrame({"arm": arms, "title": titles})
    return StudyFigure("Study", dots, compared, dict(zip(arms, titles, strict=True)), places, "subjects"), facts


@pytest.mark.parametrize(
    ("title", "places"), [(LONG, {}), ("16 subjects", {f"arm-{n}": 2.0**n for n in range(5)})], ids=["rows", "curve"]
)
def test_axes_with_all_their_texts_stand_beside_each_other(title: str, places: dict[str, float]) -> None:
    figure = study_figure(*study([title] * 5, places))
    figure.canvas.draw()
    left, right = (axes.get_tightbbox() for axes in figure.axes)
    assert 0 <= left.x0 < left.x1 <= right.x0 < right.x1 <= figure.bbox.x1
    assert all(axes.get_window_extent().width > 0.2 * figure.bbox.x1 for axes in figure.axes)


def test_an_arm_and_its_difference_stand_in_one_row() -> None:
    figure = study_figure(*study(["a", "b", "c"], {}))
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert left.get_yticks().tolist() == right.get_yticks().tolist()
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b", "c"]


def test_the_file_is_a_picture_of_the_figures_size(tmp_path: Path) -> None:
    content, facts = study(["a", "b"], {})
    draw_study(tmp_path / "figure.png", content, facts)
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.size == tuple(study_figure(content, facts).canvas.get_width_height())
