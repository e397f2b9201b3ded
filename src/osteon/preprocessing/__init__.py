"""From a scan to what a network sees: intensity, region, grid, slices with context."""

from osteon.preprocessing.intensity import NORMALISATIONS, normalise
from osteon.preprocessing.prepare import Preprocessing, working_labels, working_volume
from osteon.preprocessing.region import body_box, body_mask, label_box
from osteon.preprocessing.side import Side, one_side, side_box
from osteon.preprocessing.slices import context_offset, slices_with_context

__all__ = [
    "NORMALISATIONS",
    "Preprocessing",
    "Side",
    "body_box",
    "body_mask",
    "context_offset",
    "label_box",
    "normalise",
    "one_side",
    "side_box",
    "slices_with_context",
    "working_labels",
    "working_volume",
]
