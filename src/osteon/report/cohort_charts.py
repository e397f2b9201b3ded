"""Volumes of a cohort's structures as small charts: against age, or side by side where no ages are known."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from osteon.cohort import Checked, Finding
from osteon.cohort.plausible import volume_range_cm3
from osteon.report.frame import section

WIDTH, HEIGHT = 260, 170
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 24, 26


@dataclass(frozen=True)
class _Dot:
    case: str
    age_years: float | None
    volume_cm3: float
    odd: bool


def volume_charts(checked: Checked) -> str:
    """A section with a chart for each structure that more than one case holds; the plausible range is shaded."""
    odd = [finding for finding in checked.findings if finding.kind in ("volume", "length")]
    dots: dict[str, list[_Dot]] = {}
    for case in checked.cohort.cases:
        for found in checked.facts[case.name].structures:
            marked = any(_is_about(finding, case.name, found.name) for finding in odd)
            dots.setdefault(found.name, []).append(_Dot(case.name, case.age_years, found.volume_cm3, marked))
    task = checked.cohort.task
    charts = [_chart(s.name, s.parent or "", dots[s.name]) for s in task.structures if len(dots.get(s.name, [])) > 1]
    if not charts:
        return ""
    intro = (
        "<p>Each dot is a case (point at it for its name); red ones have a finding; the plausible range is shaded.</p>"
    )
    return section("Volumes", f'{intro}\n<div class="charts">{"".join(charts)}</div>')


def _is_about(finding: Finding, case: str, structure: str) -> bool:
    """Whether a finding is of a structure; one of many structures of a case names them in its message."""
    return finding.place == f"{case}, {structure}" or (finding.place == case and structure in finding.message)


def _chart(name: str, group: str, dots: list[_Dot]) -> str:
    aged = all(dot.age_years is not None for dot in dots)
    places = [dot.age_years if aged and dot.age_years is not None else float(n) for n, dot in enumerate(dots)]
    low, high = min(places), max(places)
    low, high = (low - 1, high + 1) if high - low < 1 else (low, high)
    ages = [low + (high - low) * n / 24 for n in range(25)]
    ranges = [(age, bounds) for age in ages if (bounds := volume_range_cm3(group, age if aged else None)) is not None]
    top = 1.1 * max([dot.volume_cm3 for dot in dots] + [1.2 * bounds[0] for _, bounds in ranges])  # some shade is seen

    def x(place: float) -> float:
        return LEFT + (place - low) / (high - low) * (WIDTH - LEFT - RIGHT - 12) + 6

    def y(volume: float) -> float:
        return TOP + (1 - min(volume, top) / top) * (HEIGHT - TOP - BOTTOM)

    edge = [(x(age), y(b[1])) for age, b in ranges] + [(x(age), y(b[0])) for age, b in reversed(ranges)]
    shade = f'<polygon class="range" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in edge)}"/>' if edge else ""
    circles = "".join(
        f'<circle{" class=odd" if dot.odd else ""} cx="{x(place):.1f}" cy="{y(dot.volume_cm3):.1f}" r="3.5">'
        f"<title>{escape(dot.case)}: {dot.volume_cm3:.1f} cm3</title></circle>"
        for place, dot in zip(places, dots, strict=True)
    )
    base = HEIGHT - BOTTOM
    below = f"age {low:.0f} to {high:.0f} years" if aged else f"{len(dots)} cases by name"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Volumes of {escape(name)}">{shade}'
        f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}" fill="none"/>{circles}'
        f'<text x="{LEFT}" y="15">{escape(name)} (cm³)</text><text x="{LEFT - 5}" y="{base}" text-anchor="end">0</text>'
        f'<text x="{LEFT - 5}" y="{TOP + 8}" text-anchor="end">{top:.0f}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 9}" text-anchor="end">{below}</text></svg>'
    )
