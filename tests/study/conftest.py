"""A cohort of random boxes that is split, and a configuration that trains in a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteon.cohort import Cohort, split
from osteon.study import Setting, StudyConfig
from test_training_resume import make_cohort, tiny


@pytest.fixture(scope="package")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("study") / "boxes", subjects=8)


@pytest.fixture(scope="package")
def setting(cohort: Cohort) -> Setting:
    config = tiny(epochs=1, steps=1, encoder={"weights": "random"})
    return Setting([cohort], [split(cohort, test=3, validation=2)], StudyConfig(config, {}))


@pytest.fixture(scope="package")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "study.toml"
    path.write_text(
        'name = "tiny"\ntitle = "Tiny"\nclasses = ["vertebra-L5", "vertebra"]\nepochs = 1\nsteps = 1\nbatch = 2\n'
        "network = { width = 8 }\nsampling = { rows = 32, columns = 32 }\n"
        'preprocessing = { region = "none" }\n',
        encoding="utf-8",
    )
    return path
