"""Label maps, masks and surfaces, from one to the other."""

from osteon.masks.combination import Combined, combine
from osteon.masks.naming import assigned
from osteon.masks.overlay import Overlap
from osteon.masks.region import SliceRange, region
from osteon.masks.surfaces import FromSurfaces, SurfaceMask, surfaces_to_labels
from osteon.masks.to_surface import surfaces_of

__all__ = [
    "Combined",
    "FromSurfaces",
    "Overlap",
    "SliceRange",
    "SurfaceMask",
    "assigned",
    "combine",
    "region",
    "surfaces_of",
    "surfaces_to_labels",
]
