"""Surfaces measure as their shapes do, and come back from their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from osteon.errors import ReadError
from osteon.io import Surface, read_ply, write_ply, write_stl

CUBE_FACES = np.array([[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4],
                       [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7]])  # fmt: skip
CUBE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], dtype=float)


def box(size: tuple[float, float, float] = (2, 3, 4), at: float = 0) -> Surface:
    return Surface(CUBE * size + at, CUBE_FACES)


def sphere(radius: float, n: int = 4000) -> Surface:
    """Convex hull of points spread evenly on a sphere (golden spiral), faces outward."""
    k = np.arange(n) + 0.5
    polar, around = np.arccos(1 - 2 * k / n), np.pi * (1 + 5**0.5) * k
    points = radius * np.stack([np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1)
    faces = ConvexHull(points).simplices
    a, b, c = points[faces].transpose(1, 0, 2)
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    faces[inward] = faces[inward][:, ::-1]
    return Surface(points, faces)


@pytest.mark.parametrize("at", [0.0, 5000.0])
def test_a_box_has_its_volume_and_area_wherever_it_lies(at: float) -> None:
    assert box(at=at).volume_mm3 == pytest.approx(24, rel=1e-9)
    assert box(at=at).area_mm2 == pytest.approx(52, rel=1e-9)
    assert box().is_closed()


def test_a_sphere_has_nearly_its_volume_and_area() -> None:
    ball = sphere(20)
    assert ball.is_closed()
    assert ball.volume_mm3 == pytest.approx(4 / 3 * np.pi * 20**3, rel=3e-3)
    assert ball.area_mm2 == pytest.approx(4 * np.pi * 20**2, rel=3e-3)


def test_faces_that_look_inward_give_a_negative_volume() -> None:
    inward = Surface(box().vertices, box().faces[:, ::-1])
    assert inward.volume_mm3 == pytest.approx(-24)
    assert inward.is_closed()


@pytest.mark.parametrize(
    "faces", [CUBE_FACES[:-1], np.vstack([CUBE_FACES[:1, ::-1], CUBE_FACES[1:]]), np.zeros((0, 3))],
    ids=["a hole", "one face turned", "no faces"],
)  # fmt: skip
def test_what_is_not_closed_says_so(faces: np.ndarray) -> None:
    assert not Surface(CUBE, faces).is_closed()


def test_a_surface_of_nothing_measures_nothing() -> None:
    empty = Surface(np.zeros((0, 3)), np.zeros((0, 3), dtype=int))
    assert empty.volume_mm3 == empty.area_mm2 == 0


def test_ply_comes_back(tmp_path: Path) -> None:
    write_ply(sphere(12, 300), tmp_path / "s.ply")
    back = read_ply(tmp_path / "s.ply")
    np.testing.assert_allclose(back.vertices, sphere(12, 300).vertices, atol=1e-5)
    np.testing.assert_array_equal(back.faces, sphere(12, 300).faces)
    assert b"comment SPACE=RAS" in (tmp_path / "s.ply").read_bytes()[:200]


def test_vtk_reads_ply_and_stl_as_they_are(tmp_path: Path) -> None:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkMassProperties
    from vtkmodules.vtkIOGeometry import vtkSTLReader
    from vtkmodules.vtkIOPLY import vtkPLYReader

    write_ply(box(at=7), tmp_path / "b.ply")
    write_stl(box(at=7), tmp_path / "b.stl")
    for reader, name in ((vtkPLYReader(), "b.ply"), (vtkSTLReader(), "b.stl")):
        reader.SetFileName(str(tmp_path / name))
        reader.Update()
        mass = vtkMassProperties()
        mass.SetInputConnection(reader.GetOutputPort())
        assert mass.GetVolume() == pytest.approx(24)
        points = vtk_to_numpy(reader.GetOutput().GetPoints().GetData())
        np.testing.assert_allclose((points.min(axis=0), points.max(axis=0)), ((7, 7, 7), (9, 10, 11)))
    assert b"SPACE=RAS" in (tmp_path / "b.stl").read_bytes()[:80]


def test_stl_normals_point_outward(tmp_path: Path) -> None:
    write_stl(box(), tmp_path / "b.stl")
    kind = [("points", "<f4", (4, 3)), ("attribute", "<u2")]
    triangles = np.frombuffer((tmp_path / "b.stl").read_bytes()[84:], dtype=kind)["points"]
    outward = triangles[:, 1:].mean(axis=1) - (1, 1.5, 2)
    assert (np.einsum("ij,ij->i", triangles[:, 0], outward) > 0).all()


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("order", ["little", "big"])
def test_ply_of_other_programs_is_read(tmp_path: Path, binary: bool, order: str) -> None:
    """Doubles, normals, quadrilaterals beside triangles, extra elements; ascii and both byte orders."""
    name = f"binary_{order}_endian" if binary else "ascii"
    header = (
        f"ply\nformat {name} 1.0\ncomment made elsewhere\nelement vertex 8\nproperty double x\nproperty double y\n"
        "property double z\nproperty uchar red\nelement face 7\nproperty list uchar uint vertex_index\nend_header\n"
    )
    quads = [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6]]
    faces = [*quads, [3, 0, 4], [3, 4, 7]]
    mark = "<" if order == "little" else ">"
    if binary:
        body = b"".join(row.astype(f"{mark}f8").tobytes() + b"\7" for row in CUBE)
        body += b"".join(bytes([len(f)]) + np.array(f, dtype=f"{mark}u4").tobytes() for f in faces)
    else:
        rows = ["{} {} {} 7".format(*row) for row in CUBE] + [" ".join(map(str, [len(f), *f])) for f in faces]
        body = "\n".join(rows).encode()
    (tmp_path / "s.ply").write_bytes(header.encode() + body)
    surface = read_ply(tmp_path / "s.ply")
    assert surface.volume_mm3 == pytest.approx(1)
    assert surface.is_closed()


def test_a_ply_that_says_lps_lands_in_ras(tmp_path: Path) -> None:
    write_ply(box(), tmp_path / "s.ply")
    raw = (tmp_path / "s.ply").read_bytes().replace(b"SPACE=RAS", b"SPACE=LPS")
    (tmp_path / "s.ply").write_bytes(raw)
    surface = read_ply(tmp_path / "s.ply")
    np.testing.assert_allclose(surface.vertices.min(axis=0), (-2, -3, 0))
    assert surface.volume_mm3 == pytest.approx(24)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-5], lambda raw: raw[: raw.index(b"end_header") + 40],
                                    lambda raw: raw.replace(b"property float x", b"property float q")])  # fmt: skip
def test_a_damaged_ply_is_refused(tmp_path: Path, damage) -> None:
    write_ply(box(), tmp_path / "s.ply")
    (tmp_path / "s.ply").write_bytes(damage((tmp_path / "s.ply").read_bytes()))
    with pytest.raises(ReadError, match=r"s\.ply"):
        read_ply(tmp_path / "s.ply")


@pytest.mark.realdata
def test_real_bones_are_closed_and_of_plausible_volume(data: Path) -> None:
    for path in sorted((data / "leg-shapes" / "femora").glob("*femur.ply")):
        assert 1e5 < read_ply(path).volume_mm3 < 1.2e6, path.name
