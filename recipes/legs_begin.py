"""How well the legs' beginning is found in scans of bodies from feet to head, from feet to hip, and of thighs alone.

usage: python recipes/legs_begin.py [--bodies 30] [--data FOLDER]

Built-in bodies of 4 to 18 years (and some adults) are scanned from the iliac crests to the soles, in several contrasts.
For whole bodies a trunk with lungs, shoulders, arms beside the body, neck and head are drawn on top: pictures of the
uppermost slice, made wider or narrower. The error is the height of the pelvis's upper end as found, less that of the
uppermost voxel labelled pelvis. With ``--data`` its folders ``leg-mri`` and ``pelvis-thigh-labels`` are tried, too.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from osteon.io import read
from osteon.preprocessing import LowerBody, find_lower_body
from osteon.synthesis import draw_legs
from osteon.synthesis.scanner import ScanGeometry, scan_of
from osteon.volume import LabelMap, Volume

SEED = 860_000
"""The finder's constants were set on the bodies of 700,000 and up; its rule for thighs that touch was, on 830,000 and
up, where one child of 24 had been found 165 mm too low."""
CONTRASTS = ("t1-se", "t2-se", "stir", "dixon-water", "opposed-phase")
GEOMETRY = ScanGeometry("axial", (3.0, 5.0), rotation_degrees=(2.0, -1.0, 2.0))

# Above the iliac crests, as shares of the stature: how wide and deep the body is against its section at the crests
HEIGHT = (0.0, 0.05, 0.12, 0.20, 0.22, 0.235, 0.26, 0.28, 0.33, 0.39, 0.40)
WIDTH = (1.0, 0.92, 0.98, 1.05, 1.15, 0.5, 0.35, 0.45, 0.5, 0.3, 0.1)
DEPTH = (1.0, 0.95, 1.05, 1.05, 0.8, 0.5, 0.5, 0.75, 0.85, 0.5, 0.2)
LUNGS = (0.09, 0.20)
ARMS = (-0.22, 0.21)


def main() -> None:
    """Make, find, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=int, default=30)
    parser.add_argument("--data", type=Path, help="folder of the development data")
    arguments = parser.parse_args()
    rows = []
    for number in range(arguments.bodies):
        age_years = 4 + 14 * number / max(1, arguments.bodies - 1)
        body = draw_legs(SEED + number, age_years=age_years, spacing_mm=(4.0, 4.0, 4.0))
        scan, labels = scan_of(body, CONTRASTS[number % len(CONTRASTS)], seed=number, geometry=GEOMETRY)
        rng = np.random.default_rng(SEED + number)
        whole = with_trunk(scan, labels, rng)
        kinds = {"feet to hip": scan, "feet to head": whole, "knee to head": upper_part(whole, 0.32)}
        for kind, volume in kinds.items():
            rows.append({"scan": kind, "age": age_years, **judged(volume, find_lower_body(volume), labels)})
    table = pd.DataFrame(rows)
    table["years"] = pd.cut(table["age"], [3, 9, 14, 19], labels=["4 to 8", "9 to 13", "14 to 18"])
    sys.stdout.write(summary(table) + "\n")
    if arguments.data is not None:
        sys.stdout.write(real(arguments.data) + "\n")


def judged(scan: Volume, found: LowerBody, labels: LabelMap) -> dict[str, Any]:
    """Error in mm, confidence, and how much of the pelvis would be cut off."""
    axis = found.axis
    middle = (np.array(scan.shape) - 1) / 2
    middle[axis] = found.slice_number
    ends = middle.copy()
    ends[axis] = found.kept.stop - 1 if scan.affine[2, axis] > 0 else found.kept.start
    top_mm = pelvis_top_mm(labels)
    return {
        "error_mm": float(scan.world_mm(middle[None])[0, 2]) - top_mm,
        "confidence": found.confidence,
        "kept_above_mm": float(scan.world_mm(ends[None])[0, 2]) - top_mm,
        "cut": found.cuts(scan.shape),
    }


def pelvis_top_mm(labels: LabelMap) -> float:
    """World height of the uppermost voxel of the pelvis."""
    return float(labels.world_mm(np.argwhere(labels.array % 10 == 4))[:, 2].max())


def summary(table: pd.DataFrame) -> str:
    """Markdown table by kind of scan and age."""
    head = "| scan | years | n | error, mm: mean | SD | worst | confidence | cut | pelvis lost |"
    lines = [head, "|---|---|---|---|---|---|---|---|---|"]
    groups = [((kind, "all"), rows) for kind, rows in table.groupby("scan", sort=False)]
    for (kind, years), rows in [*groups, *table.groupby(["scan", "years"], sort=False, observed=True)]:
        error = rows["error_mm"]
        worst = error.iloc[int(error.abs().argmax())]
        lost = (rows["cut"] & (rows["kept_above_mm"] < 0)).sum()
        lines.append(
            f"| {kind} | {years} | {len(rows)} | {error.mean():+.0f} | {error.std():.0f} | {worst:+.0f} | "
            f"{rows['confidence'].mean():.2f} | {rows['cut'].sum()} | {lost} |"
        )
    return "\n".join(lines)


