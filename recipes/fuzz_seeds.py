"""Small good files of every format that is read, and how to damage them: for ``fuzz_readers.py``."""

from __future__ import annotations

import contextlib
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

SUFFIXES = {
    "nifti": ".nii",
    "nifti-gz": ".nii.gz",
    "labels": ".nii",
    "nrrd": ".nrrd",
    "metaimage": ".mha",
    "dicom": ".dcm",
    "zip": ".zip",
    "ply": ".ply",
    "stl": ".stl",
    "obj": ".obj",
    "vtp": ".vtp",
    "vtk": ".vtk",
}
"""Readers, and how their files are named."""

SURFACES = ("ply", "stl", "obj", "vtp", "vtk")

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])

NUMBERS = (0, 1, -1, 2, 7, 127, 128, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**62)
REALS = (0.0, -1.0, float("nan"), float("inf"), 1e-40, 1e30, 1e300, 0.5)
WORDS = (
    *(b"0", b"-1", b"nan", b"1e308", b"inf", b"99999999999", b"65536", b"", b"a", b"none"),
    *(b"(1,0,0)", b"1 1 1 1", b"LIST", b"%d", b"-", b"/dev/stdin", b"..", b"\0"),
)


def seeds(reader: str, folder: Path) -> list[bytes]:
    """Small good files of a format; for ``dicom`` their good neighbours stay in ``folder``."""
    if reader in SURFACES:
        return _surfaces(reader, folder)
    if reader in ("dicom", "zip"):
        return _dicom(reader, folder)
    return _images(reader, folder)


def damaged(good: list[bytes]) -> Any:
    """Strategy of hypothesis: a good file with some places overwritten, words exchanged, its end cut off."""
    from hypothesis import strategies as st

    packed = [struct.pack("<q", n)[:size] for n in NUMBERS for size in (1, 2, 4, 8)]
    packed += [struct.pack("<d", r) for r in REALS]
    for real in REALS:
        with contextlib.suppress(OverflowError):
            packed.append(struct.pack("<f", real))
    edit = st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from(packed), st.sampled_from(WORDS))

    def changed(data: bytes, edits: list[tuple[bool, float, bytes, bytes]], kept: float) -> bytes:
        for binary, where, raw, word in edits:
            at = int(where**2 * len(data))  # more often in the header
            if binary:
                data = data[:at] + raw + data[at + len(raw) :]
            elif tokens := list(re.finditer(rb"[\w.+-]+", data)):
                token = tokens[int(where * (len(tokens) - 1))]
                data = data[: token.start()] + word + data[token.end() :]
        return data[: int(kept * len(data))]

    whole_or_cut = st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1))
    return st.builds(changed, st.sampled_from(good), st.lists(edit, min_size=1, max_size=4), whole_or_cut)


def _scan() -> Any:
    from osteon.volume import Volume

    return Volume((np.arange(60).reshape(3, 4, 5) % 5).astype(np.int16), np.diag([1.0, 1.5, 2.0, 1.0]))


def _images(reader: str, folder: Path) -> list[bytes]:
    from osteon.io import write

    scan, path = _scan(), folder / f"seed{SUFFIXES[reader]}"
    write(scan, path)
    found, voxels = [path.read_bytes()], scan.array.tobytes(order="F")
    if reader == "nrrd":
        head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 3 4 5\nspacings: 1 1 2\nendian: little\nencoding: raw\n"
        found += [head.encode() + b"\n" + voxels, f"{head}data file: beside.raw\n".encode()]
    if reader == "metaimage":
        head = "ObjectType = Image\nNDims = 3\nDimSize = 3 4 5\nElementType = MET_SHORT\nElementSpacing = 1 1 2\n"
        found += [f"{head}ElementDataFile = {name}\n".encode() + voxels for name in ("LOCAL", "beside.raw")]
    (folder / "beside.raw").write_bytes(voxels)
    return found


def _dicom(reader: str, folder: Path) -> list[bytes]:
    import pydicom

    from osteon.io.dicom import write_dicom_series

    write_dicom_series(_scan(), folder / "good", description="T1", seed=1)
    files = sorted((folder / "good").iterdir())
    if reader == "zip":
        import zipfile

        with zipfile.ZipFile(folder / "seed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files[:2]:
                archive.write(file, file.name)
        return [(folder / "seed.zip").read_bytes()]
    image = pydicom.dcmread(files[1])
    image.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    image.save_as(folder / "rle.dcm")
    found = [files[1].read_bytes(), (folder / "rle.dcm").read_bytes()]
    files[1].unlink()
    return found


def _surfaces(reader: str, folder: Path) -> list[bytes]:
    from osteon.io import Surface, write_ply, write_stl

    path = folder / f"seed{SUFFIXES[reader]}"
    surface = Surface(np.eye(4, 3), TETRAHEDRON)
    corners = "\n".join(" ".join(f"{x:g}" for x in vertex) for vertex in surface.vertices)
    if reader == "ply":
        write_ply(surface, path)
        head = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
        list_ = "element face 1\nproperty list uchar int vertex_index\nend_header\n"
        return [path.read_bytes(), f"{head}{list_}{corners}\n3 0 1 2\n".encode()]
    if reader == "stl":
        write_stl(surface, path)
        facet = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
        return [path.read_bytes(), f"solid a\n{facet}endsolid a\n".encode()]
    if reader == "obj":
        faces = "".join(f"f {a + 1} {b + 1}//1 {c + 1}\n" for a, b, c in TETRAHEDRON)
        return [f"# SPACE=RAS\nvn 0 0 1\nv {corners.replace(chr(10), chr(10) + 'v ')}\n{faces}".encode()]
    return _written_by_vtk(reader, surface, path)


def _written_by_vtk(reader: str, surface: Any, path: Path) -> list[bytes]:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkIOLegacy import vtkPolyDataWriter
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    points, cells, mesh = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(surface.vertices, deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(surface.faces.ravel().astype(np.int64), deep=True))
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    found = []
    for binary in (False, True):
        writer = vtkXMLPolyDataWriter() if reader == "vtp" else vtkPolyDataWriter()
        writer.SetFileName(str(path))
        writer.SetInputData(mesh)
        if reader == "vtp":
            writer.SetDataModeToAppended() if binary else writer.SetDataModeToAscii()
        else:
            writer.SetFileTypeToBinary() if binary else writer.SetFileTypeToASCII()
        writer.Write()
        found.append(path.read_bytes())
    return found
