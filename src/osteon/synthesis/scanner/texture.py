"""What varies within a tissue: coarse and fine mottling, fatty septa in muscle, fibrous ones in fat, small vessels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.synthesis.parts import CODE
from osteon.synthesis.scanner.fields import UNIT, spread
from osteon.synthesis.scanner.look import MUSCLES, kinds

KINDS = kinds()


def texture_table(look: NDArray[np.float32], amount: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """How every material varies in one scan.

    Parameters
    ----------
    look : (256, 2) ndarray
        Water and fat signal of every material.
    amount : float
        1 as usual, 0 for none.
    rng : Generator

    Returns
    -------
    (256, 4) float32 ndarray
        Coarse relative variation; share of a septum; the septum's water and fat signals.
    """
    coarse = np.array([0.0, *rng.uniform((0.02, 0.02, 0.03, 0.02), (0.13, 0.07, 0.13, 0.12))])
    septa = np.array([0.0, rng.uniform(0, 0.7), rng.uniform(0, 0.45), 0.0, 0.0])
    table = np.zeros((256, 4), dtype=np.float32)
    table[:, 0] = coarse[KINDS] * amount
    table[:, 1] = septa[KINDS] * min(1.0, amount)
    table[KINDS == 1, 2:] = look[CODE["intermuscular-fat"]]
    table[KINDS == 2, 2:] = look[CODE["ligament"]]
    return table


def textured(water_fat: Tensor, materials: Tensor, table: Tensor, knots: Tensor, vessel: Tensor) -> Tensor:
    """Vary the signals of a stack of pictures within each tissue, in place.

    Parameters
    ----------
    water_fat : (2, slice, row, column) Tensor
    materials : (slice, row, column) uint8 Tensor
    table : (256, 4) Tensor
        `texture_table`.
    knots : (slice, row knot, column knot) Tensor
        Standard normal; neighbours that are alike make textures that go on from slice to slice.
    vessel : (2,) Tensor
        Water and fat signal of small vessels.

    Returns
    -------
    (2, slice, row, column) Tensor
    """
    rows, columns = materials.shape[-2:]
    field = spread(knots, (rows, columns)).mul_(UNIT)
    index = materials.reshape(-1).int()
    coarse, septa, water, fat = (c.contiguous().index_select(0, index).view(materials.shape) for c in table.unbind(1))
    # thin lines where the field passes zero, small spots on its summits
    ridge = torch.maximum((1 - (field * 8).square_()).clamp_(min=0), _between_muscles(materials)).mul_(septa)
    vessels = ((field - 2.5) * 5).clamp_(0, 1).mul_(septa > 0)
    gain = coarse.mul_(field).add_(1)
    for signal, septum, blood in zip(water_fat, (water, fat), vessel, strict=True):
        signal.lerp_(septum, ridge).lerp_(blood.expand_as(signal), vessels).mul_(gain)
    return water_fat


def _between_muscles(materials: Tensor) -> Tensor:
    """Fascia: 1 where two pixels side by side, or one above the other, are of two muscles, else 0."""
    muscle = (materials >= MUSCLES[0]) & (materials <= MUSCLES[-1])
    line = torch.zeros_like(muscle)
    for axis in (-2, -1):
        n = materials.shape[axis] - 1
        here, there = (slice_of.narrow(axis, 1, n) for slice_of in (materials, muscle))
        before, was = (slice_of.narrow(axis, 0, n) for slice_of in (materials, muscle))
        line.narrow(axis, 1, n).logical_or_((here != before) & there & was)
    return line.float()
