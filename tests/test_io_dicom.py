"""A DICOM series is one volume in the right place, or a sentence says why not."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom.dataset import Dataset

from osteon.errors import OsteonError, ReadError, UsageError
from osteon.geometry import transform_points
from osteon.io import read, scans_in
from osteon.io.dicom import list_series, write_dicom_series
from osteon.volume import Volume
from test_geometry import ALL_48, affine_for

Change = Callable[[Dataset, int], None]


def phantom(codes: str = "RAS", turn: tuple[float, ...] = (0, 0, 0), dtype: str = "int16", seed: int = 0) -> Volume:
    array = np.random.default_rng(seed).integers(0, 900, (6, 7, 5)).astype(dtype)
    return Volume(array, affine_for(codes, turn=turn))


def series(folder: Path, change: Change | None = None, *, seed: int = 1, description: str = "T1 cor") -> Path:
    """A phantom series; ``change`` edits each image's header before it is written again."""
    write_dicom_series(phantom(), folder, description=description, seed=seed)
    for n, file in enumerate(sorted(folder.iterdir())):
        if change is not None:
            image = pydicom.dcmread(file)
            change(image, n)
            image.save_as(file)
    return folder


def same_in_the_world(a: Volume, b: Volume) -> None:
    a, b = a.reoriented("RAS"), b.reoriented("RAS")
    assert a.grid.distance_mm(b.grid) < 1e-3
    np.testing.assert_array_equal(a.array, b.array)


@pytest.mark.parametrize("codes", ALL_48)
@pytest.mark.parametrize("turn", [(0, 0, 0), (14.0, -9.0, 38.7)])
def test_a_written_series_is_read_in_its_place(tmp_path: Path, codes: str, turn: tuple[float, ...]) -> None:
    volume = phantom(codes, turn)
    write_dicom_series(volume, tmp_path / "s", description="any", seed=0)
    back = read(tmp_path / "s")
    assert back.array.dtype == np.int16
    same_in_the_world(back, volume)
    if np.linalg.det(volume.affine) > 0:  # then the slices already run along their normal
        np.testing.assert_array_equal(back.array, volume.array)
        np.testing.assert_allclose(back.affine, volume.affine, atol=1e-8)


