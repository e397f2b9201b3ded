"""The page of a cohort's check: findings with remedies, pictures of the cases concerned, volumes, and all cases."""

from __future__ import annotations

from html import escape
from pathlib import Path

from osteon.cohort import Case, Checked, Finding
from osteon.cohort.facts import CaseFacts
from osteon.errors import OsteonError
from osteon.report.cohort_charts import volume_charts
from osteon.report.drawing import outlined
from osteon.report.frame import jpeg, section, write_page
from osteon.report.slices import Stack, window

PICTURES = 12
"""Most cases that are shown as pictures: those with the worst findings."""

PICTURE_PIXELS = 360
MARGIN_MM = 40.0
LISTED = 300
"""Most findings in the table; all are in the terminal and in ``--json``."""


def write_cohort_page(path: str | Path, checked: Checked) -> None:
    """Write a self-contained HTML page about a cohort's check.

    Cases with errors or warnings are read again, one at a time, for their pictures.

    Parameters
    ----------
    path : path
        Of the page; it loads nothing from anywhere.
    checked : Checked
        From `osteon.cohort.check`.
    """
    cohort = checked.cohort
    body = [
        _tiles(checked),
        _findings(checked.findings),
        _pictures(checked),
        volume_charts(checked),
        _cases(checked),
    ]
    name = cohort.folder.resolve().name
    write_page(
        Path(path),
        body,
        brand="Osteon cohort check",
        heading=name,
        subtitle=f"{len(cohort.cases)} cases of {len(cohort.subjects)} subjects. {cohort.task.title}.",
        title=f"{name}: cohort check",
        styles=("page.css", "cohort.css"),
    )


def _tiles(checked: Checked) -> str:
    told = [
        (checked.count("error"), "error", "to mend before training"),
        (checked.count("warning"), "warning", "to look at"),
        (checked.count("note"), "note", "to know"),
    ]
    items = "".join(
        f'<li class="{kind if count else "none"}"><strong>{count} {kind}{"" if count == 1 else "s"}</strong>'
        f"<span>{what}</span></li>"
        for count, kind, what in told
    )
    return f'<ul class="tiles">{items}</ul>'


def _findings(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return section("Findings", "<p>Nothing was found that needs a look.</p>")
    rows = "".join(
        f'<tr><td><span class="badge {f.severity}">{f.severity}</span></td><td>{escape(f.kind)}</td>'
        f"<td>{escape(f.place)}</td><td>{escape(f.message)}</td><td>{escape(f.remedy)}</td></tr>"
        for f in findings[:LISTED]
    )
    more = f"<p>{len(findings) - LISTED} more are in the terminal.</p>" if len(findings) > LISTED else ""
    table = _table("Findings", ("Severity", "What", "Where", "Found", "What to do"), rows)
    return section("Findings", table + more, css_class="findings")


def _pictures(checked: Checked) -> str:
    """A slice of each case with an error or a warning, with its mask's outlines."""
    concerned: dict[str, str] = {}
    for finding in checked.findings:
        if finding.severity != "note":
            for case in checked.cohort.cases:
                if case.name in finding.place.replace(":", ",").split(", "):
                    concerned.setdefault(case.name, finding.kind)
    cases = {case.name: case for case in checked.cohort.cases}
    shown = [name for name in concerned if not checked.facts[name].problem][:PICTURES]
    figures = "".join(_figure(checked, cases[name], concerned[name]) for name in shown)
    if not figures:
        return ""
    which = "All" if len(shown) == len(concerned) else f"{len(shown)} of {len(concerned)}"
    intro = f"<p>{which} cases with an error or a warning: the slice with most of the mask, outlined.</p>"
    return section("Look at these", f'{intro}\n<div class="gallery">{figures}</div>')


def _figure(checked: Checked, case: Case, kind: str) -> str:
    try:
        scan, labels = checked.cohort.scan(case), checked.cohort.labels(case)
    except OsteonError:
        return ""
    task = checked.cohort.task
    stack = Stack.of(scan, labels, "coronal" if task.plane == "axial" else task.plane, MARGIN_MM)
    width_mm, height_mm = stack.size_mm
    scale = PICTURE_PIXELS / max(width_mm, height_mm)
    size = max(1, round(width_mm * scale)), max(1, round(height_mm * scale))
    picture = jpeg(outlined(stack, stack.middle(), task, window(scan, labels), size))
    return (
        f'<figure><img loading="lazy" width="{size[0]}" height="{size[1]}" alt="{escape(case.name)} with its mask."'
        f' src="{picture}"><figcaption>{escape(case.name)}: {escape(kind)}</figcaption></figure>'
    )


def _cases(checked: Checked) -> str:
    names = ("Case", "Subject", "Age", "Group", "Sequence", "Voxels", "Voxel size (mm)", "Axes", "Structures")
    rows = "".join(_row(case, checked.facts[case.name]) for case in checked.cohort.cases)
    return section("All cases", _table("All cases", names, rows))


def _table(caption: str, names: tuple[str, ...], rows: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(case: Case, facts: CaseFacts) -> str:
    cells = (
        case.subject,
        "–" if case.age_years is None else f"{case.age_years:g}",
        case.group,
        case.sequence,
        " × ".join(str(n) for n in facts.shape),
        " × ".join(f"{s:.2f}" for s in facts.spacing_mm),
        facts.orientation or "–",
        f"{len(facts.structures)} of {len(case.annotated)}",
    )
    return f'<tr><th scope="row">{escape(case.name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
