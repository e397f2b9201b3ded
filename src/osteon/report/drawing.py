"""One slice as a picture: grey scan, coloured outlines, names, orientation letters, scale bar."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage import measure

from osteon.anatomy import Structure, Task
from osteon.report.slices import CODES, OPPOSITE, Stack, windowed

OVERSAMPLING = 2
"""Outlines are drawn this much larger and then reduced, which smooths their edges."""

SMOOTHING_VOXELS = 0.6
"""Outlines are those of the mask blurred this little: voxel corners go, the boundary stays."""

SPACED_PIXELS = 3.0
"""Distance between the points of an outline, before it is reduced."""

TEXT = (226, 230, 235)
MUTED = (150, 158, 168)
HALO = (0, 0, 0)

Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]


def short_name(structure: Structure) -> str:
    """Name for a picture: ``vertebra-L4`` becomes ``L4``, ``disc-L5-S1`` ``L5-S1``, ``tibia-right`` ``tibia R``."""
    side = "" if structure.side == "midline" else structure.side
    name = structure.name.removesuffix(f"-{side}") if side else structure.name
    name = name.removeprefix(f"{structure.parent}-")
    return f"{name} {side[0].upper()}" if side else name


def rgb_of(structure: Structure) -> Rgb:
    """Colour of a structure in 0 to 255."""
    red, green, blue = (round(255 * c) for c in structure.rgb)
    return red, green, blue


def _legible(colour: Rgb) -> Rgb:
    """The colour, a third of the way to white: thin letters need more light than thick outlines."""
    red, green, blue = (round(c + (255 - c) / 3) for c in colour)
    return red, green, blue


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface, so that a picture looks the same on every machine."""
    return ImageFont.load_default(size)


def outlined(stack: Stack, k: int, task: Task, limits: tuple[float, float], size: tuple[int, int]) -> Image.Image:
    """Slice ``k`` in grey with its structures outlined, ``size`` = (width, height) pixels."""
    large = (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING)
    grey = Image.fromarray(windowed(stack.scan[:, :, k].T, limits))  # (rows, columns)
    picture = grey.resize(large, Image.Resampling.BICUBIC).convert("RGB")
    draw = ImageDraw.Draw(picture)
    labels = stack.labels[:, :, k]
    scale = np.array(large) / labels.shape
    width = max(3, round(large[1] / 420))
    for value in stack.values(k):
        lines = [_spaced((contour + 0.5) * scale).ravel().tolist() for contour in _contours(labels == value)]
        for line in lines:
            draw.line(line, HALO, width + 2, joint="curve")  # so that it also stands out from bright tissue
        for line in lines:
            draw.line(line, rgb_of(task.by_value(value)), width, joint="curve")
    return picture.resize(size, Image.Resampling.BOX)


def _contours(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.float64]]:
    """Outlines of a 2-D mask in array indices, ``(n, 2)`` each."""
    held = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)]
    box = tuple(slice(int(along[0]), int(along[-1]) + 1) for along in held)
    pad = 3
    blurred = ndimage.gaussian_filter(np.pad(mask[box].astype(np.float32), pad), SMOOTHING_VOXELS)
    corner = np.array([s.start for s in box]) - pad
    level = min(0.5, 0.6 * float(blurred.max()))  # a mask of one voxel stays below a half everywhere
    for contour in measure.find_contours(blurred, level):
        yield contour + corner


