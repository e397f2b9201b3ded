"""The folder of a study: what lies in it, and whose it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.io.whole import written_whole
from osteon.study.arm import Arm
from osteon.training import TrainingConfig, TrainingPaths


@dataclass(frozen=True)
class ArmPaths:
    """Names of the files of an arm in one fold."""

    folder: Path

    @property
    def asked(self) -> Path:
        """Configuration and subjects."""
        return self.folder / "arm.json"

    @property
    def training(self) -> TrainingPaths:
        """The training run."""
        return TrainingPaths(self.folder / "training")

    @property
    def learned(self) -> Path:
        """What the training took; there as soon as it is finished."""
        return self.folder / "learned.json"

    @property
    def scores(self) -> Path:
        """One row a case and structure."""
        return self.folder / "scores.csv"

    @property
    def tested(self) -> Path:
        """What the test took; there as soon as the arm is finished."""
        return self.folder / "tested.json"

    @property
    def error(self) -> Path:
        """What Python said where the arm failed unexpectedly."""
        return self.folder / "error.txt"

    def predicted(self, case: str) -> Path:
        """Label map of a case that was tested."""
        return self.folder / "predicted" / f"{case}.nii.gz"


@dataclass(frozen=True)
class StudyPaths:
    """Names of a study's files."""

    folder: Path

    @property
    def settings(self) -> Path:
        """What the study was started with."""
        return self.folder / "study.json"

    @property
    def scores(self) -> Path:
        """One row an arm, case and structure."""
        return self.folder / "scores.csv"

    @property
    def arms(self) -> Path:
        """One row an arm: what it learned from, how good it is, what it cost."""
        return self.folder / "arms.csv"

    @property
    def structures(self) -> Path:
        """One row an arm, structure and score: mean and spread over subjects."""
        return self.folder / "structures.csv"

    @property
    def differences(self) -> Path:
        """One row an arm that is compared with another, over the same subjects."""
        return self.folder / "differences.csv"

    @property
    def figure(self) -> Path:
        """The arms, drawn."""
        return self.folder / "figure.png"

    @property
    def summary(self) -> Path:
        """The tables, for people."""
        return self.folder / "summary.md"

    @property
    def page(self) -> Path:
        """Figure and tables."""
        return self.folder / "report.html"

    def arm(self, name: str, fold: int) -> ArmPaths:
        """An arm in one fold, counted from 0."""
        return ArmPaths(self.folder / "arms" / name / f"fold-{fold}")


def claim(paths: StudyPaths, settings: Mapping[str, Any], resume: bool) -> dict[str, Any]:
    """Make the folder, or make sure that it holds this very study; returns the settings that it was started with.

    Raises
    ------
    TrainingError
        If it holds something else, another study, or is not to be continued.
    """
    folder = paths.folder
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder} is a file; a study is a folder. Choose another name.")
    if folder.is_dir() and any(not entry.name.startswith(".part-") for entry in folder.iterdir()):
        if not paths.settings.is_file():
            raise TrainingError(f"{folder} holds something else than a study; choose another folder.")
        if not resume:
            raise TrainingError(f"{folder} holds a study already. Continue it with --resume, or choose another folder.")
        known: dict[str, Any] = json.loads(paths.settings.read_text(encoding="utf-8"))
        for key, value in settings.items():
            if value is not None and known.get(key) != value:
                what = key.replace("_sha256", "").replace("_", " ")
                raise TrainingError(
                    f"{folder} was started with another {what} (see its {paths.settings.name}). Give the same one, "
                    "or choose another folder."
                )
        return known
    write_json(paths.settings, settings)
    return dict(settings)


def asked_of(arm: Arm, cohort: Cohort, fold: Fold, config: TrainingConfig) -> dict[str, Any]:
    """What an arm is in a fold; with another answer it is another one."""
    return {
        "arm": arm.name,
        "trained": arm.trained,
        "cohort_sha256": cohort.digest(),
        "fold": fold.model_dump(mode="json"),
        "configuration": config.model_dump(mode="json"),
    }


def claim_arm(paths: ArmPaths, asked: Mapping[str, Any]) -> None:
    """Note what an arm is; `TrainingError` if it was begun as something else."""
    if paths.asked.is_file() and read_json(paths.asked) != asked:
        raise TrainingError(
            f"{paths.folder} was begun with other settings or subjects (see its {paths.asked.name}). Choose another "
            "folder for the study, or remove this one."
        )
    write_json(paths.asked, asked)


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write facts, whole."""
    with written_whole(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
