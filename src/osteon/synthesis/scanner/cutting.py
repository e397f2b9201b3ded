"""Bodies cut along planes: the material at every point of a stack of pictures, by looking it up."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from osteon.synthesis.scanner.fields import spread
from osteon.synthesis.scanner.planes import SUBSLICES, Plane
from osteon.synthesis.scanner.prepared import PreparedBody


def cut(body: PreparedBody, plane: Plane, size: tuple[int, int], spacing_mm: float) -> tuple[Tensor, Tensor]:
    """Materials and classes along a plane and its neighbours.

    Parameters
    ----------
    body : PreparedBody
    plane : Plane
    size : (2,) tuple of int
        Rows and columns.
    spacing_mm : float
        Of the pixels.

    Returns
    -------
    materials : (channel, SUBSLICES, row, column) uint8 Tensor
    classes : (row, column) uint8 Tensor
        At the middle of the middle slice.
    """
    device = body.materials.device
    along, down = _pixels(size, spacing_mm, device)
    displacement = spread(torch.from_numpy(plane.knots).to(device), size)  # (2, 3, row, column)
    points = plane.offsets_mm.reshape(-1, 3)
    across = torch.tensor(points[:, 2], dtype=torch.float32, device=device).view(-1, 1, 1)
    index = torch.zeros((len(points), *size), dtype=torch.int32, device=device)
    for axis, (count, stride) in enumerate(zip(body.materials.shape, body.materials.stride(), strict=True)):
        a, b, c = (float(v) for v in plane.matrix[axis])
        # half a voxel more, since the integer part is taken
        base = displacement[0, axis].add_(along, alpha=a).add_(down, alpha=b).add_(float(plane.origin[axis]) + 0.5)
        slope = displacement[1, axis].add_(c)
        in_plane = torch.tensor(points[:, :2] @ plane.matrix[axis, :2], dtype=torch.float32, device=device)
        place = torch.addcmul(base + in_plane.view(-1, 1, 1), slope, across)
        index.add_(place.clamp_(0, count - 0.5).to(torch.int32), alpha=stride)
    flat = index.view(-1)
    materials = body.materials.view(-1).index_select(0, flat).view(-1, SUBSLICES, *size)
    middle = index[len(points) // 2].reshape(-1)
    classes = body.classes.view(-1).index_select(0, middle).view(size)
    return materials, classes


@lru_cache(maxsize=8)
def _pixels(size: tuple[int, int], spacing_mm: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Distance of pixels from the picture's middle along a row ``(1, column)`` and down a column ``(row, 1)``, mm."""
    down, along = ((torch.arange(n, dtype=torch.float32, device=device) - (n - 1) / 2) * spacing_mm for n in size)
    return along[None, :], down[:, None]
