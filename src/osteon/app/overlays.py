"""Pictures by which a person judges where labels lie: three planes, outlines, letters of the patient's sides."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from osteon.io.whole import written_whole
from osteon.report.drawing import decorate, outlined
from osteon.report.slices import PLANES, Stack, window
from osteon.volume import LabelMap, Volume

HEIGHT = 420
"""Of a picture, in pixels."""

WIDEST = 520
"""Of one plane, in pixels."""

GAP = 6
BACKGROUND = (16, 18, 22)

COARSE_MM = 1.5
"""A finer scan is drawn thinned: the picture has no more pixels."""

WHOLE_MM = 1e6
"""Margin around the labels: all of the scan is shown, so that its head and feet can be told."""


def write_three_planes(scan: Volume, labels: LabelMap, path: Path) -> None:
    """Draw a sagittal, a coronal and an axial slice through the labels, with R, L, A, P, S and I at their edges.

    Parameters
    ----------
    scan : Volume
    labels : LabelMap
        On the scan's grid.
    path : Path
        PNG to write, whole or not at all.
    """
    scan, labels = scan.thinned(COARSE_MM), labels.thinned(COARSE_MM)
    limits = window(scan, labels)
    drawn = []
    for plane in PLANES:
        stack = Stack.of(scan, labels, plane, WHOLE_MM)
        k, (width_mm, height_mm) = stack.middle(), stack.size_mm
        scale = min(HEIGHT / height_mm, WIDEST / width_mm)
        size = (max(1, round(width_mm * scale)), max(1, round(height_mm * scale)))
        picture = outlined(stack, k, labels.task, limits, size)
        decorate(picture, stack, k, labels.task, plane)
        drawn.append(picture)
    height = max(picture.height for picture in drawn)
    page = Image.new("RGB", (sum(p.width for p in drawn) + GAP * (len(drawn) - 1), height), BACKGROUND)
    left = 0
    for picture in drawn:
        page.paste(picture, (left, (height - picture.height) // 2))
        left += picture.width + GAP
    with written_whole(path) as part:
        page.save(part, format="PNG")
