"""Names of the files in the folder of a case: known before anything that writes them is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osteon.run import RECORD


@dataclass(frozen=True)
class CasePaths:
    """Names of a segmented case's files."""

    folder: Path

    @property
    def segmentation(self) -> Path:
        """Label map on the scan's own grid."""
        return self.folder / "segmentation.nii.gz"

    @property
    def meshes(self) -> Path:
        """One PLY a structure."""
        return self.folder / "meshes"

    @property
    def measurements(self) -> Path:
        """One row a structure."""
        return self.folder / "measurements.csv"

    @property
    def preview(self) -> Path:
        """Three planes and a 3-D view."""
        return self.folder / "preview.png"

    @property
    def report(self) -> Path:
        """One self-contained page."""
        return self.folder / "report.html"

    @property
    def record(self) -> Path:
        """What was done."""
        return self.folder / RECORD
