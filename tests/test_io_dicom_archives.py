"""Zip archives are read in place, within limits; nothing that identifies a patient comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_folders import add_series, same_in_the_world, scan, zipped
from osteon.errors import ReadError
from osteon.io import convert, inspect, read, scans_in
from osteon.io.dicom import sources
from osteon.io.scans import read_scan

SECRETS = ("Jolanthe", "19371231", "ID-4711", "Sankt Blasius", "2.25.", "1.2.840.99999")


def identify(image: Dataset, n: int) -> None:
    image.PatientName, image.PatientBirthDate, image.PatientID = "Muster^Jolanthe", "19371231", "ID-4711"
    image.InstitutionName = "Sankt Blasius"
    image.add_new((0x0009, 0x0010), "LO", "A MAKER")
    image.add_new((0x0009, 0x1001), "UN", b"\xff\x00Jolanthe" * 99)


def test_an_archive_is_read_in_place_as_its_folder_is(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s" / "deep" / "er", scan(), "T1")
    archive = zipped(folder.parent.parent, tmp_path / "study.zip")
    before = sorted(tmp_path.rglob("*"))
    same_in_the_world(read(archive), scan())
    assert [name for name, _ in scans_in(archive)] == ["study"]
    assert [one.problem for one in inspect(archive)] == [None]
    assert sorted(tmp_path.rglob("*")) == before, "nothing is unpacked on the disk"


def test_an_entry_without_a_name_is_passed_over(tmp_path: Path) -> None:
    archive = zipped(add_series(tmp_path / "s", scan(), "T1"), tmp_path / "study.zip")
    with ZipFile(archive, "a") as file:
        nameless = ZipInfo("later")
        nameless.filename = "\0no name"  # which ends at the zero byte
        file.writestr(nameless, b"nothing")
    same_in_the_world(read(archive), scan())


def test_archives_in_a_folder_are_scans_and_other_archives_are_passed_over(tmp_path: Path) -> None:
    zipped(add_series(tmp_path / "s", scan(), "T1"), tmp_path / "in-one.zip")
    room = tmp_path / "room"
    room.mkdir()
    (tmp_path / "in-one.zip").rename(room / "one.zip")
    with ZipFile(room / "papers.zip", "w") as archive:
        archive.writestr("notes.txt", "no scan")
    assert [name for name, _ in scans_in(room)] == ["one"]


def leading_out(path: Path) -> None:
    with ZipFile(path, "a") as archive:
        archive.writestr("../../out.dcm", b"x")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def locked(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1  # flag of encryption in the central directory
    raw[6] |= 1
    path.write_bytes(bytes(raw))


def damaged_inside(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    with ZipFile(path) as archive:
        second = archive.infolist()[1].header_offset
    raw[second + 100 : second + 300] = bytes(200)
    path.write_bytes(bytes(raw))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (leading_out, r"leads out of the archive \(../../out.dcm\)"),
        (cut, "damaged zip archive"),
        (locked, "locked by a password"),
        (damaged_inside, "cannot be unpacked"),
    ],
)
def test_a_bad_archive_is_refused_with_its_reason(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    archive = zipped(add_series(tmp_path / "s", scan(), "T1"), tmp_path / "study.zip")
    spoil(archive)
    with pytest.raises(ReadError, match=words):
        read(archive)
    assert not (tmp_path.parent / "out.dcm").exists()


def test_an_archive_of_archives_says_what_to_do(tmp_path: Path) -> None:
    inner = zipped(add_series(tmp_path / "s", scan(), "T1"), tmp_path / "a" / "inner.zip")
    with pytest.raises(ReadError, match=r"outer.zip holds no DICOM file.*Unpack it"):
        read(zipped(inner.parent, tmp_path / "outer.zip"))


@pytest.mark.parametrize(("limit", "value"), [("MOST_FILES", 4), ("MOST_BYTES", 3000), ("MOST_BYTES_A_FILE", 500)])
def test_an_archive_beyond_the_limits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    archive = zipped(add_series(tmp_path / "s", scan(), "T1"), tmp_path / "study.zip")
    read(archive)
    monkeypatch.setattr(sources, limit, value)
    with pytest.raises(ReadError, match="Unpack it"):
        read(archive)


def test_no_identity_comes_out_of_a_conversion_or_an_inspection(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "s", scan(), "T1", identify, StudyInstanceUID="1.2.840.99999.1.2.3")
    (folder / "1.2.840.99999.1.2.77.dcm").write_bytes((folder / "0000.dcm").read_bytes()[:700])
    with pytest.warns(UserWarning, match=r"Left out: \.\.\.1\.2\.77\.dcm") as said:
        convert(folder, tmp_path / "scan.nii")
    texts = [(tmp_path / "scan.nii").read_bytes().decode("latin-1"), *(str(one.message) for one in said)]
    texts += [repr(one) + str(one.series) for one in inspect(folder)]
    texts += [repr(read_scan(folder))]
    for secret in SECRETS:
        assert not any(secret in text for text in texts), secret


def test_the_study_is_known_to_the_reader_and_shown_by_nothing(tmp_path: Path) -> None:
    found = read_scan(add_series(tmp_path / "s", scan(), "T1", StudyInstanceUID="1.2.840.99999.1.2.3"))
    assert found.study == "1.2.840.99999.1.2.3"
    assert found.study not in repr(found)
    assert found.notes == ()
    np.testing.assert_array_equal(found.volume.array, scan().array)
