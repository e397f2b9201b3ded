"""Recipes of training: who learns and who is tested, and configurations that are what they say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from osteon.cohort import Case, Cohort, Fold, Split
from osteon.cohort.manifest import Manifest, write_manifest
from osteon.training import TrainingConfig
from recipe_modules import recipe_module

RECIPES = Path(__file__).parents[1] / "recipes"


def cohort_of(folder: Path, annotated: dict[str, str]) -> Cohort:
    """A cohort in name only: a subject with one structure each."""
    cases = tuple(
        Case(
            name=subject, subject=subject, group="g", sequence="t1", image="i", labels="l", annotated=(structure,),
            voxels_sha256=subject,
        )
        for subject, structure in annotated.items()
    )  # fmt: skip
    for file in ("i", "l"):
        (folder / file).touch()
    write_manifest(folder, Manifest(task="lumbar-spine", layout="none", cases=cases))
    return Cohort.load(folder)


def test_each_disc_scan_is_tested_by_a_network_that_learned_discs_from_the_others(tmp_path: Path) -> None:
    bodies, discs = ["b1", "b2", "b3", "b4"], ["d1", "d2", "d3"]
    cohort = cohort_of(tmp_path, dict.fromkeys(bodies, "vertebra-L5") | dict.fromkeys(discs, "disc-L5-S1"))
    split = Split(
        kind="holdout", seed=0, cohort_sha256=cohort.digest(),
        folds=(Fold(train=("b1", "b2", "d1", "d2"), validation=("b3",), test=("b4", "d3")),),
    )  # fmt: skip
    folds = recipe_module("discs_leave_one_out").without_one(cohort, split).folds
    assert [fold.test[0] for fold in folds] == discs
    for fold in folds:
        assert set(discs) & set(fold.train) == set(discs) - {fold.test[0]}
        assert set(fold.train) >= {"b1", "b2"}
        assert (fold.validation, fold.test[1:]) == (("b3",), ("b4",)), "bodies stay on their side"


def test_the_summary_takes_discs_and_bodies_of_a_fold_apart() -> None:
    given = ["fold", "subject", "structure", "dice", "volume_error_percent"]
    rows = [(0, "d1", "disc-L4-L5", 0.8, 10.0), (0, "d1", "disc-L5-S1", 0.6, -30.0), (0, "b1", "vertebra-L5", 0.9, 0.0)]
    rows += [(1, "d2", "disc-L4-L5", 0.9, 20.0), (1, "b1", "vertebra-L5", 0.8, 0.0)]
    scores = pd.DataFrame(rows, columns=given).assign(hausdorff95_mm=2.0, average_surface_distance_mm=0.5)
    said = recipe_module("discs_leave_one_out").summary(scores).splitlines()
    assert said[2] == "| d1 | 2 | 0.700 | 0.600 | 20.0 | 2.00 | 0.50 | 0.900 | 0.900 |"
    assert said[4] == "| **all** | 3 | 0.800 ± 0.141 | 0.600 | 20.0 | 2.00 | 0.50 | 0.850 | 0.800 |"
    assert said[-1] == "| Dice | 0.850 ± 0.071 | 0.600 ± nan |"


def test_the_one_long_epoch_leaves_nothing_to_choose() -> None:
    config = TrainingConfig.load(RECIPES / "discs-leave-one-out.toml")
    assert (config.epochs, config.start) == (1, "lumbar-vertebrae")
    assert "disc" in config.classes


@pytest.mark.parametrize("name", ["unet3d", "residual-unet3d", "hdenseunet"])
def test_every_network_that_sees_volumes_has_a_short_training(name: str) -> None:
    config = recipe_module("train_volumes").configuration(name, 2.0)
    assert (config.network.name, config.minutes) == (name, 2.0)
    assert config.network.patch is not None
