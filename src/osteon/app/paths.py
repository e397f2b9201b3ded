"""Names of everything in a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OWN = ".osteon"
"""Folder of a workspace that belongs to the app: jobs, uploads, pictures. Nothing in it is needed by the results."""


@dataclass(frozen=True)
class WorkspacePaths:
    """Where things lie in a workspace.

    Parameters
    ----------
    folder : Path
        Chosen by the user.
    """

    folder: Path

    @property
    def scans(self) -> Path:
        """One NIfTI a case, without anything of the patient."""
        return self.folder / "scans"

    @property
    def results(self) -> Path:
        """``results/<name>/<case>/`` as ``osteon segment`` leaves it, and versions corrected by hand."""
        return self.folder / "results"

    @property
    def models(self) -> Path:
        """The user's own models, one folder each."""
        return self.folder / "models"

    @property
    def cohorts(self) -> Path:
        """Training data, one cohort a folder."""
        return self.folder / "cohorts"

    @property
    def runs(self) -> Path:
        """Trainings and cross-validations, one folder each."""
        return self.folder / "runs"

    @property
    def own(self) -> Path:
        """What the app needs for itself."""
        return self.folder / OWN

    @property
    def jobs(self) -> Path:
        """One JSON a job."""
        return self.own / "jobs"

    @property
    def uploads(self) -> Path:
        """What was dropped and not yet accepted; the only place where a patient's data may lie, for a while."""
        return self.own / "uploads"

    @property
    def views(self) -> Path:
        """Scans as the viewer takes them."""
        return self.own / "views"

    def scan(self, case: str) -> Path:
        """The scan of a case."""
        return self.scans / f"{case}.nii.gz"

    def thumbnail(self, case: str) -> Path:
        """Its picture in the list."""
        return self.own / "thumbnails" / f"{case}.png"

    def cohort(self, name: str) -> Path:
        """Folder of one cohort."""
        return self.cohorts / name

    def check_page(self, name: str) -> Path:
        """Page of a cohort's check, where the command writes it."""
        return self.cohort(name) / "check.html"

    def findings(self, name: str) -> Path:
        """How much a cohort's check found, as JSON."""
        return self.own / "cohorts" / f"{name}.json"

    def run(self, name: str) -> Path:
        """Folder of one training or cross-validation."""
        return self.runs / name

    def plan(self, name: str) -> Path:
        """How a training was started, as JSON; its own folder must be empty when it begins."""
        return self.own / "runs" / f"{name}.json"

    def result(self, name: str, case: str) -> Path:
        """Folder of one result of one case."""
        return self.results / name / case


@dataclass(frozen=True)
class UploadPaths:
    """Where a drop is kept until it is accepted or thrown away."""

    folder: Path

    @property
    def dicom(self) -> Path:
        """DICOM files, whatever folders they came from."""
        return self.folder / "dicom"

    @property
    def glance(self) -> Path:
        """Picture of one DICOM file, while the others are still on their way."""
        return self.folder / "glance.png"

    @property
    def found(self) -> Path:
        """What is in it, as JSON."""
        return self.folder / "found.json"

    def picture(self, number: int) -> Path:
        """Picture of one series."""
        return self.folder / "pictures" / f"{number}.png"

    @property
    def masks(self) -> Path:
        """What masks and surfaces are in it, as JSON."""
        return self.folder / "masks.json"

    def overlay(self, world: str) -> Path:
        """Masks or surfaces over the scan, read as of one world."""
        return self.folder / "overlays" / f"{world}.png"
