"""The folder of a case: label map, meshes, measurements, picture, page, record; whoever made the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osteon.confidence import Judgement, with_expected_dice
from osteon.masks import surfaces_of
from osteon.measurement import measure, write_measurements
from osteon.report import ReportContent, preview, write_meshes, write_report
from osteon.run import RECORD, Run
from osteon.volume import LabelMap, Volume


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


def write_results(
    paths: CasePaths,
    scan: Volume,
    labels: LabelMap,
    run: Run,
    facts: Callable[[], dict[str, str]],
    *,
    name: str,
    judgements: tuple[Judgement, ...] = (),
) -> None:
    """Write what belongs to a label map: meshes, measurements, picture, page and ``run.json``.

    Parameters
    ----------
    paths : CasePaths
    scan : Volume
    labels : LabelMap
        On the scan's grid.
    run : Run
        Gets the stages ``meshes``, ``measurements`` and ``report``, and the names of the structures.
    facts : callable
        What the page is to say of how the labels came to be; called when all but the page is done.
    name : str
        Of the case.
    judgements : tuple of Judgement
        What Dice to expect of each structure; empty if that is not known.
    """
    with run.stage("meshes"):
        surfaces = surfaces_of(labels)
        write_meshes(surfaces, paths.meshes)
    with run.stage("measurements"):
        table = measure(labels)
        write_measurements(with_expected_dice(table, judgements), paths.measurements)
    run.facts["structures"] = [str(structure) for structure in table["structure"]]
    with run.stage("report"):
        preview(scan, labels, surfaces, paths.preview)
        content = ReportContent(
            case=name,
            scan=scan,
            labels=labels,
            surfaces=surfaces,
            measurements=table,
            preview=paths.preview,
            facts=facts(),
            warnings=run.warnings,
            judgements=judgements,
        )
        write_report(paths.report, content)
    run.write(paths.folder)
