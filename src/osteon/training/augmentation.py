"""Random changes to crops, as tensor code on a batch; every random number comes from one generator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from osteon.training.config import AugmentationConfig

CURVE_KNOTS = 6
"""Of the random curves that grey values go through (`_remapped`)."""


@dataclass(frozen=True)
class Crop:
    """A slice with its context, or the slices of a 3-D patch, and where to cut.

    Parameters
    ----------
    slices : (channel, row, column) float32 ndarray
    target : (row, column) uint8 ndarray
        For a patch ``(slice, row, column)``, as many as ``slices``.
    centre : (2,) tuple of float
        Row and column of the crop's centre.
    """

    slices: NDArray[np.float32]
    target: NDArray[np.uint8]
    centre: tuple[float, float]


def flipped(crop: Crop, plane: str, swap: NDArray[np.uint8]) -> Crop:
    """Left and right exchanged, and with them the classes of mirror partners.

    In sagittal slices left and right lie across the slices, so their order turns; in axial and coronal ones (columns
    run to the left, `WORKING_ORIENTATION`) the columns turn.

    Parameters
    ----------
    crop : Crop
    plane : str
    swap : (256,) uint8 ndarray
        Class to the class of its mirror partner (`osteon.anatomy.Task.mirrored_classes`).
    """
    target = swap[crop.target]
    if plane == "sagittal":
        turned = target if target.ndim == 2 else target[::-1]
        return Crop(np.ascontiguousarray(crop.slices[::-1]), np.ascontiguousarray(turned), crop.centre)
    row, column = crop.centre
    return Crop(
        np.ascontiguousarray(crop.slices[:, :, ::-1]),
        np.ascontiguousarray(target[..., ::-1]),
        (row, crop.target.shape[-1] - 1 - column),
    )


def augmented(
    crop: Crop, size: tuple[int, int], how: AugmentationConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Cut, turn and scale one crop; ``how.warped`` says how often it is turned and scaled.

    Returns
    -------
    slices : (channel, row, column) float32 Tensor
    target : (row, column) or (slice, row, column) uint8 Tensor
        Nearest neighbour; background outside the scan.
    """
    angle = np.radians(rng.uniform(-how.rotation_degrees, how.rotation_degrees))
    scale = np.exp(rng.uniform(-1, 1) * np.log(how.scaling))
    warped = how.warped == 1 or rng.random() < how.warped
    if not warped:
        # whole pixels are cut, not interpolated: the outline is as sharp as in the scan
        row, column = (round(c - (n - 1) / 2) + (n - 1) / 2 for c, n in zip(crop.centre, size, strict=True))
        angle, scale, crop = 0.0, 1.0, replace(crop, centre=(row, column))
    grid = _sampling_grid(crop, size, float(angle), float(scale))
    if warped and how.elastic:
        grid = grid + _displacements(crop, size, how.elastic, rng)
    slices = functional.grid_sample(
        torch.from_numpy(crop.slices)[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    target = functional.grid_sample(
        torch.from_numpy(crop.target).reshape(1, -1, *crop.target.shape[-2:]).float(),  # (1, slice, row, column)
        grid,
        mode="nearest",
        padding_mode="zeros",
        align_corners=False,
    )
    return slices[0], target[0].reshape(*crop.target.shape[:-2], *size).to(torch.uint8)


def _sampling_grid(crop: Crop, size: tuple[int, int], angle: float, scale: float) -> Tensor:
    """``(1, row, column, 2)`` positions in the source, as grid_sample wants them (x before y, -1 to 1)."""
    rows, columns = size
    y, x = torch.meshgrid(
        torch.arange(rows, dtype=torch.float32) - (rows - 1) / 2,
        torch.arange(columns, dtype=torch.float32) - (columns - 1) / 2,
        indexing="ij",
    )
    cosine, sine = float(np.cos(angle)) / scale, float(np.sin(angle)) / scale
    source_row = cosine * y - sine * x + crop.centre[0]
    source_column = sine * y + cosine * x + crop.centre[1]
    height, width = crop.target.shape[-2:]
    return torch.stack([(2 * source_column + 1) / width - 1, (2 * source_row + 1) / height - 1], dim=-1)[None]


def _displacements(crop: Crop, size: tuple[int, int], largest: float, rng: np.random.Generator) -> Tensor:
    """``(1, row, column, 2)`` smooth shifts for `_sampling_grid`, at most ``largest`` pixels along each axis."""
    height, width = crop.target.shape[-2:]
    # knots of a bicubic spline, about six across a crop (Ronneberger et al. 2015 take three)
    knots = torch.from_numpy(rng.uniform(-1, 1, (1, 2, 6, 6)).astype(np.float32)) * float(rng.uniform(0, largest))
    shift = functional.interpolate(knots, size, mode="bicubic", align_corners=True).clamp(-largest, largest)[0]
    return torch.stack([2 * shift[0] / width, 2 * shift[1] / height], dim=-1)[None]


def recoloured(slices: Tensor, how: AugmentationConfig, rng: np.random.Generator) -> Tensor:
    """Random curve, bias field, gamma, contrast, brightness, ghosts, blur and noise of a batch.

    Parameters
    ----------
    slices : (batch, channel, row, column) Tensor
        Intensities, mostly 0 to 1.

    Returns
    -------
    (batch, channel, row, column) Tensor
    """
    batch, _, rows, columns = slices.shape

    def draw(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (batch, 1, 1, 1)).astype(np.float32))

    if how.remapped:
        slices = torch.where(draw(0, 1) < how.remapped, _remapped(slices, rng), slices)
    if how.bias_field:
        coarse = torch.from_numpy(rng.normal(0, 1, (batch, 1, 4, 4)).astype(np.float32))
        field = functional.interpolate(coarse, (rows, columns), mode="bicubic", align_corners=True)
        slices = slices * torch.exp(field * draw(0, how.bias_field))
    if how.gamma > 1:
        # z-scores are half negative: the exponent acts on their size
        slices = torch.sign(slices) * slices.abs() ** torch.exp(draw(-1, 1) * float(np.log(how.gamma)))
    slices = slices * (1 + draw(-1, 1) * how.contrast) + draw(-1, 1) * how.brightness
    if how.ghosting and rng.random() < 0.3:
        slices = _ghosted(slices, float(rng.uniform(0, how.ghosting)), int(rng.integers(2, 6)), int(rng.integers(2, 4)))
    if how.blur_mm and rng.random() < 0.3:
        slices = _blur(slices, float(rng.uniform(min(0.3, how.blur_mm), how.blur_mm)))
    if how.noise:
        noise = torch.from_numpy(rng.standard_normal((2, *slices.shape), dtype=np.float32)) * draw(0, how.noise)
        # the magnitude of a complex signal with noise in both parts; the sign keeps dark regions around zero
        slices = torch.sign(slices) * torch.sqrt((slices + noise[0]) ** 2 + noise[1] ** 2)
    return slices


def _remapped(slices: Tensor, rng: np.random.Generator) -> Tensor:
    """Grey values through a random piecewise linear curve, another for each item: any tissue may have any brightness.

    What is darkest stays dark, since air is in every scan. Tissues that looked alike still do.
    """
    batch = slices.shape[0]
    curves = torch.from_numpy(rng.uniform(0, 1, (batch, CURVE_KNOTS)).astype(np.float32))
    curves[:, 0] *= 0.1
    flat = slices.reshape(batch, -1)
    low = flat.amin(dim=1, keepdim=True)
    # of every 13th pixel; beyond there are but a few bright vessels and fat near the coil
    width = (torch.quantile(flat[:, ::13], 0.99, dim=1, keepdim=True) - low).clamp(min=1e-6)
    place = ((flat - low) / width).clamp(0, 1) * (CURVE_KNOTS - 1)
    below = place.floor().clamp(max=CURVE_KNOTS - 2).long()
    left, right = curves.gather(1, below), curves.gather(1, below + 1)
    return (low + width * torch.lerp(left, right, place - below)).view_as(slices)


def _ghosted(slices: Tensor, strength: float, ghosts: int, axis: int) -> Tensor:
    """Copies shifted by equal parts of the picture along an axis, as when the body moves in time with the lines.

    Every ``ghosts``-th line of k-space weaker by ``strength`` is, in the picture, the sum of these copies: a comb in
    one is a comb in the other.
    """
    length = slices.shape[axis]
    copies = [torch.roll(slices, round(n * length / ghosts), dims=axis) for n in range(ghosts)]
    return slices - strength / ghosts * torch.stack(copies).sum(dim=0)


def _blur(slices: Tensor, sigma: float) -> Tensor:
    reach = max(1, int(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float32) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    channels = slices.shape[1]
    down = kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    along = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    slices = functional.conv2d(slices, down, padding=(reach, 0), groups=channels)
    return functional.conv2d(slices, along, padding=(0, reach), groups=channels)
