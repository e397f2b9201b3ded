"""The page of a cohort's check: findings with remedies, pictures of the cases concerned, volumes, and all cases."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from importlib import resources
from io import BytesIO
from pathlib import Path

from osteon.cohort import Case, Checked, Finding
from osteon.cohort.facts import CaseFacts
from osteon.errors import OsteonError
from osteon.io.whole import written_whole
from osteon.report.cohort_charts import volume_charts
from osteon.report.drawing import outlined
from osteon.report.page import NOTICE
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
    subtitle = f"{len(cohort.cases)} cases of {len(cohort.subjects)} subjects. {cohort.task.title}."
    page = _PAGE.format(
        title=escape(f"{cohort.folder.resolve().name}: cohort check"),
        name=escape(cohort.folder.resolve().name),
        subtitle=escape(subtitle),
        style=_resource("page.css") + _resource("cohort.css"),
        body="\n".join(part for part in body if part),
        notice=NOTICE,
    )
    with written_whole(Path(path)) as part:
        part.write_text(page, encoding="utf-8")


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<p class="brand">Osteon cohort check</p>
<h1>{name}</h1>
<p class="subtitle">{subtitle}</p>
</header>
<main>
{body}
</main>
<footer><p><strong>{notice}</strong></p></footer>
</body>
</html>
"""


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
        return "<section>\n<h2>Findings</h2>\n<p>Nothing was found that needs a look.</p>\n</section>"
    rows = "".join(
        f'<tr><td><span class="badge {f.severity}">{f.severity}</span></td><td>{escape(f.kind)}</td>'
        f"<td>{escape(f.place)}</td><td>{escape(f.message)}</td><td>{escape(f.remedy)}</td></tr>"
        for f in findings[:LISTED]
    )
    more = f"<p>{len(findings) - LISTED} more are in the terminal.</p>" if len(findings) > LISTED else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Severity", "What", "Where", "Found", "What to do"))
    return (
        '<section class="findings">\n<h2>Findings</h2>\n<div class="scroll" tabindex="0" role="region" '
        f'aria-label="Findings"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}\n</section>'
    )


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
    return f'<section>\n<h2>Look at these</h2>\n{intro}\n<div class="gallery">{figures}</div>\n</section>'


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
    buffer = BytesIO()
    picture = outlined(stack, stack.middle(), task, window(scan, labels), size)
    picture.save(buffer, format="JPEG", quality=80, subsampling=0)
    data = b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<figure><img loading="lazy" width="{size[0]}" height="{size[1]}" alt="{escape(case.name)} with its mask."'
        f' src="data:image/jpeg;base64,{data}"><figcaption>{escape(case.name)}: {escape(kind)}</figcaption></figure>'
    )


def _cases(checked: Checked) -> str:
    names = ("Case", "Subject", "Age", "Group", "Sequence", "Voxels", "Voxel size (mm)", "Axes", "Structures")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(_row(case, checked.facts[case.name]) for case in checked.cohort.cases)
    return (
        '<section>\n<h2>All cases</h2>\n<div class="scroll" tabindex="0" role="region" aria-label="All cases">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>\n</section>"
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


def _resource(name: str) -> str:
    return (resources.files("osteon.report") / name).read_text(encoding="utf-8")
