"""Surfaces of triangles, and their files: PLY and STL in RAS mm, and saying so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import FloatArray
from osteon.io.whole import written_whole


@dataclass(frozen=True, eq=False)
class Surface:
    """A surface of triangles.

    Parameters
    ----------
    vertices : (n, 3) float64 ndarray
        RAS mm.
    faces : (m, 3) int32 ndarray
        Vertex indices; seen from outside, counter-clockwise.
    """

    vertices: FloatArray
    faces: NDArray[np.int32]

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", np.asarray(self.vertices, dtype=np.float64).reshape(-1, 3))
        object.__setattr__(self, "faces", np.asarray(self.faces, dtype=np.int32).reshape(-1, 3))

    def __repr__(self) -> str:
        return (
            f"Surface(vertices: {len(self.vertices)}; faces: {len(self.faces)}; "
            f"volume: {self.volume_mm3 / 1000:.2f} cm3; {'closed' if self.is_closed() else 'open'})"
        )

    @property
    def volume_mm3(self) -> float:
        """Enclosed volume by the divergence theorem; negative where the faces look inward."""
        if not len(self.faces):
            return 0.0
        # from the middle of the surface, so that far from the origin no digits cancel
        a, b, c = self._corners(self.vertices.mean(axis=0))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    @property
    def area_mm2(self) -> float:
        """Sum of the triangles' areas."""
        a, b, c = self._corners(np.zeros(3))
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    def is_closed(self) -> bool:
        """Whether every edge belongs to two faces that run along it in opposite ways (and there are faces)."""
        if not len(self.faces):
            return False
        edges = self.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64)  # (m, 3, 2) -> (3 m, 2)
        n = len(self.vertices)
        forth, back = edges[:, 0] * n + edges[:, 1], edges[:, 1] * n + edges[:, 0]
        directed = np.unique(forth)
        return len(directed) == len(forth) and np.array_equal(directed, np.unique(back))

    def _corners(self, origin: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        a, b, c = (self.vertices[self.faces] - origin).transpose(1, 0, 2)  # (m, 3, 3) -> (3, m, 3)
        return a, b, c


def write_ply(surface: Surface, path: str | Path) -> None:
    """Write binary little-endian PLY with ``comment SPACE=RAS``: float32 vertices (mm), int32 triangles."""
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment SPACE=RAS\ncomment millimetres\n"
        f"element vertex {len(surface.vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(surface.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    faces = np.zeros(len(surface.faces), dtype=[("n", "u1"), ("v", "<i4", (3,))])
    faces["n"], faces["v"] = 3, surface.faces
    with written_whole(Path(path)) as part:
        part.write_bytes(header.encode("ascii") + surface.vertices.astype("<f4").tobytes() + faces.tobytes())


def write_stl(surface: Surface, path: str | Path) -> None:
    """Write binary STL with ``SPACE=RAS`` in its header (80 bytes, as 3D Slicer reads it), mm."""
    a, b, c = surface._corners(np.zeros(3))
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    triangles = np.zeros(len(a), dtype=[("points", "<f4", (4, 3)), ("attribute", "<u2")])
    unit = np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)
    triangles["points"] = np.stack([unit, a, b, c], axis=1)
    with written_whole(Path(path)) as part:
        part.write_bytes(
            b"Osteon SPACE=RAS mm".ljust(80) + np.uint32(len(a)).astype("<u4").tobytes() + triangles.tobytes()
        )


def read_ply(path: str | Path) -> Surface:
    """Read a PLY surface, ascii or binary; faces of more than three corners become fans of triangles.

    The coordinates are taken as RAS mm, unless a comment says ``SPACE=LPS``.

    Raises
    ------
    ReadError
        If the file is missing, no PLY, cut short, without faces, or its faces name vertices that are not there.
    """
    from osteon.io.surface_file import read_surface_file

    file = read_surface_file(path)
    return file.placed(file.space or "RAS", "mm")
