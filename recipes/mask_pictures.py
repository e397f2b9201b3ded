"""Draw the pictures of docs/masks.md from a built-in phantom: surfaces over a scan, and the rules for overlaps.

usage: python recipes/mask_pictures.py FOLDER

Writes FOLDER/masks-worlds.png and FOLDER/masks-overlap.png.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.io import write_ply
from osteon.masks import combine, surfaces_of, surfaces_to_labels
from osteon.synthesis import make_leg_phantom
from osteon.synthesis.scanner import ScanGeometry
from osteon.volume import LabelMap, Volume

TASK = Task.load("leg-bones")
GEOMETRY = ScanGeometry(spacing_mm=(1.4, 4.0))
SHOWN = ("tibia-right", "fibula-right")
COLOURS = {"tibia-right": "#ffb347", "fibula-right": "#5ec8f2"}
CONTESTED = "#ff4f6d"
TOO_THICK = 9
"""Voxels by which the second mask is drawn too large, so that it overlaps the first."""

HALF_MM = 45.0
DPI = 100


def main() -> None:
    """Make a phantom, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    mpl.use("agg")
    phantom = make_leg_phantom(seed=3, protocol="dixon-water", age_years=11.0, geometry=GEOMETRY)
    scan, labels = phantom.scan.reoriented("RAS"), phantom.labels.reoriented("RAS")
    worlds(scan, labels).savefig(folder / "masks-worlds.png", dpi=DPI)
    overlaps(scan, labels).savefig(folder / "masks-overlap.png", dpi=DPI)


def worlds(scan: Volume, labels: LabelMap) -> Figure:
    """The same surfaces read as RAS and as LPS, in the slice where the calf is thick."""
    surfaces = {name: surface for name, surface in surfaces_of(labels).items() if name in SHOWN}
    k = slice_of(labels, 0.75)
    figure = Figure(figsize=(8.4, 2.9), layout="constrained", facecolor="white")
    for column, space in enumerate(("RAS", "LPS")):
        with tempfile.TemporaryDirectory() as folder:
            named = []
            for name, surface in surfaces.items():
                write_ply(surface, Path(folder) / f"{name}.ply")
                named.append((name, Path(folder) / f"{name}.ply"))
            made = surfaces_to_labels(named, scan, TASK, space=space).labels
        axes = figure.add_subplot(1, 2, column + 1)
        show(axes, scan.array[:, :, k])
        for name in SHOWN:
            outline(axes, made.mask(name)[:, :, k], COLOURS[name])
        right = "where they belong" if column == 0 else "half a turn away, back to front"
        axes.set_title(f"read as {space}: {right}", fontsize=11)
        axes.text(0.02, 0.5, "R", transform=axes.transAxes, color="white", fontsize=12, va="center")
        axes.text(0.98, 0.5, "L", transform=axes.transAxes, color="white", fontsize=12, va="center", ha="right")
    return figure


def overlaps(scan: Volume, labels: LabelMap) -> Figure:
    """Two masks that claim the same voxels, and what becomes of them by each rule."""
    k = slice_of(labels, 0.93)
    first, second = (labels.mask(name) for name in SHOWN)
    second = thickened(second, TOO_THICK)
    masks = [
        (name, Volume(mask.astype(np.uint8), scan.affine)) for name, mask in zip(SHOWN, (first, second), strict=True)
    ]
    part = around(first | second, k, scan.spacing_mm[0])
    figure = Figure(figsize=(8.4, 2.35), layout="constrained", facecolor="white")
    axes = figure.add_subplot(1, 4, 1)
    show(axes, scan.array[:, :, k][part])
    filled(axes, (first & second)[:, :, k][part], CONTESTED)
    for name, mask in zip(SHOWN, (first, second), strict=True):
        outline(axes, mask[:, :, k][part], COLOURS[name])
    axes.set_title("two masks", fontsize=11)
    for column, rule in enumerate(("background", "priority", "nearest"), start=2):
        made = combine(masks, TASK, rule).labels
        axes = figure.add_subplot(1, 4, column)
        show(axes, scan.array[:, :, k][part])
        for name in SHOWN:
            filled(axes, made.mask(name)[:, :, k][part], COLOURS[name])
        axes.set_title(f"--overlap {rule}", fontsize=11)
    return figure


def slice_of(labels: LabelMap, height: float) -> int:
    """A slice at a share of the right tibia's height."""
    held = np.flatnonzero(labels.mask(SHOWN[0]).any(axis=(0, 1)))
    return int(held[0] + height * (held[-1] - held[0]))


def thickened(mask: NDArray[np.bool_], voxels: int) -> NDArray[np.bool_]:
    """A mask drawn too large within its slices."""
    from scipy import ndimage

    cross = ndimage.generate_binary_structure(3, 1)
    cross[:, :, [0, 2]] = False
    return np.asarray(ndimage.binary_dilation(mask, cross, iterations=voxels))


def around(mask: NDArray[np.bool_], k: int, edge_mm: float) -> tuple[slice, slice]:
    """A square about what a mask holds of a slice."""
    middle = np.argwhere(mask[:, :, k]).mean(axis=0)
    low = np.maximum(0, np.round(middle - HALF_MM / edge_mm)).astype(int)
    size = round(2 * HALF_MM / edge_mm)
    return slice(int(low[0]), int(low[0]) + size), slice(int(low[1]), int(low[1]) + size)


def show(axes: Any, picture: NDArray[Any]) -> None:
    """An axial slice as radiologists see it: the patient's right at the left, front up."""
    axes.imshow(picture[::-1, ::-1].T, cmap="gray", vmax=np.percentile(picture, 99.5), interpolation="bilinear")
    axes.set_axis_off()


def outline(axes: Any, mask: NDArray[np.bool_], colour: str) -> None:
    """The border of a mask."""
    if mask.any():
        axes.contour(mask[::-1, ::-1].T, levels=[0.5], colors=[colour], linewidths=1.6)


def filled(axes: Any, mask: NDArray[np.bool_], colour: str) -> None:
    """A mask, half transparent."""
    if mask.any():
        axes.contourf(mask[::-1, ::-1].T, levels=[0.5, 1.5], colors=[colour], alpha=0.7)


if __name__ == "__main__":
    main()
