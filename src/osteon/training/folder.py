"""The folder of a training run: what lies in it, and whose it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.io.whole import written_whole
from osteon.synthesis.bodies import Bodies
from osteon.training.config import TrainingConfig


@dataclass(frozen=True)
class TrainingPaths:
    """Names of a training run's files."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """Everything needed to continue."""
        return self.folder / "checkpoint.safetensors"

    @property
    def best(self) -> Path:
        """Averaged weights of the epoch with the best validation Dice."""
        return self.folder / "best.safetensors"

    @property
    def config(self) -> Path:
        """The configuration as it was used."""
        return self.folder / "config.json"

    @property
    def subjects(self) -> Path:
        """The fold, and the digests of the cohorts it was trained on."""
        return self.folder / "subjects.json"

    @property
    def metrics(self) -> Path:
        """One row an epoch."""
        return self.folder / "metrics.csv"

    @property
    def curves(self) -> Path:
        """The rows, drawn."""
        return self.folder / "curves.png"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's files, if asked for."""
        return self.folder / "tensorboard"

    @property
    def scratch(self) -> Path:
        """Prepared cases, while the training runs; what a killed run left is removed by `claim`."""
        return self.folder / ".part-cases"

    @property
    def model(self) -> Path:
        """The model that comes out."""
        return self.folder / "model"


def claim(
    paths: TrainingPaths, config: TrainingConfig, fold: Fold, data: Sequence[Cohort | Bodies], resume: bool
) -> None:
    """Make the run folder, or make sure that it holds this very run.

    Raises
    ------
    TrainingError
        If the folder holds something else, a run that is not to be continued, or one of another configuration or of
        other subjects: continued with those, a network would be tested on what it has seen.
    """
    text = config.model_dump_json(indent=1) + "\n"
    facts = {"fold": fold.model_dump(mode="json"), "cohorts_sha256": [part.digest() for part in data]}
    subjects = json.dumps(facts, indent=1) + "\n"
    if paths.folder.exists() and not paths.folder.is_dir():
        raise TrainingError(f"{paths.folder} is a file; a training run is a folder. Choose another name.")
    left = list(paths.folder.glob(".part-*"))  # of a run that was killed while it wrote
    if paths.folder.is_dir() and len(list(paths.folder.iterdir())) > len(left):
        if not paths.config.is_file():
            raise TrainingError(f"{paths.folder} holds something else than a training run; choose another folder.")
        if not resume:
            raise TrainingError(
                f"{paths.folder} holds a run already. Continue it with --resume, or choose another folder."
            )
        if not _same(paths.config, config):
            raise TrainingError(f"{paths.folder} was started with another configuration (see its {paths.config.name}).")
        if paths.subjects.is_file() and paths.subjects.read_text(encoding="utf-8") != subjects:
            raise TrainingError(
                f"{paths.folder} was started with other subjects or another state of the cohort (see its "
                f"{paths.subjects.name}). Give the same ones, or choose another folder."
            )
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path, content in ((paths.config, text), (paths.subjects, subjects)):
        with written_whole(path) as part:
            part.write_text(content, encoding="utf-8")


def _same(path: Path, config: TrainingConfig) -> bool:
    """Whether a file holds this configuration; keys that came with a later version have their defaults in it."""
    try:
        return TrainingConfig.model_validate_json(path.read_text(encoding="utf-8")) == config
    except ValidationError:
        return False


def refuse_leak(cohort: Cohort, fold: Fold, also: Sequence[Cohort]) -> None:
    """Raise `TrainingError` if a scan of a held-out subject is among the cohorts that are trained on as a whole."""
    held_out = {case.voxels_sha256: case.name for case in cohort.of_subjects(fold.validation + fold.test)}
    for other in also:
        for case in other.cases:
            if case.voxels_sha256 in held_out:
                raise TrainingError(
                    f"{case.name} of {other.folder.name} has the same voxels as {held_out[case.voxels_sha256]}, which "
                    "the fold validates or tests on. Leave that cohort out of the training side."
                )
