"""STL, OBJ and VTK's own surface files (.vtp, .vtk), read by VTK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ReadError
from osteon.geometry import FloatArray

VTK_SUFFIXES = (".stl", ".obj", ".vtp", ".vtk")

STL_HEADER, STL_TRIANGLE = 84, 50
"""Bytes of a binary STL before its triangles, and of each."""


def parse_with_vtk(path: Path) -> tuple[FloatArray, NDArray[np.int32], list[str]]:
    """Vertices, triangles and comments of a file; polygons and strips become triangles.

    Corners of STL triangles that have the very same coordinates become one vertex.

    Returns
    -------
    vertices : (n, 3) float64 ndarray
        In the file's own coordinates.
    faces : (m, 3) int32 ndarray
    comments : list of str
        What the file says about itself, where formats let a program say something.

    Raises
    ------
    ReadError
        If the file is damaged or no surface.
    """
    # vtk takes a quarter of a second to import
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkTriangleFilter

    if path.suffix.lower() == ".stl":
        _refuse_cut_stl(path)
    reader = _reader(path)
    reader.SetFileName(str(path))
    with _messages() as messages:
        reader.Update()
    mesh, said = reader.GetOutput(), messages.GetOutput()
    wrong = b"ERROR" in said if isinstance(said, bytes) else "ERROR" in said  # bytes where it quotes what is no text
    if wrong or mesh is None or not hasattr(mesh, "GetPolys") or not _cells_hold(mesh):
        raise _damaged(path)
    triangles = vtkTriangleFilter()
    triangles.SetInputData(mesh)
    triangles.PassLinesOff()
    triangles.PassVertsOff()
    triangles.Update()
    cells = triangles.GetOutput().GetPolys()
    if not mesh.GetNumberOfPoints() or not cells.GetNumberOfCells():
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int32), _comments(path, mesh)
    if cells.IsHomogeneous() != 3:  # faces of one or two corners come through
        raise _damaged(path)
    vertices = vtk_to_numpy(triangles.GetOutput().GetPoints().GetData()).astype(np.float64)
    faces = vtk_to_numpy(cells.GetConnectivityArray()).reshape(-1, 3).astype(np.int32)
    return vertices, faces, _comments(path, mesh)


def _damaged(path: Path) -> ReadError:
    kind = path.suffix.lstrip(".").upper()
    return ReadError(f"{path} cannot be read as {kind}: it is damaged or no surface. Export the surface again.")


def _cells_hold(mesh: Any) -> bool:
    """Whether every polygon and strip names points that are there: VTK itself would look beyond its memory for them."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    for cells in (mesh.GetPolys(), mesh.GetStrips()):
        offsets, corners = (vtk_to_numpy(a) for a in (cells.GetOffsetsArray(), cells.GetConnectivityArray()))
        if len(offsets) and (offsets[0] != 0 or (np.diff(offsets) < 0).any() or offsets[-1] != len(corners)):
            return False
        if len(corners) and (corners.min() < 0 or corners.max() >= mesh.GetNumberOfPoints()):
            return False
    return True


@contextmanager
def _messages() -> Iterator[Any]:
    """Yield the window that VTK writes to, instead of the terminal."""
    from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow

    window, before = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
    verbosity = vtkLogger.GetCurrentVerbosityCutoff()
    vtkOutputWindow.SetInstance(window)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        yield window
    finally:
        vtkLogger.SetStderrVerbosity(verbosity)
        vtkOutputWindow.SetInstance(before)


def _reader(path: Path) -> Any:
    from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader
    from vtkmodules.vtkIOLegacy import vtkPolyDataReader
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    readers = {".stl": vtkSTLReader, ".obj": vtkOBJReader, ".vtp": vtkXMLPolyDataReader, ".vtk": vtkPolyDataReader}
    return readers[path.suffix.lower()]()


def _refuse_cut_stl(path: Path) -> None:
    """A binary STL says how many triangles it has; its size has to agree."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(512)
    if (start.lstrip().startswith(b"solid") and b"facet" in start) or b"endsolid" in start:
        return
    count = int.from_bytes(start[STL_HEADER - 4 : STL_HEADER], "little")
    if size < STL_HEADER or size < STL_HEADER + STL_TRIANGLE * count:
        there = max(0, size - STL_HEADER) // STL_TRIANGLE
        raise ReadError(
            f"{path} is cut short or no STL: it announces {count} triangles and holds {there}. Copy or export it again."
        )


def _comments(path: Path, mesh: Any) -> list[str]:
    """Header of STL and VTK, comment lines of OBJ, field data of VTP."""
    with path.open("rb") as file:
        start = file.read(4096)
    suffix = path.suffix.lower()
    if suffix == ".stl":
        return [start[:80].split(b"\n")[0].decode("latin-1")]
    lines = start.decode("latin-1").splitlines()
    if suffix == ".vtk":
        return lines[1:2]
    if suffix == ".obj":
        return [line for line in lines if line.startswith("#")]
    space = mesh.GetFieldData().GetAbstractArray("SPACE")
    return [f"SPACE={space.GetValue(0)}"] if space is not None and space.GetNumberOfValues() else []
