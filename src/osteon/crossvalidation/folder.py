"""The folder of a cross-validation: what lies in it, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osteon.cohort import Split
from osteon.errors import TrainingError
from osteon.training import TrainingPaths


@dataclass(frozen=True)
class CrossvalPaths:
    """Names of a cross-validation's files."""

    folder: Path

    @property
    def split(self) -> Path:
        """The split as it was used."""
        return self.folder / "split.json"

    @property
    def scores(self) -> Path:
        """One row a case and structure, each by the network that had not seen the subject."""
        return self.folder / "crossval.csv"

    @property
    def subjects(self) -> Path:
        """One row a subject."""
        return self.folder / "subjects.csv"

    @property
    def summary(self) -> Path:
        """Mean and spread over subjects, for people."""
        return self.folder / "summary.md"

    @property
    def model(self) -> Path:
        """The networks of all folds as one model."""
        return self.folder / "model"

    def fold(self, number: int) -> TrainingPaths:
        """Training run of a fold, counted from 0."""
        return TrainingPaths(self.folder / f"fold-{number}")

    def fold_scores(self, number: int) -> Path:
        """Rows of a fold; written when all of its subjects were tested."""
        return self.fold(number).folder / "scores.csv"

    def predicted(self, number: int, case: str) -> Path:
        """Label map of a case that was tested in a fold."""
        return self.fold(number).folder / "predicted" / f"{case}.nii.gz"


def claim(paths: CrossvalPaths, split: Split, resume: bool) -> None:
    """Make the folder, or make sure that it holds this very cross-validation.

    Raises
    ------
    TrainingError
        If it holds something else, another split, or is not to be continued.
    """
    folder = paths.folder
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder} is a file; a cross-validation is a folder. Choose another name.")
    if folder.is_dir() and any(not entry.name.startswith(".part-") for entry in folder.iterdir()):
        if not paths.split.is_file():
            raise TrainingError(f"{folder} holds something else than a cross-validation; choose another folder.")
        if not resume:
            raise TrainingError(
                f"{folder} holds a cross-validation already. Continue it with --resume, or choose another folder."
            )
        if paths.split.read_text(encoding="utf-8") != split.model_dump_json(indent=1) + "\n":
            raise TrainingError(
                f"{folder} was started with another split (see its {paths.split.name}). Give the same one, or choose "
                "another folder."
            )
    split.write(paths.split)
