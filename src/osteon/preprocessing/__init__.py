"""From a scan to what a network sees: intensity, region, grid, slices with context."""

from osteon.preprocessing.intensity import NORMALISATIONS, normalise
from osteon.preprocessing.lower_body import (
    LowerBody,
    confirmed,
    everything,
    find_lower_body,
    lower_body_from_slice,
)
from osteon.preprocessing.prepare import (
    Preprocessing,
    TurnedScan,
    resampled_in_plane,
    turned_scan,
    working_grid,
    working_labels,
    working_volume,
)
from osteon.preprocessing.region import body_box, body_mask, label_box
from osteon.preprocessing.side import Side, one_side, side_box
from osteon.preprocessing.slices import context_offset, slices_with_context

__all__ = [
    "NORMALISATIONS",
    "LowerBody",
    "Preprocessing",
    "Side",
    "TurnedScan",
    "body_box",
    "body_mask",
    "confirmed",
    "context_offset",
    "everything",
    "find_lower_body",
    "label_box",
    "lower_body_from_slice",
    "normalise",
    "one_side",
    "resampled_in_plane",
    "side_box",
    "slices_with_context",
    "turned_scan",
    "working_grid",
    "working_labels",
    "working_volume",
]
