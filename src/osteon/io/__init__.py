"""Files in and out: scans, label maps, surfaces. World coordinates become RAS mm here, at the border."""

from osteon.io.conversion import convert
from osteon.io.formats import read, write
from osteon.io.inspection import Inspected, inspect
from osteon.io.labels import read_labels
from osteon.io.scans import is_image, scans_in
from osteon.io.seg import export
from osteon.io.surface import Surface, read_ply, write_ply, write_stl

__all__ = [
    "Inspected",
    "Surface",
    "convert",
    "export",
    "inspect",
    "is_image",
    "read",
    "read_labels",
    "read_ply",
    "scans_in",
    "write",
    "write_ply",
    "write_stl",
]
