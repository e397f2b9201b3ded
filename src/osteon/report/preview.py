"""The preview: three planes and a 3-D view in one picture."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

from PIL import Image, ImageDraw

from osteon.io.surface import Surface
from osteon.io.whole import written_whole
from osteon.report.drawing import MUTED, decorate, font, outlined
from osteon.report.shading import Camera, shaded
from osteon.report.slices import PLANES, Stack, window
from osteon.volume import LabelMap, Volume

WIDTH, TALLEST = 1600, 1200
GAP = 10
BACKGROUND = (16, 18, 22)
PANEL = (23, 26, 31)
MARGIN_MM = 40.0
CAMERA = Camera(turn_degrees=35, rise_degrees=12)


def preview(scan: Volume, labels: LabelMap, surfaces: dict[str, Surface], path: Path) -> None:
    """Write ``preview.png``: sagittal, coronal and axial slices through the labelled structures, and a 3-D view.

    Parameters
    ----------
    scan : Volume
    labels : LabelMap
        On the scan's grid.
    surfaces : dict of str to Surface
        As `osteon.masks.surfaces_of` gives them.
    path : Path

    Raises
    ------
    GeometryError
        If the labels lie on another grid than the scan.
    """
    scan.grid.require_match(labels.grid, "The scan", "the label map")
    limits = window(scan, labels)
    planes = (labels.task.plane, *(p for p in PLANES if p != labels.task.plane))
    stacks = [Stack.of(scan, labels, plane, MARGIN_MM) for plane in planes]
    aspects = [_bounded(s.size_mm[0] / s.size_mm[1]) for s in stacks]
    aspects.append(_solid_aspect(surfaces))
    places, height = _layout(aspects)
    sheet = Image.new("RGB", (WIDTH, height), BACKGROUND)
    for stack, (x, y, w, h) in zip(stacks, places, strict=False):
        k = stack.middle()
        sheet.paste(_panel(stack, k, labels, limits, (w, h)), (x, y))
    x, y, w, h = places[-1]
    sheet.paste(solid(surfaces, labels, CAMERA, (w, h)), (x, y))
    ImageDraw.Draw(sheet).text((x + 10, y + 10), "3-D, from the front and the left", MUTED, font=font(14), anchor="lt")
    with written_whole(path) as part:
        sheet.save(part, format="PNG")


def solid(surfaces: dict[str, Surface], labels: LabelMap, camera: Camera, size: tuple[int, int]) -> Image.Image:
    """Shaded picture of the surfaces in their structures' colours."""
    colours = {name: labels.task.by_name(name).rgb for name in surfaces}
    red, green, blue = (c / 255 for c in PANEL)
    return Image.fromarray(shaded(surfaces, colours, camera, size, (red, green, blue)))


def _panel(stack: Stack, k: int, labels: LabelMap, limits: tuple[float, float], size: tuple[int, int]) -> Image.Image:
    """Slice in its panel, in true proportions, with its caption."""
    width_mm, height_mm = stack.size_mm
    scale = min(size[0] / width_mm, size[1] / height_mm)
    fitted = (max(1, round(width_mm * scale)), max(1, round(height_mm * scale)))
    picture = outlined(stack, k, labels.task, limits, fitted)
    decorate(picture, stack, k, labels.task, f"{stack.plane.capitalize()} {k + 1} of {stack.count}")
    panel = Image.new("RGB", size, PANEL)
    panel.paste(picture, ((size[0] - fitted[0]) // 2, (size[1] - fitted[1]) // 2))
    return panel


def _bounded(aspect: float) -> float:
    """Width over height of a panel; a very long or flat picture gets bars beside it."""
    return min(max(aspect, 0.22), 2.6)


def _solid_aspect(surfaces: dict[str, Surface]) -> float:
    if not surfaces:
        return 0.7
    width_mm, height_mm = CAMERA.extent_mm(surfaces)
    return min(max(float(width_mm / max(height_mm, 1e-6)) * 1.15, 0.45), 1.6)


def _layout(aspects: list[float]) -> tuple[list[tuple[int, int, int, int]], int]:
    """Panels in rows of the full width, their heights in one row equal: x, y, width, height of each; total height.

    Of all ways to break the panels into rows the one that shows most, at most `TALLEST` high.
    """
    n = len(aspects)
    breaks = [cut for size in range(n) for cut in combinations(range(1, n), size)]
    best: tuple[float, list[tuple[int, int, int, int]], int] | None = None
    for cut in breaks:
        places, height = _rows(aspects, [0, *cut, n])
        shown = float(sum(w * h for _, _, w, h in places))
        if best is None or shown > best[0]:
            best = (shown, places, height)
    if best is None:  # no panel, no way to break
        return [], GAP
    return best[1], best[2]


def _rows(aspects: list[float], ends: list[int]) -> tuple[list[tuple[int, int, int, int]], int]:
    rows = [aspects[a:b] for a, b in pairwise(ends)]
    heights = [(WIDTH - GAP * (len(row) + 1)) / sum(row) for row in rows]
    room = TALLEST - GAP * (len(rows) + 1)
    shrink = min(1.0, room / sum(heights))
    places, y = [], GAP
    for row, full in zip(rows, heights, strict=True):
        height = int(full * shrink)
        widths = [int(height * aspect) for aspect in row]
        x = (WIDTH - sum(widths) - GAP * (len(row) - 1)) // 2
        for width in widths:
            places.append((x, y, width, height))
            x += width + GAP
        y += height + GAP
    return places, y
