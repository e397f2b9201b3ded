"""The preview and the page show what they say, where it is, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from osteon.anatomy import Task
from osteon.errors import GeometryError
from osteon.masks import surfaces_of
from osteon.report import ReportContent, preview, write_report
from osteon.report.drawing import outlined, rgb_of, short_name
from osteon.report.shading import Camera, shaded
from osteon.report.slices import PLANES, Stack, window
from osteon.report.tables import heading, html_table, text_of
from osteon.report.viewer import thinned
from osteon.volume import LabelMap, Volume

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


def spine() -> tuple[Volume, LabelMap]:
    """Three boxes, one above the other, in a noisy sagittal stack of 4 mm slices."""
    random = np.random.default_rng(3)
    labels = np.zeros((60, 80, 9), dtype=np.int16)
    for at, value in enumerate((1, 2, 3)):
        labels[20:38, 54 - 22 * at : 70 - 22 * at, 2:7] = value
    affine = np.array([[0, 0, 4.0, -16], [-1.0, 0, 0, 30], [0, -1.0, 0, 40], [0, 0, 0, 1]])
    scan = random.normal(100, 8, labels.shape).astype(np.float32) + 60 * (labels > 0)
    return Volume(scan, affine), LabelMap(labels, affine, task=SPINE)


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


def test_preview_is_a_picture_of_the_set_width_that_holds_every_colour(tmp_path: Path) -> None:
    scan, labels = spine()
    preview(scan, labels, surfaces_of(labels), tmp_path / "preview.png")
    picture = np.asarray(Image.open(tmp_path / "preview.png").convert("RGB")).astype(int)
    assert picture.shape[1] == 1600
    assert 500 < picture.shape[0] <= 1210
    for value in labels.values():
        distance = np.abs(picture - rgb_of(SPINE.by_value(value))).max(axis=2)
        assert (distance < 12).sum() > 200


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("order", permutations(range(3)))
@pytest.mark.parametrize("signs", product((1, -1), repeat=3))
def test_pictures_of_a_plane_are_the_same_in_every_array_orientation(
    plane: str, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    scan, labels = spine()
    letters = ["LR"[signs[0] > 0], "PA"[signs[1] > 0], "IS"[signs[2] > 0]]
    codes = "".join(letters[a] for a in order)
    expected = Stack.of(scan, labels, plane, 10)  # type: ignore[arg-type]
    turned = Stack.of(scan.reoriented(codes), labels.reoriented(codes), plane, 10)  # type: ignore[arg-type]
    assert np.array_equal(turned.scan, expected.scan)
    assert np.array_equal(turned.labels, expected.labels)
    assert turned.spacing_mm == pytest.approx(expected.spacing_mm)


def ramps() -> tuple[Volume, LabelMap]:
    """An RAS scan that is bright at the patient's right, front and top."""
    index = np.indices((20, 20, 20)).astype(np.float32)
    labels = np.zeros((20, 20, 20), dtype=np.uint8)
    labels[10, 10, 10] = 1
    right_front_top = index[0] + index[1] + index[2]
    return Volume(right_front_top, np.eye(4)), LabelMap(labels, np.eye(4), task=SPINE)


def test_right_is_on_the_left_front_is_left_or_up_and_top_is_up() -> None:
    scan, labels = ramps()
    for plane in ("coronal", "axial"):
        picture = Stack.of(scan, labels, plane, 99).scan[:, :, 0]  # type: ignore[arg-type]
        assert picture[0, 0] > picture[-1, 0], "the right side (bright) belongs on the left"
        assert picture[0, 0] > picture[0, -1], "front or top (bright) belongs on top"
    sagittal = Stack.of(scan, labels, "sagittal", 99).scan[:, :, 0]
    assert sagittal[0, 0] > sagittal[-1, 0], "the front (bright) belongs on the left"
    assert sagittal[0, 0] > sagittal[0, -1], "the top (bright) belongs on top"


def test_outline_lies_on_the_edge_of_its_voxels() -> None:
    labels = np.zeros((20, 20, 1), dtype=np.uint8)
    labels[5:15, 6:12, 0] = 1
    stack = Stack("axial", np.zeros(labels.shape), labels, (1.0, 1.0, 1.0))
    picture = np.asarray(outlined(stack, 0, SPINE, (0, 1), (400, 400)))
    rows, columns = np.nonzero(picture.max(axis=2) > 60)
    assert (columns.min(), columns.max()) == pytest.approx((100, 300), abs=4)
    assert (rows.min(), rows.max()) == pytest.approx((120, 240), abs=4)


