"""Surfaces of every format come in with their world and unit, or are refused with one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from osteon.errors import ReadError
from osteon.io import Surface, write_ply, write_stl
from osteon.io.surface_file import SurfaceFile, read_surface_file
from solids import ball

BALL = ball(12, (30, -20, 5), corners=300)


def polydata(surface: Surface) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    points, cells, mesh = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(surface.vertices, deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(surface.faces.astype(np.int64).ravel(), deep=True))
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    return mesh


def by_vtk(surface: Surface, path: Path, space: str | None) -> Path:
    """Write as 3D Slicer does: its header, and a field of .vtp, name the world."""
    from vtkmodules.vtkCommonCore import vtkStringArray
    from vtkmodules.vtkIOGeometry import vtkOBJWriter, vtkSTLWriter
    from vtkmodules.vtkIOLegacy import vtkPolyDataWriter
    from vtkmodules.vtkIOPLY import vtkPLYWriter
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    writers = {".stl": vtkSTLWriter, ".obj": vtkOBJWriter, ".vtk": vtkPolyDataWriter, ".vtp": vtkXMLPolyDataWriter}
    mesh, writer = polydata(surface), (writers | {".ply": vtkPLYWriter})[path.suffix]()
    said = f"3D Slicer output. SPACE={space}"
    if space and path.suffix in (".vtk", ".stl"):
        writer.SetHeader(said)
    elif space and path.suffix == ".ply":
        writer.AddComment(said)
    elif space and path.suffix == ".vtp":
        array = vtkStringArray()
        array.SetName("SPACE")
        array.InsertNextValue(space)
        mesh.GetFieldData().AddArray(array)
    writer.SetFileName(str(path))
    writer.SetInputData(mesh)
    writer.Write()
    if space and path.suffix == ".obj":
        path.write_text(f"# {said}\n{path.read_text()}")
    return path


def placed(file: SurfaceFile) -> Surface:
    return file.placed(file.space or "RAS", file.unit or "mm")


@pytest.mark.parametrize("suffix", [".ply", ".stl", ".obj", ".vtk", ".vtp"])
@pytest.mark.parametrize("space", ["RAS", "LPS", None])
def test_every_format_comes_in_with_its_world(tmp_path: Path, suffix: str, space: str | None) -> None:
    given = BALL if space != "LPS" else Surface(BALL.vertices * (-1, -1, 1), BALL.faces)
    file = read_surface_file(by_vtk(given, tmp_path / f"s{suffix}", space))
    assert file.space == space
    assert file.unit is None
    surface = placed(file)
    assert surface.is_closed()
    assert surface.volume_mm3 == pytest.approx(BALL.volume_mm3, rel=1e-4)
    np.testing.assert_allclose(surface.vertices.mean(axis=0), (30, -20, 5), atol=0.2)


@pytest.mark.parametrize("write", [write_ply, write_stl])
def test_own_files_say_their_world(tmp_path: Path, write: Any) -> None:
    path = tmp_path / ("s.ply" if write is write_ply else "s.stl")
    write(BALL, path)
    assert read_surface_file(path).space == "RAS"


@pytest.mark.parametrize(
    ("said", "unit"),
    [("units mm", "mm"), ("unit: cm", "cm"), ("unit=m", "m"), ("units metres", "m"), ("unit millimeters", "mm"),
     ("units centimetre", "cm"), ("made by unittest", None), ("unit mmHg", None), ("nothing", None)],
)  # fmt: skip
def test_the_unit_that_a_comment_names_is_taken(tmp_path: Path, said: str, unit: str | None) -> None:
    write_ply(BALL, tmp_path / "s.ply")
    raw = (tmp_path / "s.ply").read_bytes().replace(b"comment millimetres", f"comment {said}".encode())
    (tmp_path / "s.ply").write_bytes(raw)
    assert read_surface_file(tmp_path / "s.ply").unit == unit


def test_ascii_stl_and_quadrilaterals_of_obj_are_read(tmp_path: Path) -> None:
    facets = "".join(
        "facet normal 0 0 0\nouter loop\n" + "".join(f"vertex {x} {y} {z}\n" for x, y, z in BALL.vertices[face])
        + "endloop\nendfacet\n" for face in BALL.faces
    )  # fmt: skip
    (tmp_path / "a.stl").write_text(f"solid SPACE=LPS\n{facets}endsolid\n")
    file = read_surface_file(tmp_path / "a.stl")
    assert (file.space, len(file.vertices), len(file.faces)) == ("LPS", 300, len(BALL.faces))
    corners = [(x, y, z) for z in (0, 1) for y in (0, 1) for x in (0, 1)]
    quads = [(1, 3, 4, 2), (5, 6, 8, 7), (1, 2, 6, 5), (3, 7, 8, 4), (1, 5, 7, 3), (2, 4, 8, 6)]
    lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {a} {b} {c} {d}" for a, b, c, d in quads]
    (tmp_path / "cube.obj").write_text("\n".join(lines) + "\n")
    cube = placed(read_surface_file(tmp_path / "cube.obj"))
    assert cube.volume_mm3 == pytest.approx(1)


def damaged(path: Path, kind: str) -> Path:
    if kind == "cut.stl":
        write_stl(BALL, path)
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "huge.stl":
        path.write_bytes(b"x" * 80 + (2**32 - 1).to_bytes(4, "little") + b"\0" * 50)
    elif kind == "huge.ply":
        path.write_bytes(b"ply\nformat ascii 1.0\nelement vertex 999999999999\nend_header\n")
    elif kind == "negative.ply":
        path.write_bytes(b"ply\nformat ascii 1.0\nelement vertex -5\nproperty float x\nend_header\n1 2 3\n")
    elif kind == "cloud.ply":
        write_ply(Surface(BALL.vertices, np.zeros((0, 3))), path)
    elif kind == "nan.ply":
        write_ply(Surface(np.where(BALL.vertices > 30, np.nan, BALL.vertices), BALL.faces), path)
    elif kind == "cut.vtp":
        by_vtk(BALL, path, "RAS")
        path.write_bytes(path.read_bytes()[:700])
    elif kind == "text.obj":
        path.write_text("no surface at all\n")
    elif kind == "other.vtk":
        path.write_text("# vtk DataFile Version 4.2\nx\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS 2 2 2\n")
    elif kind == "scan.nii":
        path.write_bytes(b"\0" * 400)
    else:
        path.write_bytes(b"")
    return path


KINDS = ["cut.stl", "huge.stl", "huge.ply", "negative.ply", "cloud.ply", "nan.ply", "cut.vtp", "text.obj", "other.vtk",
         "scan.nii", "empty.ply", "empty.stl", "empty.vtp", "empty.vtk", "empty.obj"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_or_foreign_file_is_refused_with_its_name_and_a_remedy(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ReadError) as raised:
        read_surface_file(damaged(tmp_path / kind, kind))
    assert kind in str(raised.value)
    assert str(raised.value).count(". ") <= 3
    assert capfd.readouterr().err == "", "VTK keeps its messages to itself"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="There is no file"):
        read_surface_file(tmp_path / "none.ply")
