"""Run commands as the terminal does."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models import boxes, brightness_model
from osteon import cli
from osteon.io import write
from osteon.io.dicom import write_dicom_series


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def is_one_sentence(self) -> bool:
        """Whether a user's mistake was told as it should be."""
        return self.err.startswith("error: ") and "Traceback" not in self.err and self.err.count("\n") == 1

    def document(self) -> Any:
        """The one JSON document on stdout; NaN is none."""

        def refuse(word: str) -> None:
            raise ValueError(f"{word} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


Osteon = Callable[..., Ended]


@pytest.fixture
def osteon(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Osteon]:
    """Run a command as the terminal does."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["osteon", *(str(word) for word in words)])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        assert isinstance(code, int)
        return Ended(code, said.out, said.err)

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a NIfTI scan with its labels, a DICOM series and a damaged file."""
    folder = tmp_path_factory.mktemp("room")
    brightness_model(folder / "model")
    scan, labels = boxes()
    write(scan, folder / "boxes.nii.gz")
    write(labels, folder / "labels.nii.gz")
    write_dicom_series(scan, folder / "series", description="Sagittal T2", seed=1)
    (folder / "bad.nii.gz").write_bytes((folder / "boxes.nii.gz").read_bytes()[:400])
    return folder
