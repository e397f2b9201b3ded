"""Whatever way a scanner or archive stores pixels and headers, the same voxels are read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from dicom_folders import add_series, same_in_the_world, scan, zipped
from osteon.io import read


def implicit(image: Dataset) -> None:
    image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def big_endian(image: Dataset) -> None:
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    image.PixelData = np.frombuffer(image.PixelData, "<i2").astype(">i2").tobytes()


def deflated(image: Dataset) -> None:
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def rle(image: Dataset) -> None:
    image.compress(RLELossless, generate_instance_uid=False)


def jpeg_2000(image: Dataset) -> None:
    image.compress(JPEG2000Lossless, generate_instance_uid=False)


@pytest.mark.parametrize("store", [implicit, big_endian, deflated, rle, jpeg_2000], ids=lambda store: store.__name__)
def test_a_transfer_syntax_changes_no_voxel(tmp_path: Path, store: object) -> None:
    volume = scan((32, 33, 4))
    folder = add_series(tmp_path / "s", volume, "T1")
    for file in folder.iterdir():
        image = pydicom.dcmread(file)
        store(image)  # type: ignore[operator]
        little = image.file_meta.TransferSyntaxUID != ExplicitVRBigEndian
        hidden = image.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        pydicom.dcmwrite(file, image, implicit_vr=hidden, little_endian=little)
    same_in_the_world(read(folder), volume)
    same_in_the_world(read(zipped(folder, tmp_path / "s.zip")), volume)


@pytest.mark.parametrize("signed", [0, 1])
def test_upper_bits_that_are_no_part_of_a_value_are_dropped(tmp_path: Path, signed: int) -> None:
    """Twelve bits of sixteen: overlays in the upper four vanish and the sign is extended, as pydicom itself does it."""

    def pack(image: Dataset, n: int) -> None:
        image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, signed
        image.PixelData = np.random.default_rng(n).integers(0, 2**16, 6 * 7).astype("<u2").tobytes()

    folder = add_series(tmp_path / "s", scan(), "T1", pack)
    found = read(folder)
    for k, file in enumerate(sorted(folder.iterdir())):
        np.testing.assert_array_equal(found.array[:, :, k].T, pydicom.dcmread(file).pixel_array)
    assert (found.array.min() < 0) == bool(signed)
    assert found.array.max() < 2**12


@pytest.mark.parametrize("bits", [8, 32])
def test_other_depths_are_read_as_pydicom_reads_them(tmp_path: Path, bits: int) -> None:
    def deepen(image: Dataset, n: int) -> None:
        image.BitsAllocated = image.BitsStored = bits
        image.HighBit, image.PixelRepresentation = bits - 1, 0
        image.PixelData = np.random.default_rng(n).integers(0, 200, 6 * 7).astype(f"<u{bits // 8}").tobytes()

    folder = add_series(tmp_path / "s", scan(), "T1", deepen)
    found = read(folder)
    assert found.array.dtype == np.dtype(f"u{bits // 8}")
    for k, file in enumerate(sorted(folder.iterdir())):
        np.testing.assert_array_equal(found.array[:, :, k].T, pydicom.dcmread(file).pixel_array)


def test_slices_of_signed_and_unsigned_numbers_find_a_type_that_holds_both(tmp_path: Path) -> None:
    def alternate(image: Dataset, n: int) -> None:
        image.PixelRepresentation = n % 2
        image.PixelData = np.full(6 * 7, -5 if n % 2 else 65000).astype("<i2" if n % 2 else "<u2").tobytes()

    found = read(add_series(tmp_path / "s", scan(), "T1", alternate))
    assert found.array[0, 0].tolist() == [65000, -5, 65000, -5, 65000]


def test_float_pixels_are_read(tmp_path: Path) -> None:
    def float_pixels(image: Dataset, n: int) -> None:
        del image.PixelData, image.PixelRepresentation, image.BitsStored, image.HighBit
        image.BitsAllocated = 32
        image.FloatPixelData = np.full(6 * 7, n + 0.25, "<f4").tobytes()

    found = read(add_series(tmp_path / "s", scan(), "T1", float_pixels))
    assert found.array[0, 0].tolist() == [0.25, 1.25, 2.25, 3.25, 4.25]


def test_reading_takes_little_more_memory_than_the_volume(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan((256, 256, 24)), "T1")
    read(folder)  # what is imported and kept for good is not counted
    tracemalloc.start()
    try:
        volume = read(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * volume.array.nbytes


def test_a_slope_of_zero_is_one_that_nobody_filled_in(tmp_path: Path) -> None:
    same_in_the_world(read(add_series(tmp_path / "s", scan(), "T1", RescaleSlope=0, RescaleIntercept=0)), scan())


def test_a_negative_is_kept_and_said(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(), "T1", PhotometricInterpretation="MONOCHROME1")
    with pytest.warns(UserWarning, match="low values are the bright ones"):
        found = read(folder)
    same_in_the_world(found, scan())
