"""Damaged and hostile files: one clear sentence each, nothing written, no hang, no more memory than they deserve."""

from __future__ import annotations

import gzip
import signal
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from osteon.errors import OsteonError
from osteon.io import read, read_labels, read_ply
from osteon.io.surface_file import read_surface_file
from test_bad_inputs import LEG, array, cut, dicom, nifti, nrrd, text, written

Make = Callable[[Path], object]
SECONDS = 20
MEMORY_BYTES = 48 * 2**20


def nifti2(folder: Path, *sizes: int, name: str = "scan.nii") -> Path:
    """A header that promises any number of voxels, and a few of them."""
    header = nibabel.Nifti2Header()
    header.set_data_dtype(np.int16)
    header["dim"][: len(sizes) + 1] = [len(sizes), *sizes]
    header["vox_offset"] = 544
    raw = header.binaryblock + bytes(200)
    return text(folder / name, gzip.compress(raw) if name.endswith("gz") else raw)


def gzip_bomb(folder: Path) -> Path:
    good = nifti(folder, array()).read_bytes()
    return text(folder / "bomb.nii.gz", gzip.compress(good + bytes(200 * 2**20), compresslevel=1))


def header_lines(folder: Path, *lines: str, suffix: str = ".mha") -> Path:
    return text(folder / f"scan{suffix}", "\n".join(lines).encode() + b"\n" + bytes(100))


def mha(folder: Path, **fields: str) -> Path:
    usual = {"ObjectType": "Image", "NDims": "3", "DimSize": "3 3 3", "ElementSpacing": "1 1 1"}
    last = {"ElementType": "MET_SHORT", "ElementDataFile": "LOCAL"}
    given = usual | last | fields
    order = [name for name in given if name != "ElementDataFile"] + ["ElementDataFile"]  # nothing is read after it
    return header_lines(folder, *(f"{name} = {given[name]}" for name in order if given[name]))


def nrrd_of(folder: Path, **fields: str) -> Path:
    usual = {"type": "short", "dimension": "3", "space": "left-posterior-superior", "sizes": "3 3 3"}
    usual |= {"space directions": "(1,0,0) (0,1,0) (0,0,1)", "endian": "little", "encoding": "raw"}
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in (usual | fields).items() if value]
    return header_lines(folder, "NRRD0004", *lines, "", suffix=".nrrd")


def vtk(folder: Path, face: str, polygons: str = "1 4") -> Path:
    """A legacy VTK file of one triangle, or of what else there is."""
    head = "# vtk DataFile Version 3.0\ns\nASCII\nDATASET POLYDATA\nPOINTS 3 float\n0 0 0\n1 0 0\n0 1 0\n"
    return text(folder / "a.vtk", f"{head}POLYGONS {polygons}\n{face}\n".encode())


def changed(**values: object) -> Callable[[pydicom.Dataset, int], None]:
    """Every slice gets these values, unchecked."""

    def change(image: pydicom.Dataset, n: int) -> None:
        for name, value in values.items():
            setattr(image, name, value)

    return change


def bytes_changed(folder: Path, old: bytes, new: bytes) -> Path:
    """One slice of a good series with some of its bytes exchanged."""
    series = dicom(folder)
    raw = (series / "IM0002.dcm").read_bytes()
    assert raw.count(old) >= 1
    text(series / "IM0002.dcm", raw.replace(old, new, 1))
    return series


POSITION, ROWS = struct.pack("<HH", 0x20, 0x32), struct.pack("<HH", 0x28, 0x10)


def nested(folder: Path) -> Path:
    """A slice that begins with sequences in sequences, none of which ends."""
    start = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    series = dicom(folder)
    raw = (series / "IM0002.dcm").read_bytes()
    at = raw.index(struct.pack("<HH", 0x0008, 0x0016))
    text(series / "IM0002.dcm", raw[:at] + start * 5000 + raw[at:])
    return series


