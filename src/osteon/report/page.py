"""The report: one HTML page that holds everything it shows, to read, to print and to send."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from osteon.confidence import Judgement
from osteon.io.surface import Surface
from osteon.report.drawing import short_name
from osteon.report.frame import jpeg, resource, section, write_page
from osteon.report.gallery import gallery
from osteon.report.preview import solid
from osteon.report.shading import Camera
from osteon.report.tables import html_table
from osteon.report.thinning import for_pixels
from osteon.report.viewer import viewer
from osteon.volume import LabelMap, Volume

if TYPE_CHECKING:
    import pandas as pd

STILL = (300, 380)
"""Width and height of the pictures of the surfaces, in pixels."""


@dataclass(frozen=True, eq=False)
class ReportContent:
    """What a report tells of one case.

    Parameters
    ----------
    case : str
        The case's name, never a patient's.
    scan : Volume
    labels : LabelMap
        On the scan's grid.
    surfaces : dict of str to Surface
    measurements : DataFrame
        A row for each structure, units in the column names, as `osteon.measurement.measure` gives it.
    preview : Path
        The picture that `osteon.report.preview` wrote.
    facts : dict of str to str
        How it was made: model, version, engine, times.
    warnings : list of str
        Whole sentences.
    sections : dict of str to DataFrame
        Further tables by title, such as the agreement with a reference.
    judgements : sequence of Judgement
        What Dice to expect of each structure; empty if the model is not calibrated.
    gallery : str, optional
        What `osteon.report.gallery.gallery` made of scan and labels; made here if not given.
    """

    case: str
    scan: Volume
    labels: LabelMap
    surfaces: dict[str, Surface]
    measurements: pd.DataFrame
    preview: Path
    facts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    sections: dict[str, pd.DataFrame] = field(default_factory=dict)
    judgements: Sequence[Judgement] = ()
    gallery: str | None = None


def write_report(path: Path, content: ReportContent) -> None:
    """Write a self-contained HTML page: preview, warnings, measurements, slices, a 3-D view, how it was made.

    It loads nothing from anywhere: pictures, styles and the viewer are in the page.

    Raises
    ------
    GeometryError
        If the labels lie on another grid than the scan.
    """
    content.scan.grid.require_match(content.labels.grid, "The scan", "the label map")
    task = content.labels.task
    colours = {s.name: s.colour for s in task.structures}
    sections = [
        _warnings(content.warnings),
        _figure(content),
        _confidence(content.judgements, colours),
        section("Measurements", html_table(content.measurements, "Measurements of each structure", colours)),
        *(section(title, html_table(table, title, colours)) for title, table in content.sections.items()),
        _solid(content),
        gallery(content.scan, content.labels) if content.gallery is None else content.gallery,
        _facts(content),
    ]
    write_page(
        path,
        sections,
        brand="Osteon segmentation report",
        heading=content.case,
        subtitle=f"{task.title}. {_found(content.labels)}",
        title=f"{content.case}: {task.title}",
    )


def _found(labels: LabelMap) -> str:
    count = len(labels.values())
    if count == 0:
        return "No structure was found in this scan."
    return "1 structure was found." if count == 1 else f"{count} structures were found."


def _warnings(warnings: Iterable[str]) -> str:
    """A box that cannot be missed; nothing where there is nothing to say."""
    items = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    if not items:
        return ""
    return f'<section class="warnings" role="note">\n<h2>Look at this</h2>\n<ul>{items}</ul>\n</section>'


def _figure(content: ReportContent) -> str:
    names = ", ".join(short_name(content.labels.task.by_value(v)) for v in content.labels.values()) or "none"
    alt = f"Three slices through the labelled structures with their outlines, and a 3-D view. Structures: {names}."
    data = b64encode(content.preview.read_bytes()).decode("ascii")
    return (
        f'<figure class="preview"><img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
        "<figcaption>The patient's right is on the left of coronal and axial slices; the front is on the left of "
        "sagittal ones.</figcaption></figure>"
    )


def _confidence(judgements: Sequence[Judgement], colours: dict[str, str]) -> str:
    """What Dice to expect of each structure, and why to look at it."""
    if not judgements:
        return ""
    import pandas as pd

    rows = [(j.structure, j.expected_dice, j.look, ", ".join(j.reasons)) for j in judgements]
    table = pd.DataFrame(rows, columns=["structure", "expected_dice", "look_at_it", "because"])
    about = (
        "<p>Dice is how much a result shares with the truth, 0 to 1. What is expected was learned from synthetic "
        "scans, many of them bad: it can be wrong where a scan is bad in a way that was not among them.</p>"
    )
    return section("Confidence", about + html_table(table, "Expected Dice of each structure", colours))


def _solid(content: ReportContent) -> str:
    """The surfaces to turn around, and still pictures of them for printing and for browsers without WebGL."""
    if not content.surfaces:
        return ""
    small = for_pixels(content.surfaces, max(STILL))

    def still(name: str, turn: float) -> str:
        picture = solid(small, content.labels, Camera(turn, 8), STILL)
        alt = f"The surfaces seen from the patient's {name}."
        return (
            f'<figure><img alt="{alt}" width="{STILL[0]}" height="{STILL[1]}" src="{jpeg(picture)}">'
            f"<figcaption>From the {name}</figcaption></figure>"
        )

    with ThreadPoolExecutor() as threads:
        stills = threads.map(still, ("front", "left", "back", "right"), (0, 90, 180, -90))
        body = viewer(small, content.labels.task, resource("viewer.js"))
        return section("Surfaces", f'{body}\n<div class="stills">{"".join(stills)}</div>')


def _facts(content: ReportContent) -> str:
    grid = content.scan.grid
    spacing = " × ".join(f"{s:.2f}" for s in grid.spacing_mm)
    facts = {
        **content.facts,
        "Task": f"{content.labels.task.name} ({content.labels.task.title})",
        "Scan": f"{' × '.join(str(n) for n in grid.shape)} voxels of {spacing} mm, axes to {grid.orientation}",
    }
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in facts.items()
    )
    return section("How this was made", f'<table class="facts"><tbody>{rows}</tbody></table>')
