"""Small scans of legs with their masks, for tests of cohorts: what is true is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from limbs import LEGS, legs
from osteon.io import write
from osteon.volume import LabelMap, Volume

SPACING_MM = (4.0, 4.0, 6.0)


def leg_case(seed: int, *sides: str, codes: str = "RAS") -> tuple[Volume, LabelMap]:
    """A scan of two legs and the masks of some sides, both turned to ``codes``; another seed is another person."""
    whole = legs(spacing_mm=SPACING_MM).volume()
    random = np.random.default_rng(seed)
    body = ndimage.binary_dilation(whole.array != 0, iterations=4)
    fat = body & ~ndimage.binary_dilation(whole.array != 0, iterations=3)
    # muscles of other shapes in every person, so that two scans look unlike
    texture = ndimage.gaussian_filter(random.normal(0, 1, whole.shape), 2)
    texture *= 40 / texture.std()
    array = np.where(body, 120 + texture, 0) + 150 * fat
    array = np.where(whole.array != 0, 30, array) + np.abs(random.normal(0, 6, whole.shape))
    scan = Volume(array.astype(np.int16), whole.affine).reoriented(codes)
    labels = legs(*sides, spacing_mm=SPACING_MM).volume().reoriented(codes)
    return scan, LabelMap(labels.array, labels.affine, task=LEGS)


def mask_of(labels: LabelMap, name: str, value: int = 1) -> Volume:
    """One structure as a binary mask."""
    return Volume((labels.mask(name) * value).astype(np.uint8), labels.affine)


def write_spider(folder: Path, count: int, *, first: int = 1) -> Path:
    """A source of people with one scan each."""
    for number in range(first, first + count):
        scan, labels = leg_case(number)
        write(scan, folder / "images" / f"{number}_t1.mha")
        write(labels, folder / "masks" / f"{number}_t1.mha")
    return folder