def zipped(folder: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return folder / "scan.zip"


def zipped_series(folder: Path, inside: str = "") -> Path:
    files = sorted(dicom(folder).iterdir())
    return zipped(folder, {f"{inside}{file.name}": file.read_bytes() for file in files})


def zip_entry_damaged(folder: Path) -> Path:
    path = zipped_series(folder)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 0xFF
    return text(path, bytes(raw))


def zip_bomb(folder: Path) -> Path:
    """An entry that claims to be an image and unpacks to zeros without end."""
    image = sorted(dicom(folder).iterdir())[0].read_bytes()
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.dcm", image)
        with archive.open("b.dcm", "w", force_zip64=True) as entry:
            entry.write(image)
    raw = (folder / "bomb.zip").read_bytes()
    # the directory's own claim: three GiB
    at = raw.rindex(b"PK\x01\x02")
    return text(folder / "bomb.zip", raw[: at + 24] + struct.pack("<I", 3 * 2**30) + raw[at + 28 :])


def ply(folder: Path, *lines: str, body: bytes = b"", format_: str = "ascii") -> Path:
    head = "\n".join(["ply", f"format {format_} 1.0", *lines, "end_header"]) + "\n"
    return text(folder / "bone.ply", head.encode() + body)


XYZ = ("property float x", "property float y", "property float z")
LIST = "property list uchar int vertex_indices"
THREE = b"0 0 0\n1 0 0\n0 1 0\n"


def many_labels() -> np.ndarray:
    return np.arange(65_536, dtype=np.uint16).reshape(64, 32, 32)


# what is given, words of the sentence
MALFORMED: dict[str, tuple[Make, str]] = {
    "nifti of 2^45 voxels": (
        lambda d: read(nifti(d, array(), dim=[3, 32767, 32767, 32767, 1, 1, 1, 1])),
        "bytes of voxels where its header promises",
    ),
    "nifti-2 of 2^120 voxels": (
        lambda d: read(nifti2(d, 2**40, 2**40, 2**40)), "bytes of voxels where its header promises",
    ),
    "nifti-2 whose size overflows to zero": (
        lambda d: read(nifti2(d, 2**32, 2**32, 2**10)), "bytes of voxels where its header promises",
    ),
    "gzip of 2^45 voxels": (
        lambda d: read(nifti2(d, 2**15, 2**15, 2**15, name="a.nii.gz")), "more than 61 bytes of gzip can hold",
    ),
    "gzip bomb": (lambda d: read(gzip_bomb(d)), "unpacks to far more"),
    "gzip in gzip": (
        lambda d: read(text(d / "a.nii.gz", gzip.compress(gzip.compress(bytes(999))))), "not a NIfTI image",
    ),
    "nifti of no dimension": (lambda d: read(nifti(d, array(), dim=[0] * 8)), "2-D"),
    "nifti of nine dimensions": (lambda d: read(nifti(d, array(), dim=[9, 4, 5, 6, 1, 1, 1, 1])), "7-D"),
    "negative spacing nifti": (
        lambda d: read(nifti(d, array(), pixdim=[1, 1, -1, 3, 0, 0, 0, 0], sform_code=0)), "every edge must be longer",
    ),
    "NaN spacing nifti": (
        lambda d: read(nifti(d, array(), pixdim=[1, np.nan, 1, 3, 0, 0, 0, 0], sform_code=0)),
        "every edge must be longer",
    ),
    "NaN in the quaternion": (
        lambda d: read(nifti(d, array(), quatern_b=np.nan, qform_code=1, sform_code=0)), "not a finite",
    ),
    "infinite place in the sform": (lambda d: read(nifti(d, array(), srow_z=[0, 0, 3, np.inf])), "not a finite"),
    "voxels at byte NaN": (lambda d: read(nifti(d, array(), vox_offset=np.nan)), "at byte -1"),
    "voxels before the file": (lambda d: read(nifti(d, array(), vox_offset=-400)), "at byte -400"),
    "voxels beyond the file": (
        lambda d: read(nifti(d, array(), vox_offset=1e9)), "bytes of voxels where its header promises",
    ),
    "header of a pair": (
        lambda d: read(text(d / "a.nii", nifti(d, array()).read_bytes().replace(b"n+1", b"ni1"))), "not a NIfTI image",
    ),
    "nifti of bits": (lambda d: read(nifti(d, array(), datatype=1)), "colour"),
    "mha of 2^60 voxels": (lambda d: read(mha(d, DimSize="1048576 1048576 1048576")), r"more than \d+ bytes can hold"),
    "mha of many voxels": (lambda d: read(mha(d, DimSize="20000 20000 20000")), r"more than \d+ bytes can hold"),
    "compressed mha of many voxels": (
        lambda d: read(mha(d, CompressedData="True", DimSize="9999 9999 9999")), r"more than \d+ bytes can hold",
    ),
    "negative size mha": (lambda d: read(mha(d, DimSize="3 -3 3")), "dimsize as 3 -3 3"),
    "mha of no dimension": (lambda d: read(mha(d, NDims="0")), "no number of dimensions"),
    "mha of eleven dimensions": (lambda d: read(mha(d, NDims="11")), "no number of dimensions"),
    "NaN spacing mha": (lambda d: read(mha(d, ElementSpacing="1 nan 1")), "elementspacing as 1 nan 1"),
    "negative spacing mha": (lambda d: read(mha(d, ElementSpacing="1 -1 1")), "elementspacing as 1 -1 1"),
    "NaN direction mha": (
        lambda d: read(mha(d, TransformMatrix="nan 0 0 0 1 0 0 0 1", Offset="0 0 0")), "no place in 3 dimensions",
    ),
    # found by recipes/fuzz_readers.py, and each the end of the process, or for ever, if ITK or VTK is let to it
    "mha of 1e308 dimensions": (lambda d: read(mha(d, NDims="1e308")), "no number of dimensions"),
    "mha in files by a pattern": (lambda d: read(mha(d, ElementDataFile="scan.%s")), "in several files"),
    "mha in files by no step": (lambda d: read(mha(d, ElementDataFile="scan%d.mha 1 1 0")), "in several files"),
    "mha in a list of no files": (lambda d: read(mha(d, ElementDataFile="LIST")), "in several files"),
    "mha from the keyboard": (lambda d: read(mha(d, ElementDataFile="/dev/stdin")), "data file is missing"),
    "mha with four places": (lambda d: read(mha(d, Offset="0 0 0 0")), "offset as 0 0 0 0, which is no place"),
    "nrrd from the keyboard": (lambda d: read(nrrd_of(d, data_file="-")), "data file is missing"),
    "nrrd in files by a pattern": (lambda d: read(nrrd_of(d, data_file="s%d.raw 1 5 1")), "in several files"),
    "VTK with a face beyond its points": (lambda d: read_surface_file(vtk(d, "3 0 1 99")), "damaged or no surface"),
    "VTK with a face before its points": (lambda d: read_surface_file(vtk(d, "3 0 1 -7")), "damaged or no surface"),
    "VTK with a face of one corner": (
        lambda d: read_surface_file(vtk(d, "3 0 1 2\n1 0", polygons="2 6")), "damaged or no surface",
    ),
    "VTK that says what is no text": (
        lambda d: read_surface_file(text(d / "a.vtk", b"\xff\0\0\0 vtk DataFile Version 5.1\nBINARY\n")), "no surface",
    ),
    "mha without a type": (lambda d: read(mha(d, ElementType="")), "cannot be read as MHA"),
    "mha of an unknown type": (lambda d: read(mha(d, ElementType="MET_SPAM")), "cannot be read as MHA"),
    "mha without sizes": (lambda d: read(mha(d, DimSize="")), "cannot be read as MHA"),
    "mha that is all zeros": (lambda d: read(text(d / "scan.mha", bytes(5000))), "cannot be read as MHA"),
    "nrrd of many voxels": (lambda d: read(nrrd_of(d, sizes="20000 20000 20000")), r"more than \d+ bytes can hold"),
    "gzipped nrrd of many voxels": (
        lambda d: read(nrrd_of(d, sizes="9999 9999 9999", encoding="gzip")), "header says gzip",
    ),
    "negative size nrrd": (lambda d: read(nrrd_of(d, sizes="3 -3 3")), "cannot be read as NRRD"),
    "NaN direction nrrd": (lambda d: read(nrrd(d, "(nan,0,0) (0,1,0) (0,0,1)")), "cannot be read as NRRD"),
    "nrrd of 17 dimensions": (lambda d: read(nrrd_of(d, dimension="17")), "cannot be read as NRRD"),
    "nrrd of an unknown type": (lambda d: read(nrrd_of(d, type="spam")), "cannot be read as NRRD"),
    "nrrd of an unknown encoding": (lambda d: read(nrrd_of(d, encoding="spam")), "cannot be read as NRRD"),
    "nrrd that is no gzip": (lambda d: read(nrrd_of(d, encoding="gzip")), "header says gzip"),
    "nrrd without sizes": (lambda d: read(nrrd_of(d, sizes="")), "cannot be read as NRRD"),
    "nrrd whose data file is missing": (lambda d: read(nrrd_of(d, data_file="none.raw")), "data file is missing"),
    "DICOM half a slice": (
        lambda d: [cut(dicom(d) / "IM0002.dcm", 0.5), read(d / "series")], "IM0002.dcm is a damaged DICOM file",
    ),
    "DICOM slice of no bytes": (
        lambda d: [cut(dicom(d) / "IM0002.dcm", 0), read(d / "series")],
        "IM0002.dcm is named as a DICOM file and is not",
    ),
    "DICOM rows of odd length": (
        lambda d: read(bytes_changed(d, ROWS + b"US\2", ROWS + b"US\3")),
        "IM0002.dcm is a damaged DICOM file",
    ),
    "DICOM position as a sequence": (
        lambda d: read(bytes_changed(d, POSITION + b"DS", POSITION + b"SQ")),
        "IM0002.dcm is a damaged DICOM file",
    ),
    "DICOM position of the wrong kind": (
        lambda d: read(bytes_changed(d, POSITION + b"DS", POSITION + b"US")),
        "IM0002.dcm has no position",
    ),
    "DICOM rows as a text": (
        lambda d: read(bytes_changed(d, ROWS + b"US\2\0\5\0", ROWS + b"LO\2\0ab")),
        "IM0002.dcm has a position, .* not a number",
    ),
    "DICOM group length of odd size": (
        lambda d: read(bytes_changed(d, b"\2\0\0\0UL\4\0", b"\2\0\0\0UL\x13\1")),
        "IM0002.dcm is a damaged DICOM file",
    ),
    "DICOM sequences without end": (lambda d: read(nested(d)), "IM0002.dcm is a damaged DICOM file"),
    "DICOM of 65535 rows": (
        lambda d: read(dicom(d, changed(Rows=65535, Columns=65535))), "its pixels end before the 65535 x 65535",
    ),
    "DICOM of no rows": (lambda d: read(dicom(d, changed(Rows=0))), "header ends too early"),
    "DICOM of 2^31 frames": (
        lambda d: read(dicom(d, changed(NumberOfFrames=2**31 - 1))), "2147483647 frames in one file and says of 0",
    ),
    "DICOM of twelve bits a pixel in seven": (lambda d: read(dicom(d, changed(BitsAllocated=7))), "cannot be decoded"),
    "DICOM spacing of zero": (lambda d: read(dicom(d, changed(PixelSpacing=[0, 1]))), "pixel spacing of zero"),
    "DICOM negative spacing": (lambda d: read(dicom(d, changed(PixelSpacing=[-1, 1]))), "pixel spacing of zero"),
    "DICOM position of two numbers": (
        lambda d: read(dicom(d, changed(ImagePositionPatient=[0, 0]))), "has no position",
    ),
    "DICOM orientation of zeros": (
        lambda d: read(dicom(d, changed(ImageOrientationPatient=[0] * 6))), "not of length 1",
    ),
    "DICOM axes not at right angles": (
        lambda d: read(dicom(d, changed(ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0]))), "53.13 degrees apart",
    ),
    "zip that is none": (
        lambda d: read(text(d / "scan.zip", b"PK\x03\x04" + bytes(99))), "scan.zip .*(damaged zip|not an image)",
    ),
    "zip cut short": (lambda d: read(cut(zipped_series(d), 0.7)), "scan.zip .*(damaged zip|not an image)"),
    "zip with a damaged entry": (lambda d: read(zip_entry_damaged(d)), "archive is damaged"),
    "zip that leads out": (lambda d: read(zipped_series(d, "../../")), "leads out of the archive"),
    "zip with an absolute name": (lambda d: read(zipped_series(d, "/tmp/")), "leads out of the archive"),
    "zip with a Windows drive": (lambda d: read(zipped_series(d, "C:\\scans\\\\")), "leads out of the archive"),
    "zip bomb": (lambda d: read(zip_bomb(d)), "at most 64 and 2 GiB"),
    "empty zip": (lambda d: read(zipped(d, {})), "scan.zip holds no DICOM file"),
    "zip of texts": (lambda d: read(zipped(d, {"notes.txt": b"hello"})), "scan.zip holds no DICOM file"),
    "PLY of 10^12 vertices": (
        lambda d: read_ply(ply(d, "element vertex 1000000000000", *XYZ)), "announces more elements",
    ),
    "binary PLY of 10^12 vertices": (
        lambda d: read_ply(ply(d, "element vertex 1000000000000", *XYZ, format_="binary_little_endian")),
        "announces more elements",
    ),
    "PLY of a negative count": (
        lambda d: read_ply(ply(d, "element vertex -3", *XYZ, body=THREE)), "announces more elements",
    ),
    "PLY face beyond its vertices": (
        lambda d: read_ply(ply(d, "element vertex 3", *XYZ, "element face 1", LIST, body=THREE + b"3 0 1 9\\n")),
        "bone.ply .*again",
    ),
    "PLY face beyond all numbers": (
        lambda d: read_ply(
            ply(d, "element vertex 3", *XYZ, "element face 1", LIST, body=THREE + b"3 0 1 99999999999\\n")
        ),
        "bone.ply .*again",
    ),
    "PLY face of a negative vertex": (
        lambda d: read_ply(ply(d, "element vertex 3", *XYZ, "element face 1", LIST, body=THREE + b"3 0 1 -1\\n")),
        "bone.ply .*again",
    ),
    "PLY list without end": (
        lambda d: read_ply(ply(d, "element vertex 3", *XYZ, "element face 1", LIST, body=THREE + b"250 0 1 2\\n")),
        "data end too early",
    ),
    "PLY with NaN": (
        lambda d: read_ply(ply(d, "element vertex 3", *XYZ, body=b"0 0 nan\\n1 0 0\\n0 1 0\\n")), "bone.ply .*again",
    ),
    "PLY without z": (
        lambda d: read_ply(ply(d, "element vertex 3", *XYZ[:2], body=THREE)), "no vertices with x, y and z",
    ),
    "PLY of an unknown type": (
        lambda d: read_ply(ply(d, "element vertex 3", "property spam x", body=THREE)), "damaged PLY header",
    ),
    "PLY of an unknown order": (
        lambda d: read_ply(ply(d, "element vertex 3", *XYZ, body=THREE, format_="spam")), "damaged PLY header",
    ),
    "PLY property of nothing": (lambda d: read_ply(ply(d, *XYZ, "element vertex 3", body=THREE)), "damaged PLY header"),
    "65,536 labels": (lambda d: read_labels(nifti(d, many_labels()), LEG), "5, 6, 7, 8, 9, 10, 15, 16, 17, 18, ...,"),
    "NaN label": (
        lambda d: read_labels(nifti(d, np.full((4, 5, 6), np.nan, "float32")), LEG), "NaN or infinite values in 120",
    ),
    "label map cut short": (lambda d: read_labels(cut(written(d, "l.nii.gz"), 0.5), LEG), "gzip stream ends too early"),
}  # fmt: skip


