"""Run: what one command did, for ``run.json``: versions, arguments, inputs, times, memory, warnings."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from osteon.io.whole import written_whole
from osteon.memory import peak_memory_mb as peak_memory_mb  # of a run, wherever it is asked for

RECORD = "run.json"

STUDY_HASH_ROUNDS = 200_000
"""Of the hash of a DICOM study; about a tenth of a second."""


@dataclass
class Run:
    """Collects the facts of one run while it goes on.

    Parameters
    ----------
    command : str
    arguments : dict
        As the function got them; paths are reduced to their last part, because folders may carry names of patients.
    seed : int
    begins : callable
        Gets the name of each stage as it begins.
    """

    command: str
    arguments: dict[str, Any]
    seed: int = 0
    begins: Callable[[str], None] = lambda stage: None
    inputs: dict[str, str] = field(default_factory=dict)
    stages_s: dict[str, float] = field(default_factory=dict)
    stage_peak_mb: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, and note the peak of resident memory at its end."""
        self.begins(name)
        begin = time.perf_counter()
        yield
        self.stages_s[name] = self.stages_s.get(name, 0.0) + time.perf_counter() - begin
        self.stage_peak_mb[name] = peak_memory_mb()

    def warn(self, message: str) -> None:
        """Keep a warning for the report, once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def add_input(self, path: Path) -> None:
        """Keep the SHA-256 of an input file, or of all files of a folder, by the last part of its path."""
        digest = hashlib.sha256()
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        self.inputs[path.name] = digest.hexdigest()

    def add_study(self, uid: str) -> None:
        """Keep a hash of a DICOM study, salted by its input, by which only who holds the study can recognise it.

        PBKDF2 (RFC 8018), slow on purpose, because unique identifiers hold dates and can be guessed. The identifier
        itself is kept nowhere.
        """
        salt = hashlib.sha256("".join(sorted(self.inputs.values())).encode()).hexdigest()[:32]
        digest = hashlib.pbkdf2_hmac("sha256", uid.encode(), bytes.fromhex(salt), STUDY_HASH_ROUNDS)
        self.facts["study"] = {"salt": salt, "pbkdf2_sha256": digest.hex(), "rounds": STUDY_HASH_ROUNDS}

    def document(self) -> dict[str, Any]:
        """All facts, ready for JSON."""
        return {
            "command": self.command,
            "arguments": {name: _plain(value) for name, value in self.arguments.items()},
            "seed": self.seed,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self.started)),
            "seconds": round(time.time() - self.started, 3),
            "stages_s": {name: round(seconds, 3) for name, seconds in self.stages_s.items()},
            "stage_peak_memory_mb": {name: round(mb, 1) for name, mb in self.stage_peak_mb.items()},
            "peak_memory_mb": round(peak_memory_mb(), 1),
            "inputs_sha256": self.inputs,
            "warnings": self.warnings,
            **{name: _plain(value) for name, value in self.facts.items()},
            "versions": versions(),
        }

    def write(self, folder: Path) -> None:
        """Write ``run.json`` into a folder, whole."""
        with written_whole(folder / RECORD) as part:
            part.write_text(json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    packages = ("osteon", "torch", "openvino", "numpy", "scipy", "SimpleITK", "pydicom", "nibabel", "vtk")
    found = {"python": platform.python_version(), "platform": platform.platform(terse=True)}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(name): _plain(v) for name, v in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no NaN
    return value if isinstance(value, str | int | float | bool | None) else str(value)
