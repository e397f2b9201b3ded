"""Files in and out: scans, label maps, surfaces. World coordinates become RAS mm here, at the border."""

from osteon.io.formats import is_image, read, read_labels, scans_in, write
from osteon.io.surface import Surface, read_ply, write_ply, write_stl

__all__ = [
    "Surface",
    "is_image",
    "read",
    "read_labels",
    "read_ply",
    "scans_in",
    "write",
    "write_ply",
    "write_stl",
]