@pytest.mark.parametrize("codes", ["RAS", "PIR", "LSA", "IRP"])
def test_simpleitk_reads_the_series_in_the_same_place(tmp_path: Path, codes: str) -> None:
    write_dicom_series(phantom(codes, (5, 15, -25), "uint16"), tmp_path / "s", description="any", seed=0)
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "s")))
    back = read(tmp_path / "s")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, back.array)
    for index in ((0, 0, 0), (5, 6, 4)):
        lps = image.TransformIndexToPhysicalPoint(index)
        ras = transform_points(back.affine, np.array([index], dtype=float))[0]
        np.testing.assert_allclose(np.array(lps) * (-1, -1, 1), ras, atol=1e-6)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_identifiers(tmp_path: Path) -> None:
    one, two, other = (series(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes()
    first, second = (pydicom.dcmread(folder / "IM0001.dcm") for folder in (one, other))
    assert first.SeriesInstanceUID.startswith("2.25.")
    assert first.SeriesInstanceUID.is_valid
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert (str(first.PatientName), first.PatientBirthDate) == ("Phantom^Osteon", "")


def test_floats_are_not_written_as_dicom(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="16-bit integers; this array holds float32"):
        write_dicom_series(phantom(dtype="float32"), tmp_path / "s", description="x", seed=0)
    assert not (tmp_path / "s").exists()


def test_neither_names_nor_instance_numbers_decide_the_order(tmp_path: Path) -> None:
    def shuffle(image: Dataset, n: int) -> None:
        image.InstanceNumber = (n * 3) % 5

    folder = series(tmp_path / "s", shuffle)
    for n, file in enumerate(sorted(folder.iterdir())):
        file.rename(folder / f"{(n * 2) % 5}.{n}.77")
    same_in_the_world(read(folder), phantom())


def test_files_that_are_no_images_are_passed_over(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(200))
    (folder / "notes.txt").write_text("from the scanner")
    (folder / "empty").write_bytes(b"")
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "2.25.1"
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    report.save_as(folder / "SR0001", enforce_file_format=True)
    same_in_the_world(read(folder), phantom())


def test_a_file_stands_for_its_series(tmp_path: Path) -> None:
    same_in_the_world(read(series(tmp_path / "s") / "IM0003.dcm"), phantom())


def test_files_without_preamble_are_known_by_their_content(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for file in list(folder.iterdir()):
        image = pydicom.dcmread(file)
        bare = Dataset()
        bare.update(image)
        pydicom.dcmwrite(folder / file.stem, bare, implicit_vr=True, little_endian=True)
        file.unlink()
    assert (folder / "IM0001").read_bytes()[:2] == b"\x08\x00"
    same_in_the_world(read(folder), phantom())


def test_each_slice_is_scaled_by_its_own_slope(tmp_path: Path) -> None:
    def scale(image: Dataset, n: int) -> None:
        image.RescaleSlope, image.RescaleIntercept = str(0.5 + n), "-10"

    back = read(series(tmp_path / "s", scale))
    assert back.array.dtype == np.float32
    expected = phantom().array * (0.5 + np.arange(5)) - 10
    np.testing.assert_allclose(back.array, expected)


def test_equal_duplicates_are_dropped_and_it_is_said(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    shutil.copy(folder / "IM0002.dcm", folder / "copy.dcm")
    with pytest.warns(UserWarning, match="1 slice twice"):
        same_in_the_world(read(folder), phantom())


def test_several_series_are_listed_and_one_is_chosen(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for file in series(tmp_path / "t", seed=2, description="T2 sag").iterdir():
        shutil.copy(file, folder / f"t{file.name}")
    with pytest.raises(ReadError, match=r"holds 2 series.*1: T1 cor, 5 images of 6 x 7; 2: T2 sag, 5 images"):
        read(folder)
    uid = list_series(folder)[1].uid
    for choice in ("2", "T2 sag", uid):
        same_in_the_world(read(folder, series=choice), phantom())
    with pytest.raises(ReadError, match="no series named 3"):
        read(folder, series="3")


def test_the_list_says_what_a_series_is_and_shows_no_identifier(tmp_path: Path) -> None:
    def lose(image: Dataset, n: int) -> None:
        if n > 2:
            image.ImagePositionPatient[2] += 30

    (one,) = list_series(series(tmp_path / "good"))
    assert (one.description, one.modality, one.images, one.matrix, one.problem) == ("T1 cor", "MR", 5, (6, 7, 5), None)
    np.testing.assert_allclose(one.spacing_mm, (0.7, 1.1, 3.3))
    (bad,) = list_series(series(tmp_path / "bad", lose))
    assert bad.problem is not None
    assert "lacks" in bad.problem
    assert "2.25." not in repr(one) + repr(bad)


def test_a_folder_of_series_folders_is_several_scans(tmp_path: Path) -> None:
    series(tmp_path / "in" / "one")
    series(tmp_path / "in" / "two" / "deeper")
    assert [name for name, _ in scans_in(tmp_path / "in")] == ["one", "two"]
    same_in_the_world(read(tmp_path / "in" / "two"), phantom())
    assert scans_in(tmp_path / "in" / "one") == [("one", tmp_path / "in" / "one")]


def enhanced(volume: Volume, path: Path) -> None:
    """A multi-frame file of a volume, frames in reversed order, each with its own scaling."""
    classic = path.parent / "classic"
    write_dicom_series(volume, classic, description="multi", seed=5)
    slices = [pydicom.dcmread(file) for file in sorted(classic.iterdir())][::-1]
    shutil.rmtree(classic)
    image = slices[0]
    plane = Dataset()
    plane.ImageOrientationPatient = image.ImageOrientationPatient
    measures = Dataset()
    measures.PixelSpacing = image.PixelSpacing
    shared = Dataset()
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    frames = []
    for one in slices:
        position, scaling, groups = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = one.ImagePositionPatient
        scaling.RescaleSlope, scaling.RescaleIntercept = "2", "1"
        groups.PlanePositionSequence, groups.PixelValueTransformationSequence = [position], [scaling]
        frames.append(groups)
    pixels = b"".join(one.PixelData for one in slices)
    for name in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"):
        delattr(image, name)
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedMRImageStorage
    image.NumberOfFrames, image.PixelData = len(slices), pixels
    image.SharedFunctionalGroupsSequence, image.PerFrameFunctionalGroupsSequence = [shared], frames
    image.save_as(path, enforce_file_format=True)


def test_a_multi_frame_file_is_a_volume(tmp_path: Path) -> None:
    volume = phantom("PIR", (3, 4, 5))
    enhanced(volume, tmp_path / "multi.dcm")
    for place in (tmp_path, tmp_path / "multi.dcm"):
        back = read(place)
        same_in_the_world(back, volume.with_array((volume.array * 2 + 1).astype(np.float32)))


@pytest.mark.parametrize(
    ("keyword", "words"),
    [("PlanePositionSequence", "has no position"), ("NumberOfFrames", "holds 1 frame in one file")],
)
def test_a_multi_frame_file_that_says_too_little_is_refused_and_listed_with_its_frames(
    tmp_path: Path, keyword: str, words: str
) -> None:
    enhanced(phantom("RAS", (3, 4, 5)), tmp_path / "multi.dcm")
    image = pydicom.dcmread(tmp_path / "multi.dcm")
    if keyword in image:
        delattr(image, keyword)
    else:
        delattr(image.PerFrameFunctionalGroupsSequence[2], keyword)
    image.save_as(tmp_path / "multi.dcm")
    with pytest.raises(ReadError, match=words):
        read(tmp_path)
    (listed,) = list_series(tmp_path)
    assert listed.images == (1 if keyword == "NumberOfFrames" else 5)


def series_folders(root: Path) -> list[Path]:
    return sorted({file.parent for file in root.rglob("*") if file.is_file() and file.suffix not in (".gz", "")})


@pytest.mark.realdata
def test_real_series_lie_where_their_reference_lies(data: Path) -> None:
    compared = 0
    for folder in series_folders(data / "dicom"):
        reference = folder.with_name(f"{folder.name}_ground_truth.nii.gz")
        refused = "failing" in folder.parts or folder.parent.name == "rgb" or "single_slice" in folder.name
        if refused or not reference.exists():
            continue
        scan, expected = read(folder).reoriented("RAS"), read(reference).reoriented("RAS")
        assert scan.shape == expected.shape, folder
        assert np.linalg.norm(scan.grid.corners_mm() - expected.grid.corners_mm(), axis=1).max() < 1e-3, folder
        np.testing.assert_allclose(scan.array, expected.array, rtol=1e-6, atol=1e-3, err_msg=str(folder))
        compared += 1
    assert compared >= 20


@pytest.mark.realdata
def test_real_series_that_are_no_volume_are_refused_with_the_reason(data: Path) -> None:
    reasons = {
        "gantrytilting/001": "14.0 degrees off",
        "notavolume/001": "4 slices at 1 place",
        "sliceincrement/001": "lacks 1 slice between 28.1 and 38.1 mm",
        "sliceincrement/002": "lacks 1 slice",
        "sliceorientation/001": "different orientations",
    }
    for name, reason in reasons.items():
        with pytest.raises(OsteonError, match=reason):
            read(data / "dicom" / "failing" / name)
    assert read(data / "dicom" / "failing" / "slicecount" / "001").shape == (256, 256, 2)


@pytest.mark.realdata
def test_no_warning_on_good_real_series(data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        read(data / "dicom" / "siemens" / "anatomical" / "001")
