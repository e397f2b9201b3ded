"""Job: what the process that runs nnU-Net is told, and where it works. It imports nothing of nnU-Net."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

DATASET_ID = 1
EVENT = "@osteon "
"""What a line of the process begins with that is meant for Osteon; JSON follows."""


class Job(BaseModel):
    """What the process is told.

    Parameters
    ----------
    folder : Path
        Where nnU-Net works: ``raw``, ``preprocessed`` and ``results`` below it.
    dataset : str
        Name of the dataset's folder in each of them.
    configuration, planner : str
        nnU-Net's names.
    memory_gb : float
        Of the graphics card that is planned for.
    workers : int
        Processes for preprocessing.
    augmenters : int
        Processes for augmentation; 0 does it in the main one.
    seed, epochs, steps : int
    minutes, processor_minutes : float, optional
        Instead of ``epochs``; by the clock, and of the processor.
    device : str
    unmirrored : tuple of int
        Axes of a scan in RAS along which it is never mirrored.
    mirrored_use : bool
        Whether the trained network is mirrored along the others when it is used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    dataset: str
    configuration: str
    planner: str
    memory_gb: float
    workers: int
    augmenters: int
    seed: int
    epochs: int
    steps: int
    minutes: float | None
    processor_minutes: float | None = None
    device: str
    unmirrored: tuple[int, ...]
    mirrored_use: bool = True

    @property
    def raw(self) -> Path:
        """The exported cohort."""
        return self.folder / "raw" / self.dataset

    @property
    def preprocessed(self) -> Path:
        """Plan and preprocessed cases."""
        return self.folder / "preprocessed" / self.dataset

    @property
    def ready(self) -> Path:
        """There as soon as everything is preprocessed."""
        return self.preprocessed / "ready.json"

    @property
    def results(self) -> Path:
        """Folders of trained configurations."""
        return self.folder / "results" / self.dataset

    @property
    def history(self) -> Path:
        """One row an epoch."""
        return self.folder / "history.json"

    @property
    def log(self) -> Path:
        """All that nnU-Net said."""
        return self.folder / "log.txt"

    @property
    def file(self) -> Path:
        """Where the process reads it."""
        return self.folder / "job.json"

    def environment(self) -> dict[str, str]:
        """How nnU-Net learns its folders and its number of processes: it has no other way."""
        return {
            "nnUNet_raw": str(self.raw.parent),
            "nnUNet_preprocessed": str(self.preprocessed.parent),
            "nnUNet_results": str(self.results.parent),
            "nnUNet_def_n_proc": str(self.workers),
            "nnUNet_n_proc_DA": str(self.augmenters),
            "PYTHONUNBUFFERED": "1",
        }