def test_window_ignores_single_bright_voxels_and_not_a_numbers() -> None:
    scan, labels = spine()
    array = scan.array.copy()
    array[0, 0, 0], array[0, 0, 1] = 1e6, np.nan
    low, high = window(scan.with_array(array), labels)
    assert 70 < low < 100
    assert 130 < high < 260


def square(side: str) -> tuple[NDArray[np.float64], Camera]:
    """Centre of a small box at one side of the patient, and the camera that looks at this side."""
    return {
        "front": (np.array([0.0, 30, 0]), Camera(0)),
        "left": (np.array([-30.0, 0, 0]), Camera(90)),
        "back": (np.array([0.0, -30, 0]), Camera(180)),
        "right": (np.array([30.0, 0, 0]), Camera(-90)),
        "top": (np.array([0.0, 0, 30]), Camera(0, 90)),
    }[side]


@pytest.mark.parametrize("side", ["front", "left", "back", "right", "top"])
def test_camera_sees_the_side_it_names(side: str) -> None:
    labels = np.zeros((21, 21, 21), dtype=np.uint8)
    labels[4:17, 4:17, 4:17] = 1  # a large red box, and before it a small blue one
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -30
    small = np.zeros_like(labels)
    at, camera = square(side)
    index = np.round((at + 30) / 3).astype(int)
    low, high = np.clip(index - 2, 0, 18), np.clip(index + 2, 2, 21)
    small[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 2
    near = surfaces_of(LabelMap(small, affine, task=SPINE))
    surfaces = surfaces_of(LabelMap(labels, affine, task=SPINE)) | near
    colours = {"vertebra-L5": (1.0, 0.0, 0.0), "vertebra-L4": (0.0, 0.0, 1.0)}
    picture = shaded(surfaces, colours, camera, (80, 80), (0, 0, 0)).astype(int)
    assert picture[40, 40, 2] > 2 * picture[40, 40, 0]
    assert picture[40, 20, 0] > 2 * picture[40, 20, 2]


def test_front_view_has_the_patients_right_on_the_left() -> None:
    labels = np.zeros((30, 8, 8), dtype=np.uint8)
    labels[20:28, 2:6, 2:6], labels[2:10, 2:6, 2:6] = 1, 2  # RAS: high i is the patient's right
    surfaces = surfaces_of(LabelMap(labels, np.eye(4), task=SPINE))
    colours = {"vertebra-L5": (1.0, 0.0, 0.0), "vertebra-L4": (0.0, 0.0, 1.0)}
    picture = shaded(surfaces, colours, Camera(), (100, 50), (0, 0, 0)).astype(int)
    assert picture[25, 20, 0] > picture[25, 20, 2]
    assert picture[25, 80, 2] > picture[25, 80, 0]


def test_shaded_disc_of_a_sphere_has_the_area_of_its_circle() -> None:
    index = np.indices((41, 41, 41)) - 20
    sphere = ((index**2).sum(axis=0) <= 18**2).astype(np.uint8)
    surfaces = surfaces_of(LabelMap(sphere, np.eye(4), task=SPINE))
    picture = shaded(surfaces, {"vertebra-L5": (1.0, 1.0, 1.0)}, Camera(25, 30), (200, 200), (0, 0, 0))
    radius = 0.94 * 100
    assert (picture.max(axis=2) > 20).sum() == pytest.approx(np.pi * radius**2, rel=0.02)


def test_thinned_surface_keeps_its_shape_with_fewer_vertices() -> None:
    index = np.indices((41, 41, 41)) - 20
    sphere = ((index**2).sum(axis=0) <= 18**2).astype(np.uint8)
    (surface,) = surfaces_of(LabelMap(sphere, np.eye(4), task=SPINE)).values()
    vertices, normals, faces = thinned(surface, 3.0)
    assert len(vertices) < len(surface.vertices) / 3
    assert faces.max() == len(vertices) - 1
    outward = vertices - 20
    assert np.abs(np.linalg.norm(outward, axis=1) - 18).max() < 1
    assert (np.einsum("ij,ij->i", normals, outward) > 15).all()


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


@pytest.mark.parametrize(
    ("task", "name", "short"),
    [(SPINE, "vertebra-L4", "L4"), (LEGS, "tibia-right", "tibia R"), (LEGS, "femur-left", "femur L")],
)
def test_short_names_keep_what_tells_structures_apart(task: Task, name: str, short: str) -> None:
    assert short_name(task.by_name(name)) == short


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
