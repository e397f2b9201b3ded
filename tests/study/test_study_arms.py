"""The arms of every study: what they change, whom they learn from, whom they are tested on."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from osteon.cohort import Cohort, Fold, split
from osteon.cohort.manifest import write_manifest
from osteon.errors import TrainingError, UsageError
from osteon.study import STUDIES, Arm, Budget, Setting, StudyConfig
from osteon.study.choosing import arms_named, study_named
from osteon.study.subjects import first, fold_of
from test_training_resume import make_cohort, tiny

TRAINED_APART = ("architectures", "backbones", "losses", "learning-rates", "pretrained-vs-random")


@pytest.fixture(scope="module")
def two_groups(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """Twelve subjects on one scanner, eight on another."""
    whole = make_cohort(tmp_path_factory.mktemp("groups") / "boxes", subjects=20)
    cases = tuple(c.model_copy(update={"group": "A" if n < 12 else "B"}) for n, c in enumerate(whole.cases))
    write_manifest(whole.folder, whole.manifest.model_copy(update={"cases": cases}))
    cohort = Cohort.load(whole.folder)
    plain = StudyConfig(tiny(encoder={"weights": "random"}), {})
    return Setting([cohort], [split(cohort, test=5, validation=4)], plain)


@pytest.mark.parametrize("name", STUDIES)
def test_every_arm_has_a_name_of_its_own_and_begins_with_one_before_it(name: str, two_groups: Setting) -> None:
    arms = STUDIES[name].arms(two_groups)
    names = [arm.name for arm in arms]
    assert len(set(names)) == len(names) > 1
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]*", arm) for arm in names)
    for number, arm in enumerate(arms):
        assert arm.start is None or arm.start in names[:number]
        assert arm.against is None or arm.against in names
        fold_of(arm, 0, two_groups)
        if arm.start is None:
            two_groups.config.of_arm(arm, Budget(3.0, "processor"), None)  # raises on a key that is not known


@pytest.mark.parametrize("name", TRAINED_APART)
def test_arms_learn_from_and_are_tested_on_the_same_subjects(name: str, two_groups: Setting) -> None:
    folds = {fold_of(arm, 0, two_groups) for arm in STUDIES[name].arms(two_groups)}
    assert folds == {two_groups.splits[0].folds[0]}


def test_fewer_training_subjects_are_some_of_the_more(two_groups: Setting) -> None:
    arms = sorted(STUDIES["labels-needed"].arms(two_groups), key=lambda arm: arm.place or 0)
    learners = [set(fold_of(arm, 0, two_groups).train) for arm in arms]
    assert [len(some) for some in learners] == [1, 2, 4, 8, 11]
    assert all(less < more for less, more in pairwise(learners))
    fold = Fold(train=tuple("abcdefgh"))
    assert first(2, seed=0)(fold) == first(2, seed=0)(fold)
    assert len({first(2, seed)(fold).train for seed in range(9)}) > 1


def test_transfer_tests_nobody_whom_an_arm_of_that_direction_has_learned_from(two_groups: Setting) -> None:
    arms = {arm.name: arm for arm in STUDIES["transfer"].arms(two_groups)}
    assert len(arms) == 2 * 2 * 5
    for base in ("a-own", "a-any", "b-own", "b-any"):
        home = fold_of(arms[base], 0, two_groups)
        there = [arm for arm in arms.values() if arm.start == base]
        folds = [fold_of(arm, 0, two_groups) for arm in there]
        assert len({fold.test for fold in folds}) == 1
        seen = set(home.train + home.validation).union(*(f.train + f.validation for f in folds))
        assert not seen & set(folds[0].test)
        assert [len(f.train) for f, arm in zip(folds, there, strict=True) if arm.trained] == [1, 2, 3]
        groups = {case.subject: case.group for case in two_groups.cohorts[0].cases}
        assert {groups[s] for s in home.train} == {base[0].upper()}
        assert groups[folds[0].test[0]] != base[0].upper()


def test_transfer_goes_between_two_cohorts_or_two_groups(two_groups: Setting, cohort: Cohort) -> None:
    other = replace(
        two_groups,
        cohorts=[*two_groups.cohorts, cohort],
        splits=[*two_groups.splits, split(cohort, test=2, validation=1)],
    )
    parts = {arm.part for arm in STUDIES["transfer"].arms(other)}
    assert {(part.cohort, part.group) for part in parts} == {(0, None), (1, None)}
    with pytest.raises(UsageError, match=r"no group C; its groups are A, B"):
        STUDIES["transfer"].arms(replace(two_groups, groups=("A", "C")))
    alone = replace(two_groups, cohorts=[cohort], splits=[split(cohort, test=2, validation=1)])
    with pytest.raises(UsageError, match="one group only"):
        STUDIES["transfer"].arms(alone)


def test_an_input_of_more_pixels_shows_the_same_field(two_groups: Setting) -> None:
    longer_side_mm = 40.0  # slices of the boxes have 34 x 40 pixels of 1 mm
    for arm in STUDIES["input-size"].arms(two_groups):
        config = two_groups.config.of_arm(arm, None, None)
        assert config.preprocessing.spacing_mm == pytest.approx((longer_side_mm / (arm.place or 0),) * 2)
        assert config.sampling.rows >= (arm.place or 0) > config.sampling.rows - 32


def test_an_arms_network_has_its_published_size_unless_its_own_table_says_otherwise() -> None:
    config = StudyConfig(tiny(encoder={"weights": "random"}), {"unet3d": {"network": {"width": 16}, "batch": 1}})
    assert config.of_arm(Arm("unet2d", "", {"network": {"name": "unet2d"}}), None, None).network.width == 32
    narrow = config.of_arm(Arm("unet3d", "", {"network": {"name": "unet3d"}}), None, None)
    assert (narrow.network.width, narrow.network.patch, narrow.batch) == (16, (16, 160, 160), 1)
    same = config.of_arm(Arm("resnet34-unet", "", {"network": {"name": "resnet34-unet"}}), None, None)
    assert same.network.width == config.training.network.width == 8
    changed = config.of_arm(Arm("rate", "", {"optimiser": {"learning_rate": 0.5}}), Budget(3.0, "clock"), None)
    assert (changed.optimiser.learning_rate, changed.optimiser.average) == (0.5, 0.5)
    assert changed.minutes == 3.0
    limited = StudyConfig(config.training.model_copy(update={"minutes": 1.0}), {})
    counted = limited.of_arm(Arm("rate", ""), Budget(3.0, "processor"), None)
    assert (counted.minutes, counted.processor_minutes) == (None, 3.0), "the budget replaces other limits"
    assert changed.epochs > 1000, "the minutes end it, nothing else"


def test_what_is_not_known_is_refused_by_name(tmp_path: Path, setting: Setting) -> None:
    with pytest.raises(UsageError, match=r"no study named loses\. Known: architectures"):
        study_named("loses")
    arms = STUDIES["losses"].arms(setting)
    with pytest.raises(UsageError, match=r"no arm named dicee\. Its arms: dice-focal, dice"):
        arms_named(arms, ["dice", "dicee"])
    assert [arm.name for arm in arms_named(arms, ["dice", "dice-focal"])] == ["dice-focal", "dice"]
    path = tmp_path / "study.toml"
    for text, said in (
        ("arms = 3", "a table for each arm"),
        ("[arms]\ndice = 3", "a table for each arm"),
        ('name = "x"\ntitle = "x"\nclasses = ["disc"]\nepoch = 3', "epoch: is not a known key"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(TrainingError, match=said):
            StudyConfig.load(path)
    with pytest.raises(TrainingError, match=r"arm dice: loss\.colour: is not a known key"):
        StudyConfig(setting.config.training, {"dice": {"loss": {"colour": 1}}}).of_arm(arms[1], None, None)


def test_an_arm_that_was_asked_for_brings_the_one_that_it_begins_with(two_groups: Setting) -> None:
    arms = STUDIES["transfer"].arms(two_groups)
    assert [arm.name for arm in arms_named(arms, ["a-any-to-b-2"])] == ["a-any", "a-any-to-b-2"]
