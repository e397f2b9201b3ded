"""3-D networks over volumes of any size: overlapping windows, blended."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from osteon.networks.catalogue import Patch

OVERLAP = 0.5
"""Share of its side by which a window overlaps the next."""


def window_logits(
    array: NDArray[np.float32],
    patch: Patch,
    logits: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Logits of a volume: those of windows, each weighted by a Gaussian that trusts its middle most.

    As in nnU-Net (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z), with a standard deviation of an eighth of the
    side. A volume smaller than a window is padded by its edge.

    Parameters
    ----------
    array : (slice, row, column) float32 ndarray
        A working volume.
    patch : (3,) tuple of int
        Size of a window.
    logits : callable
        ``(1, 1, *patch)`` intensities to ``(1, class, *patch)`` logits.

    Returns
    -------
    (class, slice, row, column) float32 ndarray
    """
    import torch
    from monai.inferers import SlidingWindowInferer  # MONAI takes seconds to import

    windows = SlidingWindowInferer(
        patch, sw_batch_size=1, overlap=OVERLAP, mode="gaussian", sigma_scale=0.125, padding_mode="replicate"
    )
    whole = torch.from_numpy(np.ascontiguousarray(array))[None, None]  # (1, 1, slice, row, column)
    blended = windows(whole, lambda window: torch.from_numpy(logits(window.numpy())))
    return np.asarray(blended[0].numpy())
