"""What a scanner does to pictures, as tensor code on stacks ``(slice, row, column)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def shifted(picture: Tensor, pixels: float, axis: int) -> Tensor:
    """Moved along an axis by a part of pixels, linear between two whole steps; round the end."""
    whole = int(np.floor(pixels))
    part = pixels - whole
    moved = picture.roll(whole, axis)
    return moved if part == 0 else torch.lerp(moved, picture.roll(whole + 1, axis), part)


def blurred(picture: Tensor, sigma: tuple[float, float]) -> Tensor:
    """Gaussian blur of the last two axes, by standard deviations in pixels."""
    for axis, width in zip((-2, -1), sigma, strict=True):
        if width < 0.15:
            continue
        reach = 2 if width < 1 else 3
        weights = np.exp(-0.5 * (np.arange(reach + 1) / width) ** 2)
        weights /= 2 * weights.sum() - weights[0]
        padding = (0, 0, reach, reach) if axis == -2 else (reach, reach, 0, 0)
        wide = functional.pad(picture[None], padding, mode="replicate")[0]
        n = picture.shape[axis]
        result = wide.narrow(axis, reach, n) * float(weights[0])
        for step in range(1, reach + 1):
            pair = wide.narrow(axis, reach - step, n) + wide.narrow(axis, reach + step, n)
            result.add_(pair, alpha=float(weights[step]))
        picture = result
    return picture


def folded(picture: Tensor, visible: int, axis: int) -> Tensor:
    """Wrap: what lies beyond the ``visible`` pixels in the middle of an axis appears at the opposite edge."""
    n = picture.shape[axis]
    first = (n - visible) // 2
    result = torch.zeros_like(picture)
    inner = result.narrow(axis, first, visible)
    inner.add_(picture.narrow(axis, first, visible))
    before = min(first, visible)
    inner.narrow(axis, visible - before, before).add_(picture.narrow(axis, first - before, before))
    after = min(n - first - visible, visible)
    inner.narrow(axis, 0, after).add_(picture.narrow(axis, first + visible, after))
    return result


@dataclass(frozen=True)
class Fourier:
    """Faults along the phase-encoding axis.

    Parameters
    ----------
    axis : int
        -2 down the columns, -1 along the rows.
    kept : float
        Share of k-space that was measured, from its middle; below 1 edges ring (Gibbs).
    ghost, period : float
        Strength of ghosts, and lines between two equal ones: 2 puts them half a field of view apart.
    motion : float
        Pixels by which the patient moved before the outer third of the lines.
    """

    axis: int
    kept: float
    ghost: float
    period: float
    motion: float


def through_k_space(picture: Tensor, faults: Fourier) -> Tensor:
    """Real picture with the faults of its measurement, real again (the magnitude is taken later, with the noise)."""
    n = picture.shape[faults.axis]
    frequency = torch.fft.fftfreq(n, device=picture.device)  # cycles in a pixel
    lines = torch.complex(torch.ones_like(frequency), torch.zeros_like(frequency))
    lines = lines * (frequency.abs() <= faults.kept / 2)
    lines = lines * (1 + faults.ghost * torch.cos(2 * np.pi * frequency * n / faults.period))
    # lines are measured from one end of k-space to the other
    late = (frequency > 1 / 6).float()
    lines = lines * torch.exp(-2j * np.pi * frequency * faults.motion * late)
    shape = [1] * picture.ndim
    shape[faults.axis] = n
    changed = torch.fft.fft(picture, dim=faults.axis) * lines.view(shape)
    result: Tensor = torch.fft.ifft(changed, dim=faults.axis).real
    return result


def with_noise(picture: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """Magnitude of a signal with noise in both channels, Rician (Gudbjartsson and Patz 1995, 10.1002/mrm.1910340618).

    The second channel's noise is the first's, moved by a third of the picture: pixels that share it are far apart.
    """
    if sigma == 0:
        return picture.abs()
    other = noise.roll((noise.shape[-2] // 3, noise.shape[-1] // 3), (-2, -1))
    real = torch.add(picture, noise, alpha=sigma)
    return torch.hypot(real, other * sigma)
