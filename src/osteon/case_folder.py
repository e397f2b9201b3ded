"""The folder of a case: label map, meshes, measurements, picture, page, record; whoever made the labels."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from osteon.case_paths import CasePaths as CasePaths  # of what is written here
from osteon.confidence import Judgement, with_expected_dice
from osteon.masks import surfaces_of
from osteon.measurement import measure, write_measurements
from osteon.report import ReportContent, gallery, preview, write_meshes, write_report
from osteon.run import Run
from osteon.volume import LabelMap, Volume


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
    # pictures are drawn while meshes are made and bones measured: what the report itself takes is what is left of them
    with ThreadPoolExecutor(max_workers=1) as beside:
        slices = beside.submit(gallery, scan, labels)
        with run.stage("meshes"):
            surfaces = surfaces_of(labels)
            write_meshes(surfaces, paths.meshes)
        drawn = beside.submit(preview, scan, labels, surfaces, paths.preview)
        with run.stage("measurements"):
            table = measure(labels)
            write_measurements(with_expected_dice(table, judgements), paths.measurements)
        run.facts["structures"] = [str(structure) for structure in table["structure"]]
        with run.stage("report"):
            drawn.result()
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
                gallery=slices.result(),
            )
            write_report(paths.report, content)
    run.write(paths.folder)
