"""The recipes of docs/results: the configuration, the split, and the pages made from studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteon.cohort import Fold, Split
from osteon.study import STUDIES, Arm, Budget, Setting, StudyConfig
from osteon.training import TrainingConfig
from recipe_modules import recipe_module

RECIPES = Path(__file__).parents[2] / "recipes"


def test_the_studies_configuration_serves_every_network(setting: Setting) -> None:
    config = StudyConfig.load(RECIPES / "studies.toml")
    for name in ("architectures", "backbones", "losses", "pretrained-vs-random"):
        for arm in STUDIES[name].arms(setting):
            config.of_arm(arm, Budget(2.0, "processor"), None)
    narrow = config.of_arm(Arm("unet3d", "", {"network": {"name": "unet3d"}}), Budget(2.0, "processor"), None)
    assert (narrow.batch, narrow.network.width) == (1, 16)


def test_studies_learn_as_the_recipe_for_few_minutes_does() -> None:
    ours = StudyConfig.load(RECIPES / "studies.toml").training
    alone = TrainingConfig.load(RECIPES / "few-minutes.toml")
    same = {"name": "", "title": "", "epochs": 1, "patience": 1, "processor_minutes": None}
    assert ours.model_copy(update=same) == alone.model_copy(update=same)


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
    assert recipe.for_studies(split, every=2).folds[0].test == ("vb1-D",)


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
