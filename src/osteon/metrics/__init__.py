"""Agreement of two label maps."""

from osteon.metrics.agreement import agreement
from osteon.metrics.evaluate import evaluate
from osteon.metrics.overlap import Overlap, overlap
from osteon.metrics.summary import detection, summarise, without_partner
from osteon.metrics.surface_distance import SurfaceDistances, surface_distances

__all__ = [
    "Overlap",
    "SurfaceDistances",
    "agreement",
    "detection",
    "evaluate",
    "overlap",
    "summarise",
    "surface_distances",
    "without_partner",
]
