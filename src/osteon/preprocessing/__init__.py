"""From a scan to what a network sees: intensity, region, grid, slices with context."""

from osteon.preprocessing.intensity import NORMALISATIONS, normalise
from osteon.preprocessing.prepare import Preprocessing, working_labels, working_volume
from osteon.preprocessing.region import body_box, body_mask, label_box
from osteon.preprocessing.slices import context_offset, slices_with_context

__all__ = [
    "NORMALISATIONS",
    "Preprocessing",
    "body_box",
    "body_mask",
    "context_offset",
    "label_box",
    "normalise",
    "slices_with_context",
    "working_labels",
    "working_volume",
]
