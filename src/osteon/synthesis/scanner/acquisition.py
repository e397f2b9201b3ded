"""One scan's faults, drawn together and applied in the order in which a scanner makes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from osteon.synthesis.scanner import artefacts
from osteon.synthesis.scanner.artefacts import Fourier
from osteon.synthesis.scanner.fields import UNIT, Float32, spread
from osteon.synthesis.scanner.settings import GeneratorSettings

COIL_KNOTS = (6, 6)
"""Knots of the coil's field down and along a picture."""


@dataclass(frozen=True)
class Acquisition:
    """How one scan was taken.

    Parameters
    ----------
    fat_shift_px : float
        Chemical shift, along ``fat_axis`` (-2 down the columns, -1 along the rows).
    blur_px : (2,) tuple of float
        Standard deviations down the columns and along the rows.
    bias : float
        Standard deviation of the logarithm of the coil's field.
    noise, noise_blur_px : float
        Standard deviation against the brightest tissue, and the smoothness that interpolation gave it.
    fourier : Fourier or None
    wrap : (2,) tuple of int or None
        Axis and visible pixels.
    dimming : float
        Brightness at the slice's place against the middle of the coil.
    masked : bool
        Whether the background is zero.
    top : float
        Value at which the brightest tissue comes to lie.
    levels : int
        Grey levels; 0 for no limit.
    gamma : float
    """

    fat_shift_px: float
    fat_axis: int
    blur_px: tuple[float, float]
    bias: float
    noise: float
    noise_blur_px: float
    fourier: Fourier | None
    wrap: tuple[int, int] | None
    dimming: float
    masked: bool
    top: float
    levels: int
    gamma: float

    @classmethod
    def draw(
        cls, how: GeneratorSettings, size: tuple[int, int], spacing_mm: float, rng: np.random.Generator
    ) -> Acquisition:
        """Draw a scan's faults for pictures of a size and pixel spacing."""
        resolution = np.exp(rng.uniform(*np.log(how.resolution_mm)))
        # voxels are seldom square: one direction is often measured more coarsely
        edges = resolution * np.array([1.0, rng.uniform(1.0, 1.6)])[rng.permutation(2)]
        # a scan finer than the picture is smoothed as it is brought to the picture's pixels
        blur = np.hypot(0.35, 0.42 * edges / spacing_mm)
        return cls(
            fat_shift_px=float(rng.uniform(-1, 1)) * how.chemical_shift_mm / spacing_mm,
            fat_axis=int(rng.choice((-2, -1))),
            blur_px=(float(blur[0]), float(blur[1])),
            bias=float(rng.uniform(0, how.bias)),
            noise=float(rng.uniform(0, 1) ** 1.5 * how.noise),
            noise_blur_px=float(blur.mean()) if rng.random() < 0.7 else 0.0,
            fourier=_draw_fourier(rng) if rng.random() < how.fourier_share else None,
            wrap=_draw_wrap(size, rng) if rng.random() < how.wrap_share else None,
            dimming=float(rng.uniform(0.35, 1.0)) if rng.random() < how.end_share / 2 else 1.0,
            masked=bool(rng.random() < how.masked_share),
            top=float(rng.uniform(1.05, 1.5) if rng.random() < how.clip_share else rng.normal(0.98, 0.06)),
            levels=int(rng.integers(24, 160)) if rng.random() < how.clip_share else 0,
            gamma=float(np.exp(rng.normal(0, 0.15))) if rng.random() < 0.5 else 1.0,
        )

    def taken(self, water_fat: Tensor, coil: Float32, brightest: float, rng: np.random.Generator) -> Tensor:
        """Pictures as a scanner would return them, in the range that normalisation gives.

        Parameters
        ----------
        water_fat : (2, slice, row, column) Tensor
            Signals.
        coil : (slice, row knot, column knot) float32 ndarray
            Knots of the coil's field, standard normal.
        brightest : float
            Signal that normalisation brings to 1, at a coil field of 1.
        rng : Generator

        Returns
        -------
        (slice, row, column) float32 Tensor
            0 to 1.5.
        """
        device, size = water_fat.device, (water_fat.shape[-2], water_fat.shape[-1])
        water, fat = water_fat
        if self.fat_shift_px:
            fat = artefacts.shifted(fat, self.fat_shift_px, self.fat_axis)
        picture = artefacts.blurred(water + fat, self.blur_px)
        field = torch.from_numpy(UNIT * self.bias * coil + np.float32(np.log(self.dimming))).to(device)
        picture = picture * spread(field, size).exp_().mul_(self.top / max(brightest, 1e-6))
        if self.wrap is not None:
            picture = artefacts.folded(picture, self.wrap[1], self.wrap[0])
        if self.fourier is not None:
            picture = artefacts.through_k_space(picture, self.fourier)
        noise = white(picture.shape, rng, device)
        if self.noise_blur_px:
            noise = artefacts.blurred(noise, (self.noise_blur_px, self.noise_blur_px))
        picture = artefacts.with_noise(picture, noise, self.noise)
        if self.masked:
            picture = picture * (picture > 3 * self.noise + 0.02)
        picture = picture.clamp_(0, 1.5)
        if self.gamma != 1:
            picture = picture.pow_(self.gamma)
        if self.levels:
            picture = torch.round(picture * self.levels) / self.levels
        return picture.clamp_(max=1.5)


def white(shape: tuple[int, ...], rng: np.random.Generator, device: torch.device) -> Tensor:
    """Standard normal numbers on a device, from a torch generator that is seeded by ``rng``."""
    source = torch.Generator(device=device)
    source.manual_seed(int(rng.integers(2**62)))
    return torch.randn(shape, generator=source, device=device)


def _draw_fourier(rng: np.random.Generator) -> Fourier:
    which = rng.random(3) < 0.5
    return Fourier(
        axis=int(rng.choice((-2, -1))),
        kept=float(rng.uniform(0.45, 0.95)) if which[0] else 1.0,
        ghost=float(rng.uniform(0.02, 0.18)) if which[1] else 0.0,
        period=float(rng.choice((2.0, 3.0, 4.0, 7.0, 2.4))),
        motion=float(rng.uniform(-2.5, 2.5)) if which[2] else 0.0,
    )


def _draw_wrap(size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    axis = int(rng.choice((-2, -1)))
    return axis, int(size[axis] * rng.uniform(0.6, 0.85))
