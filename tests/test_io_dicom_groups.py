"""A folder of several volumes is taken apart: series, Dixon images, echoes, planes; one is chosen, or asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_folders import add_series, same_in_the_world, scan
from osteon.errors import GeometryError, OsteonError, ReadError
from osteon.io import inspect, read
from osteon.io.dicom import list_series, read_dicom, survey
from osteon.io.dicom.marks import dixon_image
from osteon.volume import Volume

DIXON = {
    "water": ["ORIGINAL", "PRIMARY", "DIXON", "WATER"],
    "fat": ["ORIGINAL", "PRIMARY", "DIXON", "FAT"],
    "in-phase": ["ORIGINAL", "PRIMARY", "DIXON", "IN_PHASE"],
    "opposed-phase": ["ORIGINAL", "PRIMARY", "DIXON", "OPP_PHASE"],
}


def dixon(folder: Path, *, one_series: bool) -> Path:
    for seed, (word, kind) in enumerate(DIXON.items()):
        add_series(folder, scan(seed=seed), "legs" if one_series else f"legs {word}", ImageType=kind)
    return folder


@pytest.mark.parametrize("one_series", [True, False])
def test_the_images_of_a_dixon_scan_are_told_apart(tmp_path: Path, one_series: bool) -> None:
    folder = dixon(tmp_path / "s", one_series=one_series)
    assert {one.image for one in list_series(folder)} == set(DIXON)
    for seed, word in enumerate(DIXON):
        same_in_the_world(read(folder, series=word), scan(seed=seed))
    with pytest.raises(ReadError, match=r"holds 4 series.*--series.*water"):
        read(folder)


def test_water_is_taken_where_it_is_preferred_and_that_is_said(tmp_path: Path) -> None:
    folder = dixon(tmp_path / "s", one_series=True)
    with pytest.warns(UserWarning, match="number . was taken: the water images"):
        same_in_the_world(read_dicom(folder, prefer="water"), scan(seed=0))


@pytest.mark.parametrize(
    ("kind", "description", "word"),
    [
        (("DERIVED", "PRIMARY", "W", "W", "DERIVED"), "mDIXON", "water"),  # Philips
        (("DERIVED", "PRIMARY", "M", "ND", "DIXON", "WATER"), "t1_vibe_dixon_tra_W", "water"),  # Siemens
        (("ORIGINAL", "PRIMARY", "OTHER"), "WATER: Ax LAVA Flex", "water"),  # GE
        (("ORIGINAL", "PRIMARY", "OTHER"), "OutPhase: Ax LAVA Flex", "opposed-phase"),
        (("ORIGINAL", "PRIMARY", "M"), "t1_vibe_dixon_opp", "opposed-phase"),
        (("ORIGINAL", "PRIMARY", "M"), "t1_vibe_dixon_in", "in-phase"),
        (("ORIGINAL", "PRIMARY", "M"), "T2 TSE fat sat", ""),
        (("ORIGINAL", "PRIMARY", "M"), "T1 water excitation", ""),
        (("ORIGINAL", "PRIMARY", "M"), "fat and water", ""),
        (("F", "W", "M"), "axial", ""),
    ],
)
def test_scanners_name_dixon_images_in_their_own_ways(kind: tuple[str, ...], description: str, word: str) -> None:
    assert dixon_image(kind, description) == word


def test_echoes_in_one_series_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    for seed, echo in enumerate((12, 80)):
        add_series(folder, scan(seed=seed), "T2 map", EchoTime=echo)
    assert [one.contrast for one in list_series(folder)] == ["TE 12 ms", "TE 80 ms"]
    for number, seed in (("1", 0), ("2", 1)):
        same_in_the_world(read(folder, series=number), scan(seed=seed))


def test_magnitude_is_taken_where_phase_is_the_other(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(seed=0), "SWI", ImageType=["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"])
    add_series(folder, scan(seed=1), "SWI", ImageType=["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"])
    with pytest.warns(UserWarning, match="the only magnitude images"):
        same_in_the_world(read(folder), scan(seed=0))
    same_in_the_world(read(folder, series="2"), scan(seed=1))


def number_each(image: Dataset, n: int) -> None:
    image.AcquisitionNumber, image.TriggerTime, image.EchoTime = n + 1, 100 * n, 5 + 0.001 * n


def test_a_mark_that_changes_from_slice_to_slice_takes_no_volume_apart(tmp_path: Path) -> None:
    same_in_the_world(read(add_series(tmp_path / "s", scan(), "T1", number_each)), scan())


def test_two_planes_in_one_series_are_two_volumes(tmp_path: Path) -> None:
    coronal = scan(seed=1).reoriented("RSP")
    folder = add_series(tmp_path / "s", scan(seed=0), "both")
    add_series(folder, Volume(coronal.array, coronal.affine), "both")
    assert len(list_series(folder)) == 2
    with pytest.raises(ReadError, match=r"axes .*axes"):
        read(folder)
    found = [read(folder, series=number) for number in ("1", "2")]
    for volume in found:
        same_in_the_world(volume, scan(seed=0 if volume.orientation.endswith("S") else 1))


def test_the_only_usable_of_two_series_is_taken_and_that_is_said(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(seed=0), "good")
    add_series(folder, scan(seed=1), "scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    with pytest.warns(UserWarning, match="Of 2 series, number 1 was taken: the only one that can be used"):
        same_in_the_world(read(folder), scan(seed=0))
    with pytest.raises(ReadError, match="is a localizer"):
        read(folder, series="2")


def test_a_missing_slice_of_one_echo_is_said_of_that_echo_alone(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(seed=0), "T2 map", EchoTime=12)
    add_series(folder, scan(seed=1), "T2 map", EchoTime=80)
    (folder / "0007.dcm").unlink()
    problems = [one.problem for one in list_series(folder)]
    assert problems[0] is None
    assert problems[1] is not None
    assert "lacks 1 slice between 3.0 and 9.0 mm" in problems[1]
    assert "Missing at 6.0 mm" in problems[1]


def test_series_are_named_by_number_uid_description_or_part_of_it(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(seed=0), "T1 sagittal")
    add_series(folder, scan(seed=1), "T2 sagittal")
    uid = list_series(folder)[1].uid
    for name in ("2", uid, "t2 Sagittal", "T2"):
        same_in_the_world(read(folder, series=name), scan(seed=1))
    for name, words in {"sagittal": "2 series named", "7": "no series named", "": "no series named"}.items():
        with pytest.raises(ReadError, match=words):
            read(folder, series=name)


def test_a_file_of_a_series_with_two_echoes_stands_for_its_echo(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(seed=0), "T2 map", EchoTime=12)
    add_series(folder, scan(seed=1), "T2 map", EchoTime=80)
    same_in_the_world(read(folder / "0006.dcm"), scan(seed=1))


# files that are broken, and slices that are alone


def test_a_broken_file_is_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(), "T1")
    good = (folder / "0000.dcm").read_bytes()
    (folder / "broken.dcm").write_bytes(good[:400])
    (folder / "text.dcm").write_text("no DICOM at all")
    series, broken = survey(folder)
    assert [one.problem for one in series] == [None]
    assert [sentence.split(" is ")[0] for sentence in broken] == ["broken.dcm", "text.dcm"]
    problems = [one.problem for one in inspect(folder)]
    assert problems[0] is None
    assert len(problems) == 3
    with pytest.warns(UserWarning, match="Left out: broken.dcm is a damaged DICOM file"):
        same_in_the_world(read(folder), scan())


def without_position(image: Dataset, n: int) -> None:
    if n == 4:
        del image.ImagePositionPatient


def test_a_picture_without_a_place_at_the_end_of_a_series_is_left_out(tmp_path: Path) -> None:
    expected = scan()
    folder = add_series(tmp_path / "s", expected, "T1", without_position)
    with pytest.warns(UserWarning, match=r"Left out: 0004.dcm has no position"):
        same_in_the_world(read(folder), expected.cropped((slice(0, 6), slice(0, 7), slice(0, 4))))


def shorten(image: Dataset, n: int) -> None:
    if n == 4:
        image.PixelData = image.PixelData[:-10]


def test_a_slice_cut_short_is_never_left_out_in_silence(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"0004.dcm is cut short"):
        read(add_series(tmp_path / "s", scan(), "T1", shorten))


@pytest.mark.parametrize(
    ("elements", "thickness_mm"),
    [
        ({"SpacingBetweenSlices": 4.4, "SliceThickness": 4}, 4.4),
        ({"SpacingBetweenSlices": None, "SliceThickness": 4}, 4),
        ({"SpacingBetweenSlices": -4.4, "SliceThickness": 4}, 4.4),  # as some scanners count from the other end
        ({"SpacingBetweenSlices": 0, "SliceThickness": 4}, 4),
    ],
)
def test_a_single_slice_is_a_volume_of_one(tmp_path: Path, elements: dict[str, float], thickness_mm: float) -> None:
    one = scan().cropped((slice(0, 6), slice(0, 7), slice(2, 3)))
    found = read(add_series(tmp_path / "s", one, "one", **elements))
    np.testing.assert_array_equal(found.array, one.array)
    np.testing.assert_allclose(found.affine[:, [0, 1, 3]], one.affine[:, [0, 1, 3]], atol=1e-9)
    assert found.spacing_mm[2] == pytest.approx(thickness_mm)


def shift_in_plane(image: Dataset, n: int) -> None:
    image.ImagePositionPatient[0] += (0, 0.4, 0.8, 0.4, 0)[n]


def at_the_upper_bits(image: Dataset, n: int) -> None:
    image.BitsStored, image.HighBit = 12, 15


def in_a_mosaic(image: Dataset, n: int) -> None:
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (shift_in_plane, GeometryError, "shifted within their planes"),
        (in_a_mosaic, ReadError, "is a mosaic"),
        (at_the_upper_bits, ReadError, "in bits 4 to 15 of 16"),
    ],
)
def test_what_would_be_distorted_is_refused(
    tmp_path: Path, change: Callable[[Dataset, int], None], kind: type[OsteonError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        read(add_series(tmp_path / "s", scan(), "T1", change))
