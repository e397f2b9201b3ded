"""Networks kept between runs: the same answer without torch, never a network of other weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import brightness_model
from osteon.errors import ModelError
from osteon.inference import engine_for
from osteon.inference.compiled import cache_folder
from osteon.networks.model import WEIGHTS, Model

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="the cache folder of macOS is no environment's")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    return brightness_model(tmp_path / "model")


def answer(model: Model, said: list[str] | None = None) -> np.ndarray:
    seen = np.random.default_rng(0).random((1, 3, 64, 32), dtype=np.float32)
    return engine_for(model, "openvino", "cpu", (said if said is not None else []).append).logits(seen)


def test_the_second_run_answers_alike_and_says_nothing_of_preparing(model: Model) -> None:
    said: list[str] = []
    first, second = answer(model, said), answer(model, said)
    np.testing.assert_array_equal(first, second)
    assert len(said) == 1
    assert "preparing brightness" in said[0]


def test_the_second_run_needs_no_torch(model: Model) -> None:
    answer(model)
    program = (
        "import sys; from osteon.inference import engine_for; from osteon.networks.model import Model; "
        f"import osteon.pipeline; engine_for(Model.load({str(model.folder)!r}), 'openvino', 'cpu'); "
        "assert 'torch' not in sys.modules"
    )
    end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert end.returncode == 0, end.stderr


def test_a_damaged_file_is_made_again(model: Model) -> None:
    first = answer(model)
    (kept,) = cache_folder().rglob("network.xml")
    kept.write_text("<net", encoding="utf-8")
    said: list[str] = []
    np.testing.assert_array_equal(answer(model, said), first)
    assert len(said) == 1


def test_changed_weights_are_refused_though_their_network_is_kept(model: Model) -> None:
    answer(model)
    (model.folder / WEIGHTS).write_bytes(b"other")
    with pytest.raises(ModelError, match="another SHA-256"):
        answer(model)


def test_without_a_place_to_keep_it_the_network_answers_all_the_same(model: Model, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be", encoding="utf-8")
    said: list[str] = []
    answer(model, said)
    answer(model, said)
    assert len(said) == 2