def with_trunk(scan: Volume, labels: LabelMap, rng: np.random.Generator) -> Volume:
    """Draw trunk, arms, neck and head on top of a scan that ends at the iliac crests."""
    legs, bones = scan.reoriented("RAS"), labels.reoriented("RAS")
    step_mm = legs.spacing_mm[2]
    top = int(np.argwhere(bones.array % 10 == 4)[:, 2].max())
    stature_mm = top * step_mm / 0.6
    picture = legs.array[:, :, min(top, legs.shape[2] - 1)].astype(np.float32)
    body = picture > 0.2 * np.percentile(picture, 95)
    held = np.flatnonzero(ndimage.binary_opening(body).any(axis=1))
    middle = np.array([held.mean(), np.argwhere(body)[:, 1].mean()])
    trunk = []
    for above in np.arange(legs.shape[2] - top, round(0.4 * stature_mm / step_mm)) * step_mm / stature_mm:
        scale = np.array([np.interp(above, HEIGHT, WIDTH), np.interp(above, HEIGHT, DEPTH)])
        section = ndimage.affine_transform(picture, np.diag(1 / scale), middle - middle / scale, order=1)
        if LUNGS[0] < above < LUNGS[1]:
            section = section * (1 - 0.9 * _lungs(section.shape, middle, len(held) * scale[0]))
        trunk.append(section)
    array = np.concatenate([legs.array, np.stack(trunk, axis=2)], axis=2).astype(np.float32)
    whole = Volume(array, legs.affine)
    return _with_arms(whole, stature_mm, top, float(len(held)) * legs.spacing_mm[0] / 2, rng)


def _lungs(shape: tuple[int, ...], middle: NDArray[np.float64], width: float) -> NDArray[np.float32]:
    x, y = np.ogrid[: shape[0], : shape[1]]
    sides = [((x - middle[0] - s * 0.24 * width) / (0.17 * width)) ** 2 for s in (-1, 1)]
    deep = ((y - middle[1]) / (0.22 * width)) ** 2
    return np.asarray((np.minimum(*sides) + deep) < 1, dtype=np.float32)


def _with_arms(scan: Volume, stature_mm: float, top: int, half_mm: float, rng: np.random.Generator) -> Volume:
    """Arms beside the body, touching it or not, from the shoulders to the middle of the thighs."""
    edge_mm, step_mm = scan.spacing_mm[0], scan.spacing_mm[2]
    radius_mm = 0.026 * stature_mm
    pad = int(np.ceil(5 * radius_mm / edge_mm)) + 4
    array = np.pad(scan.array, ((pad, pad), (0, 0), (0, 0)))
    affine = scan.affine.copy()
    affine[:3, 3] -= affine[:3, 0] * pad
    held = np.argwhere(scan.array[:, :, top] > 0.2 * np.percentile(scan.array[:, :, top], 95))
    x, y = np.ogrid[: array.shape[0], : array.shape[1]]
    slices = slice(max(0, top + round(ARMS[0] * stature_mm / step_mm)), top + round(ARMS[1] * stature_mm / step_mm))
    for side in (-1, 1):
        away = (half_mm + radius_mm * rng.uniform(1.0, 1.9)) / edge_mm
        centre = held[:, 0].mean() + pad + side * away, held[:, 1].mean() - 5
        inside = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) * edge_mm**2 < radius_mm**2
        flesh = float(np.percentile(scan.array[:, :, top], 80)) * rng.uniform(0.8, 1.2, array[:, :, slices].shape)
        array[:, :, slices] = np.where(inside[:, :, None], np.maximum(array[:, :, slices], flesh), array[:, :, slices])
    return Volume(array, affine)


def upper_part(scan: Volume, share: float) -> Volume:
    """What lies above a share of the height."""
    first = round(share * scan.shape[2])
    return scan.cropped((slice(0, scan.shape[0]), slice(0, scan.shape[1]), slice(first, scan.shape[2])))


def real(data: Path) -> str:
    """The two stacks of legs, and bodies in CT whose pelves are labelled."""
    lines = ["", "| real scan | error, mm | confidence | what is said |", "|---|---|---|---|"]
    for path in sorted((data / "leg-mri").glob("*.nii.gz")):
        found = find_lower_body(read(path))
        lines.append(f"| {path.name} | no pelvis | {found.confidence:.2f} | {found.reason} |")
    for path in sorted((data / "pelvis-thigh-labels").glob("*_body.nii.gz")):
        body, labels = read(path), read(path.with_name(path.name.replace("_body", "_labels")))
        found = find_lower_body(replace(body, array=100 * (body.array > 0).astype(np.float32)))
        top_mm = float(labels.world_mm(np.argwhere(labels.array == 1))[:, 2].max())
        place = np.zeros(3)
        place[found.axis] = found.slice_number
        error_mm = float(body.world_mm(place[None])[0, 2]) - top_mm
        lines.append(f"| {path.name} | {error_mm:+.0f} | {found.confidence:.2f} | {found.reason} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
