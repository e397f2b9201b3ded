"""From materials to signals: looked up, averaged over a slice's thickness, varied within tissues."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.synthesis.parts import CODE
from osteon.synthesis.scanner.fields import Float32
from osteon.synthesis.scanner.texture import texture_table, textured


def signals(
    materials: Tensor,
    look: Float32,
    texture: float,
    knots: Float32,
    rng: np.random.Generator,
) -> Tensor:
    """Signals of a stack of pictures.

    Parameters
    ----------
    materials : (slice, sub-slice, row, column) uint8 Tensor
    look : (256, 2) ndarray
        Water and fat signal of every material.
    texture : float
        Amount; 0 for none.
    knots : (slice, row knot, column knot) float32 ndarray
        Of the texture, standard normal.
    rng : Generator

    Returns
    -------
    (2, slice, row, column) float32 Tensor
        Water and fat.
    """
    device = materials.device
    # both signals as one number of eight bytes: one look-up instead of two; mps has integers of that size, no floats
    pairs = torch.from_numpy(look).to(device).view(torch.int64).view(-1)
    found = pairs.index_select(0, materials.reshape(-1).int()).view(torch.float32)
    mean = found.view(*materials.shape, 2).mean(dim=1).permute(3, 0, 1, 2).contiguous()  # (2, slice, row, column)
    if texture == 0:
        return mean
    table = torch.from_numpy(texture_table(look, texture, rng)).to(device)
    vessel = torch.from_numpy(look[CODE["vein" if rng.random() < 0.5 else "vessel"]].copy()).to(device)
    return textured(mean, materials[:, materials.shape[1] // 2], table, torch.from_numpy(knots).to(device), vessel)


def texture_knots(picture_mm: tuple[float, float], rng: np.random.Generator) -> tuple[int, int]:
    """Numbers of knots down and along a picture for a texture, 4 to 9 mm apart."""
    apart_mm = float(rng.uniform(4, 9))
    return 4 + int(picture_mm[0] / apart_mm), 4 + int(picture_mm[1] / apart_mm)


def brightest_signal(spots: NDArray[np.uint8], look: Float32, bias: float, rng: np.random.Generator) -> float:
    """The 99.5th percentile of a scan (`osteon.preprocessing.normalise` makes it 1), from random points of the body.

    Parameters
    ----------
    spots : (n,) uint8 ndarray
        Materials at random points of the scan.
    look : (256, 2) float32 ndarray
        Water and fat signal of every material.
    bias : float
        Standard deviation of the logarithm of the coil's field.
    rng : Generator
    """
    sizes = np.abs(look.sum(axis=1))[spots] * np.exp(bias * rng.standard_normal(len(spots), dtype=np.float32))
    return float(np.percentile(sizes, 99.5))