@contextmanager
def hurried() -> Iterator[None]:
    """Fail rather than hang; Windows has no such alarm."""

    def too_slow(*_: object) -> None:
        raise TimeoutError(f"no answer in {SECONDS} s")

    if sys.platform == "win32":
        yield
        return
    before = signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.filterwarnings("ignore")
def test_a_malformed_file_gets_one_clear_sentence_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    make, words = MALFORMED[name]
    with hurried(), pytest.raises(OsteonError, match=words) as caught:
        make(tmp_path)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message.replace(str(tmp_path), "")) < 500
    assert not list(tmp_path.rglob(".part-*"))


def test_the_table_of_malformed_files_is_long_enough() -> None:
    assert len(MALFORMED) >= 60


@pytest.mark.parametrize(
    "name",
    [name for name in MALFORMED if any(word in name for word in ("many", "2^", "65535", "10^12", "bomb", "65,536"))],
)
@pytest.mark.filterwarnings("ignore")
def test_a_file_that_promises_much_takes_little_memory(tmp_path: Path, name: str) -> None:
    make, _ = MALFORMED[name]
    if name == "gzip bomb":
        gzip_bomb(tmp_path)
        make = lambda folder: read(folder / "bomb.nii.gz")  # noqa: E731
    tracemalloc.start()
    try:
        with hurried(), pytest.raises(OsteonError):
            make(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BYTES


def test_an_empty_label_map_is_read_as_one_without_structures(tmp_path: Path) -> None:
    assert read_labels(nifti(tmp_path, np.zeros((4, 5, 6), np.uint8)), LEG).values() == []


def test_a_scan_of_several_gzip_members_is_read_whole(tmp_path: Path) -> None:
    raw = nifti(tmp_path, array()).read_bytes()
    path = text(tmp_path / "a.nii.gz", gzip.compress(raw[:400]) + gzip.compress(raw[400:]))
    assert np.array_equal(read(path).array, array())


def test_what_follows_the_voxels_is_left_alone(tmp_path: Path) -> None:
    raw = nifti(tmp_path, array()).read_bytes()
    assert np.array_equal(read(text(tmp_path / "a.nii.gz", gzip.compress(raw + bytes(5000)))).array, array())


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_a_nrrd_is_read_in_both_encodings(tmp_path: Path, encoding: str) -> None:
    voxels = array().tobytes(order="F")
    packed = gzip.compress(voxels) if encoding == "gzip" else voxels
    head = "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 5 6\nendian: little\n"
    head += f"encoding: {encoding}\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n\n"
    assert np.array_equal(read(text(tmp_path / "a.nrrd", head.encode() + packed)).array, array())