def _spaced(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed line of pixels without points that lie closer than `SPACED_PIXELS`: each takes as long to draw."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    number = np.floor(np.append(0.0, np.cumsum(steps)) / SPACED_PIXELS)
    keep = np.append(True, np.diff(number) > 0)
    keep[-1] = True
    return np.asarray(line[keep])


def decorate(picture: Image.Image, stack: Stack, k: int, task: Task, caption: str) -> None:
    """Write names, orientation letters, a caption and a scale bar into a slice's picture, in place."""
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    letters, columns, rows = font(20), CODES[stack.plane][0], CODES[stack.plane][1]
    _write(draw, (10, 10), caption, MUTED, font(14), "lt")
    taken: list[Box] = [draw.textbbox((10, 10), caption, font=font(14), anchor="lt")]
    top = 8 if taken[0][2] < width / 2 - 16 else 34  # in a narrow picture below the caption
    for text, at, anchor in (
        (OPPOSITE[columns], (10, height / 2), "lm"),
        (columns, (width - 10, height / 2), "rm"),
        (OPPOSITE[rows], (width / 2, top), "mt"),
        (rows, (width / 2, height - 8), "mb"),
    ):
        _write(draw, at, text, TEXT, letters, anchor)
        taken.append(draw.textbbox(at, text, font=letters, anchor=anchor))
    taken.append(_scale_bar(draw, stack.size_mm[0], picture.size))
    _names(draw, stack.labels[:, :, k], task, picture.size, taken)


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    colour: Rgb,
    typeface: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    anchor: str,
) -> None:
    draw.text(at, text, colour, font=typeface, anchor=anchor, stroke_width=2, stroke_fill=HALO)


def _scale_bar(draw: ImageDraw.ImageDraw, width_mm: float, size: tuple[int, int]) -> Box:
    """A bar of a round length of at most 40 % of the width, lower right; returns the box it takes."""
    length_mm = max((mm for mm in (1, 2, 5, 10, 20, 50, 100) if mm <= 0.4 * width_mm), default=1)
    length = length_mm / width_mm * size[0]
    right, bottom = size[0] - 12, size[1] - 14
    draw.line([(right - length, bottom), (right, bottom)], HALO, 5)
    draw.line([(right - length, bottom), (right, bottom)], TEXT, 2)
    at = (right, bottom - 6)
    _write(draw, at, f"{length_mm} mm", TEXT, font(14), "rb")
    text = draw.textbbox(at, f"{length_mm} mm", font=font(14), anchor="rb")
    return min(right - length, text[0]), text[1], right, bottom + 3


def _names(
    draw: ImageDraw.ImageDraw, labels: NDArray[np.integer], task: Task, size: tuple[int, int], taken: list[Box]
) -> None:
    """Write each structure's short name beside it, where it covers neither a structure nor another name."""
    typeface = font(17)
    scale = np.array(size) / labels.shape
    values = [int(v) for v in np.unique(labels) if v != 0]
    for value in values:
        x0, y0, x1, y1 = _largest_part(labels == value) * np.tile(scale, 2)
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        places = [
            ((x0 - 8, middle_y), "rm"),
            ((x1 + 8, middle_y), "lm"),
            ((middle_x, y0 - 6), "mb"),
            ((middle_x, y1 + 6), "mt"),
            ((middle_x, middle_y), "mm"),
        ]
        name = short_name(task.by_value(value))
        boxes = [draw.textbbox(at, name, font=typeface, anchor=anchor) for at, anchor in places]
        costs = [_cost(box, labels, scale, size, taken) for box in boxes]
        best = int(np.argmin(costs))  # the first of equals
        _write(draw, places[best][0], name, _legible(rgb_of(task.by_value(value))), typeface, places[best][1])
        taken.append(boxes[best])


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Box of a mask's largest connected part: x0, y0, x1, y1 in array edges."""
    parts, _ = ndimage.label(mask)
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    x, y = ndimage.find_objects(parts)[largest - 1]
    return np.array([x.start, y.start, x.stop, y.stop], dtype=np.float64)


def _cost(
    box: Box, labels: NDArray[np.integer], scale: NDArray[np.float64], size: tuple[int, int], taken: list[Box]
) -> float:
    """How badly a name stands there: 100 outside the picture, 10 for each name covered, up to 1 for structures."""
    left, top, right, bottom = box
    outside = left < 4 or top < 4 or right > size[0] - 4 or bottom > size[1] - 4
    names = sum(left < x1 and x0 < right and top < y1 and y0 < bottom for x0, y0, x1, y1 in taken)
    columns, rows = np.clip((left, right), 0, None) / scale[0], np.clip((top, bottom), 0, None) / scale[1]
    under = labels[int(columns[0]) : int(columns[1]) + 1, int(rows[0]) : int(rows[1]) + 1]
    return 100.0 * outside + 10.0 * names + (float(np.mean(under != 0)) if under.size else 1.0)
