"""The preview and the page show what they say, where it is, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from osteon.anatomy import Task
from osteon.errors import GeometryError
from osteon.masks import surfaces_of
from osteon.report import ReportContent, gallery, preview, write_report
from osteon.report.tables import heading, html_table, text_of
from osteon.volume import LabelMap, Volume
from scenes import spine

SPINE, LEGS = Task.load("lumbar-spine"), Task.load("leg-bones")
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what a test asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


@pytest.fixture
def content(tmp_path: Path) -> Callable[..., ReportContent]:
    def make(**changes: object) -> ReportContent:
        scan, labels = spine()
        surfaces = surfaces_of(labels)
        preview(scan, labels, surfaces, tmp_path / "preview.png")
        table = pd.DataFrame(
            {
                "structure": list(surfaces),
                "volume_cm3": [s.volume_mm3 / 1000 for s in surfaces.values()],
                "touches_border": [False, True, False],
            }
        )
        given: dict[str, object] = {
            "case": "phantom-01",
            "scan": scan,
            "labels": labels,
            "surfaces": surfaces,
            "measurements": table,
            "preview": tmp_path / "preview.png",
            "facts": {"Model": "lumbar-bodies 1.0"},
            "warnings": [],
        }
        return ReportContent(**(given | changes))  # type: ignore[arg-type]

    return make


def report(tmp_path: Path, content: ReportContent) -> str:
    write_report(tmp_path / "report.html", content)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_page_nests_its_tags_and_loads_nothing_from_elsewhere(
    tmp_path: Path, content: Callable[..., ReportContent]
) -> None:
    page = Page(report(tmp_path, content()))
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed")
        for name in ("src", "href"):
            if name in attributes:
                assert str(attributes[name]).startswith("data:image/")
        if tag == "img":
            assert attributes["alt"]
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
    assert "https://" not in report(tmp_path, content())


def test_page_escapes_every_text_that_comes_from_outside(tmp_path: Path, content: Callable[..., ReportContent]) -> None:
    evil = "<script>alert('x')</script> & \"so\""
    table = pd.DataFrame({"structure": [evil], evil: [1.0]})
    text = report(
        tmp_path,
        content(case=evil, warnings=[evil], facts={evil: evil}, measurements=table, sections={evil: table}),
    )
    assert "alert('x')" not in text
    assert text.count("&lt;script&gt;") >= 8
    assert Page(text).open == []


def test_page_shows_warnings_in_a_box_and_no_box_without_them(
    tmp_path: Path, content: Callable[..., ReportContent]
) -> None:
    assert 'class="warnings"' not in report(tmp_path, content())
    text = report(tmp_path, content(warnings=["L5 reaches the border of the scan."]))
    assert 'class="warnings"' in text
    assert "L5 reaches the border of the scan." in text


def test_gallery_holds_exactly_the_slices_with_a_structure(
    tmp_path: Path, content: Callable[..., ReportContent]
) -> None:
    alts = [a["alt"] for tag, a in Page(report(tmp_path, content())).tags if tag == "img"]
    slices = [str(alt).split(" with")[0] for alt in alts if str(alt).startswith("Sagittal slice")]
    assert slices == [f"Sagittal slice {k} of 9" for k in (3, 4, 5, 6, 7)]


def test_long_stack_is_thinned_and_says_so(tmp_path: Path, content: Callable[..., ReportContent]) -> None:
    labels = LabelMap(np.ones((12, 12, 150), dtype=np.uint8), np.eye(4), task=LEGS)
    scan = Volume(np.random.default_rng(0).normal(size=labels.shape), np.eye(4))
    text = report(tmp_path, content(scan=scan, labels=labels, surfaces={}))
    assert text.count('alt="Axial slice') == 60
    assert "60 of the 150 slices, evenly spaced," in text


def test_page_names_research_use_and_says_when_nothing_was_found(
    tmp_path: Path, content: Callable[..., ReportContent]
) -> None:
    scan, labels = spine()
    empty = LabelMap(np.zeros_like(labels.array), labels.affine, task=SPINE)
    preview(scan, empty, {}, tmp_path / "empty.png")
    text = report(tmp_path, content(labels=empty, surfaces={}, measurements=pd.DataFrame()))
    assert "No structure was found" in text
    assert "Not a medical device" in text
    assert "<canvas" not in text


def test_report_refuses_labels_on_another_grid_and_leaves_nothing(
    tmp_path: Path, content: Callable[..., ReportContent]
) -> None:
    _, labels = spine()
    moved = LabelMap(labels.array, np.diag([1.0, 1.0, 1.0, 1.0]), task=SPINE)
    with pytest.raises(GeometryError, match="mm apart"):
        write_report(tmp_path / "report.html", content(labels=moved))
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("volume_cm3", 41.234, "41.2"),
        ("volume_cm3", 0.4567, "0.46"),
        ("height_anterior_mm", 28.04, "28.0"),
        ("centroid_x_mm", -3.26, "−3.3"),
        ("centroid_x_mm", -0.01, "0.0"),
        ("touches_border", True, "yes"),
        ("touches_border", np.False_, "no"),
        ("label", 201, "201"),
        ("height_mm", float("nan"), "–"),
        ("dice", 0.91234, "0.912"),
        ("side", "left", "left"),
    ],
)
def test_values_have_the_digits_they_deserve(column: str, value: object, text: str) -> None:
    assert text_of(column, value) == text


def test_headings_carry_their_unit_and_structures_their_colour() -> None:
    assert re.sub("<.*?>", "", heading("height_anterior_mm")) == "Height anterior (mm)"
    assert heading("touches_border") == "Touches border"
    table = html_table(pd.DataFrame({"structure": ["a"], "n": [1]}), "A table", {"a": "#112233"})
    assert "background:#112233" in table


def test_columns_of_words_begin_at_the_left_and_numbers_do_not() -> None:
    table = html_table(pd.DataFrame({"structure": ["a", "b"], "n": [1, 2], "because": [None, "thin"]}), "A table", {})
    assert '<th scope="col" class="words">Because</th>' in table
    assert '<th scope="col">N</th>' in table
    assert '<td class="words">thin</td>' in table
    assert "<td>2</td>" in table


@pytest.mark.realdata
def test_page_of_a_real_scan_stays_small(data: Path, tmp_path: Path, content: Callable[..., ReportContent]) -> None:
    from osteon.io import read, read_labels

    folder = data / "spine-mri"
    scan = read(folder / "images" / "202_t2.mha")
    labels = read_labels(folder / "masks" / "202_t2.mha", SPINE)
    surfaces = surfaces_of(labels)
    preview(scan, labels, surfaces, tmp_path / "preview.png")
    report(tmp_path, content(scan=scan, labels=labels, surfaces=surfaces))
    assert (tmp_path / "report.html").stat().st_size < 4e6


def test_slices_drawn_before_are_not_drawn_again(tmp_path: Path, content: Callable[..., ReportContent]) -> None:
    scan, labels = spine()
    assert gallery(scan, labels) in report(tmp_path, content())
    page = report(tmp_path, content(gallery="<p>drawn before</p>"))
    assert "<p>drawn before</p>" in page
    assert 'class="gallery"' not in page
