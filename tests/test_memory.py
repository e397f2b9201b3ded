"""Too little memory is seen before the work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import boxes, brightness_model
from osteon import memory
from osteon.errors import OsteonError
from osteon.inference import engine_for, predict
from osteon.memory import free_memory_mb, peak_memory_mb, require_memory, zeros_as_written


def test_the_least_of_machine_container_and_limit_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"meminfo": "MemTotal: 9 kB\nMemAvailable: 4194304 kB\n", "limit": "3221225472", "used": "2147483648"}
    for name, text in (files | {"stat": "anon 7\ninactive_file 536870912\n"}).items():
        (tmp_path / name).write_text(text, encoding="ascii")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CONTAINER", ())
    assert free_memory_mb() == 4096
    group = tuple(str(tmp_path / name) for name in ("limit", "used", "stat"))
    monkeypatch.setattr(memory, "CONTAINER", (group,))
    assert free_memory_mb() == 1024 + 512, "what files take can be given back"
    (tmp_path / "limit").write_text("max\n", encoding="ascii")
    assert free_memory_mb() == 4096, "a container without a limit"


def test_a_scan_that_would_not_fit_is_refused_before_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, model = boxes()[0], brightness_model(tmp_path / "model")
    engine = engine_for(model, "torch", "cpu")
    assert predict(scan, model, engine).classes.shape == scan.shape
    monkeypatch.setattr(memory, "free_memory_mb", lambda: 100.0)
    size = " x ".join(str(n) for n in scan.shape)
    with pytest.raises(OsteonError, match=rf"{size} voxels needs about 0\.\d GB more memory, and 0\.1 GB are free"):
        predict(scan, model, engine)


def test_where_nothing_is_known_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory_mb", lambda: None)
    require_memory(1e9, "It")


@pytest.mark.skipif(not memory.STATUS.is_file(), reason="asks Linux")
def test_the_peak_of_a_process_is_its_own_and_not_that_of_the_one_that_started_it() -> None:
    held = np.ones(400 * 2**20, dtype=np.uint8)
    assert peak_memory_mb() > 400
    program = "from osteon.memory import peak_memory_mb; print(peak_memory_mb())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 300 < held.nbytes / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere numpy's zeros are like that anyway")
def test_zeros_take_memory_only_where_something_is_written() -> None:
    code = """
from osteon.memory import peak_memory_mb, zeros_as_written
before = peak_memory_mb()
zeros = zeros_as_written((400, 2**20))
zeros[:, :4096] = 1
print(int(zeros[:, ::4096].sum()), zeros.dtype, peak_memory_mb() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ones, dtype, taken_mb = done.stdout.split()
    assert (int(ones), dtype) == (400, "uint8")
    assert float(taken_mb) < 40, "400 MB in pages of 2 MB"


def test_there_are_no_zeros_of_no_voxels() -> None:
    assert zeros_as_written((3, 0, 2), np.uint16).shape == (3, 0, 2)
