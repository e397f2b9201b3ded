"""Whatever a user gives that cannot be used is refused with a sentence that says what, where and what to do."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813

from osteon.anatomy import Task
from osteon.errors import GeometryError, OsteonError, ReadError, TaskError, UsageError
from osteon.io import read, read_labels, scans_in, write
from osteon.io.dicom import list_series, write_dicom_series
from osteon.volume import Volume

LEG = Task.load("leg-bones")
Make = Callable[[Path], object]


def array(dtype: str = "int16") -> np.ndarray:
    return (np.arange(4 * 5 * 6).reshape(4, 5, 6) % 5).astype(dtype)


def scan(dtype: str = "int16") -> Volume:
    return Volume(array(dtype), np.diag([1.0, 1.0, 3.0, 1.0]))


def nifti(folder: Path, data: np.ndarray, name: str = "scan.nii", **fields: object) -> Path:
    """A NIfTI file whose header fields are set by hand afterwards."""
    path = folder / name
    nibabel.Nifti1Image(data, np.diag([1.0, 1.0, 3.0, 1.0])).to_filename(path)
    raw = path.read_bytes()
    header = nibabel.Nifti1Header(raw[:348], check=False)
    for field, value in fields.items():
        header[field] = value
    path.write_bytes(header.binaryblock + raw[348:])
    return path


def cut(path: Path, keep: float) -> Path:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * keep)])
    return path


def written(folder: Path, name: str) -> Path:
    rng = np.random.default_rng(0)
    write(Volume(rng.integers(0, 900, (16, 16, 8)).astype(np.int16), np.eye(4)), folder / name)
    return folder / name


def text(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def metaimage(folder: Path, *lines: str, size: str = "3 3 3") -> Path:
    head = f"ObjectType = Image\nNDims = {len(size.split())}\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
    tail = f"DimSize = {size}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    voxels = bytes(2 * int(np.prod([int(n) for n in size.split()])))
    return text(folder / "scan.mha", (head + "\n".join([*lines, tail])).encode() + voxels)


def nrrd(folder: Path, directions: str) -> Path:
    head = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 3 3 3\nendian: little\n"
        f"encoding: raw\nspace directions: {directions}\nspace origin: (0,0,0)\n\n"
    )
    return text(folder / "scan.nrrd", head.encode() + bytes(54))


def colour(folder: Path, name: str) -> Path:
    image = sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), dtype=np.uint8), isVector=True)
    sitk.WriteImage(image, str(folder / name))
    return folder / name


def with_value(value: float) -> np.ndarray:
    data = array("float32")
    data[1, 2, 3] = value
    return data


def dicom(folder: Path, change: Callable[[pydicom.Dataset, int], None] | None = None) -> Path:
    """A phantom series of six slices, each image changed by hand."""
    write_dicom_series(scan(), folder / "series", description="T1", seed=1)
    for n, file in enumerate(sorted((folder / "series").iterdir())):
        image = pydicom.dcmread(file)
        if change is not None:
            change(image, n)
            image.save_as(file)
    return folder / "series"


def lose(folder: Path, *slices: int) -> Path:
    for n in slices:
        (folder / f"IM{n:04d}.dcm").unlink()
    return folder


def tilt(image: pydicom.Dataset, n: int) -> None:
    image.ImagePositionPatient[1] += 0.5 * n


def shift_one(image: pydicom.Dataset, n: int) -> None:
    if n == 3:
        image.ImagePositionPatient[2] += 0.9


def turn_one(image: pydicom.Dataset, n: int) -> None:
    if n == 3:
        image.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


def shrink_one(image: pydicom.Dataset, n: int) -> None:
    if n == 3:
        image.Rows, image.PixelData = 3, image.PixelData[: 2 * 3 * image.Columns]


def stretch_one(image: pydicom.Dataset, n: int) -> None:
    if n == 3:
        image.PixelSpacing = [1.5, 1.5]


def two_at_each_place(image: pydicom.Dataset, n: int) -> None:
    image.ImagePositionPatient[2] = 3 * (n // 2)


def side_by_side(image: pydicom.Dataset, n: int) -> None:
    image.ImagePositionPatient = [5 * n, 0, 0]


def without(name: str) -> Callable[[pydicom.Dataset, int], None]:
    def change(image: pydicom.Dataset, n: int) -> None:
        delattr(image, name)

    return change


def in_colour(image: pydicom.Dataset, n: int) -> None:
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "RGB", 0
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelData = 7, bytes(image.Rows * image.Columns * 3)


def short_of_pixels(image: pydicom.Dataset, n: int) -> None:
    image.PixelData = image.PixelData[:10]


def unknown_compression(image: pydicom.Dataset, n: int) -> None:
    image.PixelData = pydicom.encaps.encapsulate([b"not a stream"])
    image.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    image["PixelData"].is_undefined_length = True


def many_frames(image: pydicom.Dataset, n: int) -> None:
    image.NumberOfFrames, image.PixelData = 6, image.PixelData * 6


def no_number(folder: Path) -> Path:
    series = dicom(folder)
    raw = (series / "IM0002.dcm").read_bytes()
    assert raw.count(b"1.0\\1.0") == 1
    text(series / "IM0002.dcm", raw.replace(b"1.0\\1.0", b"1.0\\a.b"))
    return series


def truncated_slice(folder: Path) -> Path:
    series = dicom(folder)
    file = series / "IM0003.dcm"
    file.write_bytes(file.read_bytes()[:500])
    return series


def two_series(folder: Path) -> Path:
    series = dicom(folder)
    write_dicom_series(scan(), folder / "other", description="T2", seed=2)
    for file in (folder / "other").iterdir():
        shutil.move(file, series / f"other{file.name}")
    return series


def only_a_report(folder: Path) -> Path:
    series = lose(dicom(folder), 2, 3, 4, 5, 6)
    report = pydicom.dcmread(series / "IM0001.dcm")
    for name in ("Rows", "Columns", "PixelData"):
        delattr(report, name)
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    report.save_as(series / "IM0001.dcm")
    return series


def an_empty_folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def a_folder_of_texts(folder: Path) -> Path:
    text(an_empty_folder(folder) / "notes.txt", "hello")
    return folder / "nothing"


def damaged_gzip(folder: Path) -> Path:
    path = written(folder, "scan.nii.gz")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    return text(path, bytes(raw))


def gzip_of_wrong_sum(folder: Path) -> Path:
    path = written(folder, "scan.nii.gz")
    raw = bytearray(path.read_bytes())
    raw[-8] ^= 0xFF
    return text(path, bytes(raw))


SHEARED = np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
ROWS = {f"srow_{axis}": SHEARED[n] for n, axis in enumerate("xyz")}
UNIT = ("TransformMatrix = 1 0 0 0 1 0 0 0 1", "Offset = 0 0 0", "ElementSpacing = 1 1 1")
EYE4 = ("TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", "Offset = 0 0 0 0", "ElementSpacing = 1 1 1 1")

# what is given (made in a fresh folder), the error's class, words of its message
BAD: dict[str, tuple[Make, type[OsteonError], str]] = {
    "missing file": (lambda d: read(d / "none.nii.gz"), ReadError, "There is no file or folder"),
    "missing folder": (lambda d: scans_in(d / "none"), ReadError, "There is no file or folder"),
    "empty file": (lambda d: read(text(d / "scan.nii.gz", "")), ReadError, "is empty"),
    "empty folder": (lambda d: read(an_empty_folder(d)), ReadError, "is empty"),
    "empty folder of scans": (lambda d: scans_in(an_empty_folder(d)), ReadError, "is empty"),
    "folder of texts": (lambda d: read(a_folder_of_texts(d)), ReadError, "holds no DICOM file among its 1"),
    "folder of texts as scans": (lambda d: scans_in(a_folder_of_texts(d)), ReadError, "holds no scan"),
    "folder without DICOM listed": (lambda d: list_series(a_folder_of_texts(d)), ReadError, "no DICOM image"),
    "unknown suffix": (lambda d: read(text(d / "scan.xyz", "hello")), ReadError, "not an image that Osteon knows"),
    "picture": (lambda d: read(text(d / "scan.png", b"\x89PNG\r\n" + bytes(99))), ReadError, "reads DICOM"),
    "text named nii": (lambda d: read(text(d / "scan.nii", "hello")), ReadError, "not a NIfTI image"),
    "text named nii.gz": (lambda d: read(text(d / "a.nii.gz", "hello")), ReadError, "not a NIfTI image"),
    "text in gzip": (lambda d: read(text(d / "a.nii.gz", gzip.compress(b"hi"))), ReadError, "not a NIfTI"),
    "text named mha": (lambda d: read(text(d / "scan.mha", "hello")), ReadError, "cannot be read as MHA"),
    "text named nrrd": (lambda d: read(text(d / "scan.nrrd", "hello")), ReadError, "cannot be read as NRRD"),
    "text named dcm": (lambda d: read(text(d / "scan.dcm", "hello")), ReadError, "not a DICOM image"),
    "nii cut short": (lambda d: read(cut(written(d, "scan.nii"), 0.6)), ReadError, "cut short.*header promises"),
    "nii cut in its header": (lambda d: read(cut(written(d, "scan.nii"), 0.05)), ReadError, "not a NIfTI image"),
    "gzip cut short": (lambda d: read(cut(written(d, "scan.nii.gz"), 0.6)), ReadError, "gzip stream ends too early"),
    "gzip damaged": (lambda d: read(damaged_gzip(d)), ReadError, "is damaged"),
    "gzip of wrong checksum": (lambda d: read(gzip_of_wrong_sum(d)), ReadError, "is damaged"),
    "mha cut short": (lambda d: read(cut(metaimage(d, *UNIT), 0.9)), ReadError, "missing or cut short"),
    "compressed mha cut short": (lambda d: read(cut(written(d, "scan.mha"), 0.6)), ReadError, "cut short"),
    "nrrd cut short": (lambda d: read(cut(written(d, "scan.nrrd"), 0.6)), ReadError, "cut short"),
    "mhd without its data": (
        lambda d: [written(d, "s.mhd"), (d / "s.zraw").unlink(), read(d / "s.mhd")], ReadError, "data file is missing",
    ),
    "2-D nifti": (lambda d: read(nifti(d, array()[:, :, 0])), ReadError, r"2-D \(4 x 5\)"),
    "one slice nifti": (lambda d: read(nifti(d, array()[:, :, :1])), ReadError, "single slice is not a volume"),
    "4-D nifti": (lambda d: read(nifti(d, np.zeros((4, 4, 4, 3)))), ReadError, r"4-D \(4 x 4 x 4 x 3\)"),
    "2-D mha": (
        lambda d: read(metaimage(d, "ElementSpacing = 1 1", size="3 3")), ReadError, r"2-D \(3 x 3\)",
    ),
    "4-D mha": (lambda d: read(metaimage(d, *EYE4, size="3 3 3 2")), ReadError, "4-D"),
    "no voxels": (lambda d: read(nifti(d, array(), dim=[3, 4, 0, 6, 1, 1, 1, 1])), ReadError, "no voxels"),
    "negative size": (lambda d: read(nifti(d, array(), dim=[3, 4, -5, 6, 1, 1, 1, 1])), ReadError, "no voxels"),
    "voxels in the header": (lambda d: read(nifti(d, array(), vox_offset=8)), ReadError, "at byte 8"),
    "unknown data type": (lambda d: read(nifti(d, array(), datatype=77)), ReadError, "damaged NIfTI header"),
    "NaN": (lambda d: read(nifti(d, with_value(np.nan))), ReadError, r"NaN or .* in 1 of 120.*\(1, 2, 3\)"),
    "infinity": (lambda d: read(nifti(d, with_value(np.inf))), ReadError, "NaN or infinite"),
    "infinity by scaling": (lambda d: read(nifti(d, array(), scl_slope=2, scl_inter=np.inf)), ReadError, "not finite"),
    "complex nifti": (lambda d: read(nifti(d, array("complex64"))), ReadError, "complex"),
    "RGB nifti": (
        lambda d: read(nifti(d, np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")]))), ReadError, "colour",
    ),
    "RGB mha": (lambda d: read(colour(d, "scan.mha")), ReadError, "3 numbers a voxel"),
    "RGB nrrd": (lambda d: read(colour(d, "scan.nrrd")), ReadError, "3 numbers a voxel|4-D"),
    "zero spacing nifti": (
        lambda d: read(nifti(d, array(), pixdim=[1, 1, 0, 3, 0, 0, 0, 0], sform_code=0, qform_code=1)), ReadError,
        "longer than zero",
    ),
    "zero column in the sform": (
        lambda d: read(nifti(d, array(), sform_code=1, srow_y=[0, 0, 0, 0])), GeometryError, "longer than zero",
    ),
    "zero spacing mha": (lambda d: read(metaimage(d, *UNIT[:2], "ElementSpacing = 1 0 1")), ReadError, "length zero"),
    "zero spacing nrrd": (lambda d: read(nrrd(d, "(1,0,0) (0,0,0) (0,0,1)")), ReadError, "length zero"),
    "sheared nifti": (lambda d: read(nifti(d, array(), sform_code=1, **ROWS)), GeometryError, "sheared"),
    "sheared nrrd": (lambda d: read(nrrd(d, "(1,0,0) (0.3,1,0) (0,0,2)")), GeometryError, "sheared"),
    "NaN in the sform": (
        lambda d: read(nifti(d, array(), sform_code=1, srow_x=[np.nan, 0, 0, 0])), GeometryError, "not a finite",
    ),
    "qform that is no rotation": (
        lambda d: read(nifti(d, array(), sform_code=0, qform_code=1, quatern_b=3)), ReadError, "no rotation",
    ),
    "nifti in metres": (lambda d: read(nifti(d, array(), xyzt_units=1)), ReadError, "in metres"),
    "series of a nifti": (lambda d: read(nifti(d, array()), series="1"), UsageError, "no series to choose from"),
    "unknown label": (lambda d: read_labels(nifti(d, array() + 76), LEG), TaskError, "values 76, 77, 78, 79, 80"),
    "unmapped label": (lambda d: read_labels(nifti(d, array()), LEG, {1: 2}), TaskError, "mapping does not know"),
    "negative label": (lambda d: read_labels(nifti(d, array() - 3), LEG), TaskError, "negative value -3"),
    "fractional label": (lambda d: read_labels(nifti(d, with_value(1.5)), LEG), TaskError, "1.5, which is no label"),
    "label out of all bounds": (lambda d: read_labels(nifti(d, with_value(1e30)), LEG), TaskError, "which is no label"),
    "labels far apart": (
        lambda d: read_labels(nifti(d, with_value(2e9).astype("int32")), LEG), TaskError, "too far apart for labels",
    ),
    "DICOM slice missing": (
        lambda d: read(lose(dicom(d), 3)), ReadError, "lacks 1 slice between 3.0 and 9.0 mm.*6.00 mm there, 3.00 mm",
    ),
    "DICOM slices missing": (lambda d: read(lose(dicom(d), 3, 4)), ReadError, "lacks 2 slices between"),
    "DICOM uneven": (lambda d: read(dicom(d, shift_one)), ReadError, "unevenly spaced"),
    "DICOM tilted": (lambda d: read(dicom(d, tilt)), GeometryError, "9.5 degrees off.*tilted gantry"),
    "DICOM localizer": (lambda d: read(dicom(d, turn_one)), GeometryError, "2 different orientations"),
    "DICOM sizes": (lambda d: read(dicom(d, shrink_one)), ReadError, "different size"),
    "DICOM spacings": (lambda d: read(dicom(d, stretch_one)), GeometryError, "different pixel spacing"),
    "DICOM echoes": (lambda d: read(dicom(d, two_at_each_place)), ReadError, "6 slices at 3 places"),
    "DICOM side by side": (lambda d: read(dicom(d, side_by_side)), GeometryError, "side by side"),
    "DICOM no position": (lambda d: read(dicom(d, without("ImagePositionPatient"))), ReadError, "has no position"),
    "DICOM no orientation": (
        lambda d: read(dicom(d, without("ImageOrientationPatient"))), ReadError, "has no orientation",
    ),
    "DICOM no pixel spacing": (lambda d: read(dicom(d, without("PixelSpacing"))), ReadError, "has no pixel spacing"),
    "DICOM spacing no number": (lambda d: read(no_number(d)), ReadError, "not a number"),
    "DICOM frames without place": (lambda d: read(dicom(d, many_frames)), ReadError, "6 frames.*says of 0 where"),
    "DICOM no pixels": (lambda d: read(dicom(d, without("PixelData"))), ReadError, "no pixels"),
    "DICOM in colour": (lambda d: read(dicom(d, in_colour)), ReadError, "colour"),
    "DICOM short of pixels": (lambda d: read(dicom(d, short_of_pixels)), ReadError, "cannot be decoded"),
    "DICOM unknown compression": (lambda d: read(dicom(d, unknown_compression)), ReadError, "cannot be decoded"),
    "DICOM slice cut in its header": (lambda d: read(truncated_slice(d)), ReadError, "lacks 1.*IM0003.dcm is a dam"),
    "DICOM report": (lambda d: read(only_a_report(d)), ReadError, "holds no DICOM image"),
    "two DICOM series": (lambda d: read(two_series(d)), ReadError, "holds 2 series.*1: T1, 6 images of 4 x 5; 2: T2"),
    "unknown DICOM series": (lambda d: read(two_series(d), series="9"), ReadError, "no series named 9"),
    "unknown format to write": (lambda d: write(scan(), d / "scan.xyz"), UsageError, "names no format"),
    "complex to write": (lambda d: write(scan("complex64"), d / "scan.nii"), UsageError, "complex64 cannot be stored"),
    "a file where a folder must be": (
        lambda d: write(scan(), text(d / "file", "x") / "scan.nii"), UsageError, "cannot be written",
    ),
    "a folder in the place of the file": (
        lambda d: [(d / "scan.nii" / "full").mkdir(parents=True), write(scan(), d / "scan.nii")], UsageError,
        "cannot be written",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    make, kind, words = BAD[name]
    with pytest.raises(kind, match=words) as caught:
        make(tmp_path)
    message = str(caught.value)
    assert type(caught.value) is kind
    assert message.endswith(".")
    assert "2.25." not in message
    assert "Phantom" not in message
    assert not list(tmp_path.rglob(".part-*"))


def test_the_table_is_long_enough() -> None:
    assert len(BAD) >= 30


@pytest.mark.parametrize("use", [read, scans_in], ids=["read", "scans_in"])
def test_a_file_that_may_not_be_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[Path], object]
) -> None:
    path = text(tmp_path / "scan", "x")

    def forbidden(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(ReadError, match="permission denied"):
        use(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd"])
def test_nothing_is_left_where_writing_was_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UsageError):
        write(scan("complex64"), tmp_path / f"scan{suffix}")
    assert list(tmp_path.iterdir()) == []
