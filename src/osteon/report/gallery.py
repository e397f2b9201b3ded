"""All slices of a case that hold something, in small, as a part of its page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html import escape

from osteon.report.drawing import outlined, short_name
from osteon.report.frame import jpeg, section
from osteon.report.slices import Stack, window
from osteon.volume import LabelMap, Volume

LIMIT = 60
"""Most slices that are shown; of more, evenly spaced ones, and the page says so."""

MARGIN_MM = 25.0
THUMBNAIL_PIXELS = 420


def gallery(scan: Volume, labels: LabelMap) -> str:
    """A section with every slice of the task's plane that holds a structure; empty where nothing is labelled.

    Parameters
    ----------
    scan : Volume
    labels : LabelMap
        On the scan's grid.
    """
    task = labels.task
    stack = Stack.of(scan, labels, task.plane, MARGIN_MM)
    held = stack.labelled()
    if not held:
        return ""
    shown = held if len(held) <= LIMIT else [held[i * len(held) // LIMIT] for i in range(LIMIT)]
    limits = window(scan, labels)
    width_mm, height_mm = stack.size_mm
    pixels = THUMBNAIL_PIXELS if len(shown) <= 30 else THUMBNAIL_PIXELS * 3 // 4
    scale = pixels / max(width_mm, height_mm)
    size = (max(1, round(width_mm * scale)), max(1, round(height_mm * scale)))

    def figure(k: int) -> str:
        names = [short_name(task.by_value(value)) for value in stack.values(k)]
        alt = f"{task.plane.capitalize()} slice {k + 1} of {stack.count} with outlines of {', '.join(names)}."
        return (
            f'<figure><img loading="lazy" width="{size[0]}" height="{size[1]}" alt="{escape(alt)}" '
            f'src="{jpeg(outlined(stack, k, task, limits, size))}">'
            f"<figcaption>{k + 1} of {stack.count}: {escape(', '.join(names))}</figcaption></figure>"
        )

    with ThreadPoolExecutor() as threads:
        figures = list(threads.map(figure, shown))
    which = "Every slice" if len(shown) == len(held) else f"{len(shown)} of the {len(held)} slices, evenly spaced,"
    order = {"sagittal": "the patient's right to left", "coronal": "front to back", "axial": "top to bottom"}[
        task.plane
    ]
    intro = f"<p>{which} that {'holds' if len(shown) == len(held) else 'hold'} a structure, from {order}.</p>"
    return section("Slices", f'{intro}\n<div class="gallery">{"".join(figures)}</div>')
