"""A whole-body scan of several stations becomes one volume, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dicom_folders import add_series, same_in_the_world, scan
from osteon.errors import ReadError
from osteon.io import read
from osteon.io.dicom import list_series
from osteon.volume import Volume

BODY_SHAPE = (18, 20, 20)


def body(codes: str = "LPS") -> Volume:
    """Smooth tissue on noise, long from head to foot."""
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in BODY_SHAPE), indexing="ij")
    array = np.where(i**2 + j**2 < 0.6, 500 + 200 * np.sin(3 * k) + 100 * i, 10)
    return Volume(array.astype(np.int16), np.diag([2.0, 2.0, 5.0, 1.0])).reoriented(codes)


def station(whole: Volume, start: int, stop: int) -> Volume:
    """Slices of the whole from ``start`` to ``stop`` along the body."""
    axis = next(n for n, code in enumerate(whole.orientation) if code in "SI")
    box = [slice(0, n) for n in whole.shape]
    box[axis] = slice(start, stop)
    return whole.cropped((box[0], box[1], box[2]))


@pytest.mark.parametrize("codes", ["LPS", "LSA", "LIP"])
def test_stations_that_overlap_become_the_whole(tmp_path: Path, codes: str) -> None:
    whole = body(codes)
    for n, (start, stop) in enumerate(((0, 8), (6, 14), (12, 20))):
        add_series(tmp_path / "s", station(whole, start, stop), f"station {n}")
    with pytest.warns(UserWarning, match=r"The stations .* were joined"):
        same_in_the_world(read(tmp_path / "s"), whole)
    same_in_the_world(read(tmp_path / "s", series="2"), station(whole, 6, 14))


def test_stations_that_only_touch_become_the_whole(tmp_path: Path) -> None:
    add_series(tmp_path / "s", station(body(), 0, 10), "one")
    add_series(tmp_path / "s", station(body(), 10, 20), "two")
    with pytest.warns(UserWarning, match="joined"):
        same_in_the_world(read(tmp_path / "s"), body())


@pytest.mark.parametrize("codes", ["LPS", "LSA"])
def test_stations_within_one_series_become_the_whole(tmp_path: Path, codes: str) -> None:
    whole = body(codes)
    for n, (start, stop) in enumerate(((0, 12), (8, 20)), start=1):
        add_series(tmp_path / "s", station(whole, start, stop), "all", AcquisitionNumber=n)
    assert [one.images for one in list_series(tmp_path / "s")][-1] == sum(
        one.images for one in list_series(tmp_path / "s")[:-1]
    )
    with pytest.warns(UserWarning, match="joined"):
        same_in_the_world(read(tmp_path / "s"), whole)


def test_a_station_between_the_slices_of_another_is_interpolated(tmp_path: Path) -> None:
    """The second station lies half a slice off: its values are those of the body half a slice on, linearly."""
    whole = body()
    add_series(tmp_path / "s", station(whole, 0, 12), "one")
    upper = station(whole, 8, 20)
    affine = upper.affine.copy()
    affine[2, 3] += 2.5
    array = upper.array.astype(float)
    between = np.concatenate([(array[:, :, :-1] + array[:, :, 1:]) / 2, array[:, :, -1:]], axis=2)
    add_series(tmp_path / "s", Volume(np.rint(between).astype(np.int16), affine), "two")
    with pytest.warns(UserWarning, match="joined"):
        found = read(tmp_path / "s").reoriented(whole.orientation)
    inner = found.array[:, :, :19].astype(float)
    assert np.abs(inner - whole.array[:, :, :19]).max() < 12, "curvature of the body over a slice"
    np.testing.assert_allclose(found.affine, whole.affine, atol=1e-6)


def test_a_brighter_station_is_brought_to_the_level_of_the_one_below(tmp_path: Path) -> None:
    add_series(tmp_path / "s", station(body(), 0, 12), "one")
    upper = station(body(), 8, 20)
    add_series(tmp_path / "s", upper.with_array((upper.array * 1.25).astype(np.int16)), "two")
    with pytest.warns(UserWarning, match="Intensities of station 2 were scaled by 0.80"):
        found = read(tmp_path / "s").reoriented(body().orientation)
    assert np.abs(found.array.astype(int) - body().array).max() <= 3


@pytest.mark.parametrize(
    ("second", "elements"),
    [
        ((8, 20), {"EchoTime": 80}),
        ((8, 20), {"ImageType": ["ORIGINAL", "PRIMARY", "DIXON", "FAT"]}),
        ((8, 20), {"StudyInstanceUID": "2.25.7"}),
        ((8, 20), {"FrameOfReferenceUID": "2.25.7"}),
        ((0, 12), {}),
        ((14, 20), {}),
    ],
    ids=["other echo", "other image", "other study", "other frame of reference", "same place", "gap"],
)
def test_what_does_not_belong_together_is_not_joined(
    tmp_path: Path, second: tuple[int, int], elements: dict[str, object]
) -> None:
    add_series(tmp_path / "s", station(body(), 0, 12), "one")
    add_series(tmp_path / "s", station(body(), *second), "two", **elements)
    assert len(list_series(tmp_path / "s")) == 2
    with pytest.raises(ReadError, match="holds 2 series"):
        read(tmp_path / "s")


def test_water_of_all_stations_is_what_the_word_means(tmp_path: Path) -> None:
    for seed, word in enumerate(("WATER", "FAT")):
        whole = body().with_array(body().array + np.int16(100 * seed))
        for n, (start, stop) in enumerate(((0, 12), (8, 20))):
            kind = ["ORIGINAL", "PRIMARY", "DIXON", word]
            add_series(tmp_path / "s", station(whole, start, stop), f"{word} {n}", ImageType=kind)
    with pytest.warns(UserWarning, match="joined"):
        same_in_the_world(read(tmp_path / "s", series="water"), body())


def test_a_small_scan_is_no_station(tmp_path: Path) -> None:
    same_in_the_world(read(add_series(tmp_path / "s", scan(), "T1")), scan())
