"""Outputs appear whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from osteon.io.whole import folder_written_whole, written_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class StopError(Exception):
    pass


def fail_after(_: int, error: type[BaseException]) -> None:
    raise error


def test_a_file_takes_its_place_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scan.nii.gz"
    with written_whole(path) as part:
        part.write_text("all")
        assert not path.exists()
        assert part.name.endswith(".nii.gz"), "writers choose the format by the suffixes"
    assert path.read_text() == "all"
    assert names(path.parent) == ["scan.nii.gz"]


@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_nothing_behind_and_the_old_file_stays(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(error), written_whole(path) as part:
        fail_after(part.write_text("half"), error)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_an_exception_before_the_first_writing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(StopError), written_whole(tmp_path / "a.txt"):
        raise StopError
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    (tmp_path / "usual-folder").mkdir()
    with written_whole(tmp_path / "whole") as part:
        part.write_text("x")
    with folder_written_whole(tmp_path / "whole-folder"):
        pass
    for whole, usual in (("whole", "usual"), ("whole-folder", "usual-folder")):
        assert stat.S_IMODE((tmp_path / whole).stat().st_mode) == stat.S_IMODE((tmp_path / usual).stat().st_mode)


def test_a_folder_replaces_the_old_one_as_one(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "stale").write_text("old")
    with folder_written_whole(path) as part:
        (part / "fresh").write_text("new")
        assert (path / "stale").exists()
    assert names(path) == ["fresh"]
    assert names(tmp_path) == ["model"]


def test_an_exception_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "kept").write_text("old")
    with pytest.raises(StopError), folder_written_whole(path) as part:
        fail_after((part / "fresh").write_text("new"), StopError)
    assert names(path) == ["kept"]
    assert names(tmp_path) == ["model"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "kept").write_text("old")
    rename = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.name.startswith(".part-"):
            raise PermissionError("in use")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError), folder_written_whole(path) as part:
        (part / "fresh").write_text("new")
    assert (path / "kept").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_colleagues_may_read_every_file_of_a_folder_that_a_library_wrote_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with folder_written_whole(tmp_path / "made") as part:
            (part / "weights").write_bytes(b"1")
            (part / "weights").chmod(0o600)
    finally:
        os.umask(before)
    assert (tmp_path / "made" / "weights").stat().st_mode & 0o777 == 0o644
