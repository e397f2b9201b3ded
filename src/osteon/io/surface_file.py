"""A surface as it stands in a file: its coordinates, and what the file says of their world and unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ReadError
from osteon.geometry import FloatArray, transform_points
from osteon.io.surface import Surface
from osteon.io.vtk_surface import VTK_SUFFIXES, parse_with_vtk
from osteon.io.world import LPS_TO_RAS

Space = Literal["RAS", "LPS"]
Unit = Literal["mm", "cm", "m"]

SURFACE_SUFFIXES = (".ply", *VTK_SUFFIXES)

MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
"""Millimetres of a unit."""

SPACE_SAID = re.compile(r"\bSPACE\s*=\s*(RAS|LPS)\b", re.IGNORECASE)
UNIT_SAID = re.compile(r"\bunits?\s*[:=]?\s*(mm|cm|m|milli|centi|met)(?:met(?:er|re)s?|(?:er|re)s?)?\b", re.IGNORECASE)
UNIT_NAMES: dict[str, Unit] = {"mm": "mm", "milli": "mm", "cm": "cm", "centi": "cm", "m": "m", "met": "m"}


@dataclass(frozen=True, eq=False)
class SurfaceFile:
    """A surface in its file's own coordinates.

    Parameters
    ----------
    path : Path
    vertices : (n, 3) float64 ndarray
    faces : (m, 3) int32 ndarray
    space : "RAS", "LPS" or None
        What a comment says of the world (``SPACE=LPS``, as 3D Slicer writes it); None if nothing does.
    unit : "mm", "cm", "m" or None
        What a comment says of the unit (``units mm``); None if nothing does.
    """

    path: Path
    vertices: FloatArray
    faces: NDArray[np.int32]
    space: Space | None
    unit: Unit | None

    def placed(self, space: Space, unit: Unit) -> Surface:
        """The surface in RAS mm, if its coordinates are of this world and unit."""
        vertices = self.vertices * MM[unit]
        return Surface(vertices if space == "RAS" else transform_points(LPS_TO_RAS, vertices), self.faces)


def read_surface_file(path: str | Path) -> SurfaceFile:
    """Read a surface: PLY (ascii or binary), STL, OBJ, VTP or VTK.

    Polygons become fans of triangles; normals, colours and textures are left aside.

    Raises
    ------
    ReadError
        If the file is missing, of another kind, cut short, or without triangles.
    """
    path = Path(path)
    if not path.is_file():
        raise ReadError(f"There is no file {path}. Check the spelling.")
    suffix = path.suffix.lower()
    if suffix not in SURFACE_SUFFIXES:
        raise ReadError(f"{path} is no surface that Osteon knows. It reads {', '.join(SURFACE_SUFFIXES)}.")
    if suffix == ".ply":
        from osteon.io.ply import parse_ply

        vertices, faces, comments = parse_ply(path.read_bytes(), path)
    else:
        vertices, faces, comments = parse_with_vtk(path)
    _check(vertices, faces, path)
    said = " ".join(comments)
    space, unit = SPACE_SAID.search(said), UNIT_SAID.search(said)
    if "millimet" in said.lower():
        return SurfaceFile(path, vertices, faces, _space(space), "mm")
    return SurfaceFile(path, vertices, faces, _space(space), UNIT_NAMES[unit[1].lower()] if unit else None)


def _space(said: re.Match[str] | None) -> Space | None:
    if said is None:
        return None
    return "RAS" if said[1].upper() == "RAS" else "LPS"


def _check(vertices: FloatArray, faces: NDArray[np.int32], path: Path) -> None:
    if not np.isfinite(vertices).all():
        raise ReadError(f"{path} has vertices that are not finite numbers. Export the surface again.")
    if not len(faces):
        raise ReadError(
            f"{path} holds {len(vertices)} points and no triangle: it is a cloud of points or lines, not a surface. "
            "Export the surface with its faces."
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        worst = int(faces.min()) if faces.min() < 0 else int(faces.max())
        raise ReadError(f"{path} has a face that names vertex {worst} of {len(vertices)}. Export the surface again.")
