"""The recipes of docs/results: the configuration, the split, and the pages made from studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteon.cohort import Fold, Split
from osteon.study import STUDIES, Arm, Setting, StudyConfig
from recipe_modules import recipe_module

RECIPES = Path(__file__).parents[2] / "recipes"


def test_the_studies_configuration_serves_every_network(setting: Setting) -> None:
    config = StudyConfig.load(RECIPES / "studies.toml")
    for name in ("architectures", "backbones", "losses", "pretrained-vs-random"):
        for arm in STUDIES[name].arms(setting):
            config.of_arm(arm, 2.0, None)
    narrow = config.of_arm(Arm("unet3d", "", {"network": {"name": "unet3d"}}), 2.0, None)
    assert (narrow.batch, narrow.network.width) == (1, 16)


def test_the_split_of_the_studies_leaves_the_test_subjects_as_they_are_but_for_discs() -> None:
    recipe = recipe_module("studies_split")
    fold = Fold(
        train=("ivd-1", "vb2-01"),
        validation=("vb2-07", "vb3-32", "vb3-36", "vb3-40"),
        test=("ivd-2", "vb1-D", "vb3-01"),
    )
    split = Split(kind="holdout", seed=3, cohort_sha256="", folds=(fold,))
    (found,) = recipe.for_studies(split).folds
    assert found.test == ("vb1-D", "vb3-01")
    assert found.validation == ("vb2-07", "vb3-32", "vb3-36")
    assert found.train == ("vb2-01", "vb3-40")


@pytest.mark.parametrize(
    "old", ["", "# Losses\n\nWords.\n\n<!-- results:begin -->\nold\n<!-- results:end -->\n\nMore.\n"]
)
def test_a_results_page_keeps_what_people_wrote_around_the_tables(old: str) -> None:
    recipe = recipe_module("study_results")
    found = recipe.page(old, "Losses", "new")
    assert found.startswith("# Losses\n")
    assert "<!-- results:begin -->\nnew\n<!-- results:end -->" in found
    assert "old" not in found
    assert recipe.page(found, "Losses", "new") == found
    if old:
        assert "Words." in found
        assert found.endswith("\n\nMore.\n")
