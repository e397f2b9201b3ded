"""A network in eight bits is used only if it is as good, and only beside the weights it was made from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models import brightness_model
from osteon.errors import ModelError, UsageError
from osteon.inference import engine_for
from osteon.inference.engine import as_bytes
from osteon.inference.int8 import FOLDER, RECORD, Int8Record, int8_network, wants_int8
from osteon.networks.ensemble import write_ensemble
from osteon.networks.model import Model
from osteon.quantisation import Gate
from osteon.quantisation.quantise import HEADING

BEFORE = [("a", "L1", 0.90), ("a", "L2", 0.80), ("b", "L1", 0.70), ("b", "L2", 0.60)]


def table(lost: dict[tuple[str, str], float]) -> pd.DataFrame:
    rows = [(case, name, dice - lost.get((case, name), 0.0)) for case, name, dice in BEFORE]
    return pd.DataFrame(rows, columns=["case", "structure", "dice"])


@pytest.mark.parametrize(
    ("lost", "passed"),
    [
        ({}, True),
        ({("a", "L1"): -0.02}, True),  # it became better
        ({("a", "L1"): 0.006}, True),  # mean 0.0015, L1 0.003, a 0.003
        ({("a", "L1"): 0.009}, False),  # mean 0.00225
        ({("a", "L1"): 0.006, ("b", "L1"): 0.006, ("a", "L2"): -0.01}, False),  # L1 0.006, mean 0.0005
        ({("a", "L1"): 0.021, ("a", "L2"): 0.021, ("b", "L1"): -0.03, ("b", "L2"): -0.03}, False),  # a 0.021
    ],
)
def test_the_gate_closes_at_its_three_limits(lost: dict[tuple[str, str], float], passed: bool) -> None:
    verdict = Gate().verdict(table({}), table(lost))
    assert verdict.passed is passed
    assert verdict.scores == 4
    assert verdict.mean == pytest.approx(sum(lost.values()) / 4)


def test_a_structure_that_is_lost_counts_as_nothing_found() -> None:
    before, after = table({}), table({})
    verdict = Gate().verdict(before, after[1:])
    assert (verdict.worst_case, verdict.worst_structure) == ("a", "L1")
    assert verdict.case == pytest.approx(0.45)
    assert not verdict.passed


def record(passed: bool, **other: object) -> Int8Record:
    facts = {"weights_sha256": "", "files_sha256": {}, "evidence": {}, "versions": {}} | other
    return Int8Record.model_validate(facts | {"passed": passed})


@pytest.mark.parametrize(
    ("passed", "precision", "wanted"),
    [(True, "auto", True), (False, "auto", False), (False, "int8", True), (True, "fp32", False)],
)
def test_it_is_taken_by_itself_only_after_it_passed(tmp_path: Path, passed: bool, precision: str, wanted: bool) -> None:
    model = brightness_model(tmp_path / "model")
    (model.folder / FOLDER).mkdir()
    written = record(passed, weights_sha256=model.spec.weights_sha256)
    (model.folder / FOLDER / RECORD).write_text(written.model_dump_json(), encoding="utf-8")
    assert wants_int8(model, precision) is wanted


def test_other_weights_or_other_files_are_refused(tmp_path: Path) -> None:
    model = brightness_model(tmp_path / "model")
    folder = model.folder / FOLDER
    folder.mkdir()
    (folder / RECORD).write_text(record(True, weights_sha256="0").model_dump_json(), encoding="utf-8")
    with pytest.raises(ModelError, match="made from other weights"):
        wants_int8(model, "auto")
    written = record(True, weights_sha256=model.spec.weights_sha256, files_sha256={"network.xml": "0"})
    (folder / RECORD).write_text(written.model_dump_json(), encoding="utf-8")
    (folder / "network.xml").write_text("<net/>", encoding="utf-8")
    with pytest.raises(ModelError, match=r"network\.xml is missing or not the file that was tested"):
        int8_network(model)


def test_asking_for_what_is_not_there_is_answered(tmp_path: Path) -> None:
    model = brightness_model(tmp_path / "model")
    with pytest.raises(ModelError, match="no network in eight bits"):
        engine_for(model, "openvino", "cpu", precision="int8")
    with pytest.raises(UsageError, match="runs with OpenVINO on the CPU"):
        engine_for(model, "torch", "cpu", precision="int8")
    with pytest.raises(UsageError, match="no precision int4"):
        engine_for(model, "torch", "cpu", precision="int4")


@pytest.mark.parametrize("name", Model.available())
def test_what_is_shipped_in_eight_bits_belongs_to_its_weights_and_is_its_files(name: str) -> None:
    model = Model.load(name)
    if not (model.folder / FOLDER).is_dir():
        pytest.skip(f"{name} is shipped without")
    assert wants_int8(model, "auto"), "a network that failed the gate is not shipped"
    assert int8_network(model).input(0).partial_shape.rank.get_length() == 4
    assert HEADING in model.card()


@pytest.mark.parametrize("name", Model.available())
def test_models_with_such_a_network_are_run_in_eight_bits_and_answer_alike(name: str) -> None:
    model = Model.load(name)
    if not (model.folder / FOLDER).is_dir():
        pytest.skip(f"{name} is shipped without")
    seen = np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)
    small = engine_for(model, "openvino", "cpu")
    assert small.name == "openvino int8 on cpu"
    found, whole = (
        as_bytes(engine.logits(seen)).astype(int)
        for engine in (small, engine_for(model, "openvino", "cpu", precision="fp32"))
    )
    assert (found.argmax(axis=1) == whole.argmax(axis=1)).mean() > 0.97


def test_an_ensemble_has_no_network_in_eight_bits_of_one_of_its_own(tmp_path: Path) -> None:
    one, other = (brightness_model(tmp_path / name) for name in ("one", "other"))
    (one.folder / FOLDER).mkdir()
    written = record(True, weights_sha256=one.spec.weights_sha256)
    (one.folder / FOLDER / RECORD).write_text(written.model_dump_json(), encoding="utf-8")
    both = write_ensemble(tmp_path / "both", [one, other], "# Both\n")
    assert not wants_int8(both, "auto")
    assert not list(both.folder.rglob(FOLDER))


SILENT = """
import socket
def refused(*args, **kwargs):
    raise AssertionError(f"a connection was tried: {args}")
socket.socket.connect = socket.socket.connect_ex = refused
socket.getaddrinfo = socket.create_connection = refused
from osteon.inference.silenced import openvino
ov = openvino()
import nncf
from nncf.telemetry.wrapper import telemetry
print(type(telemetry).__name__)
"""

QUANTISES = """
import numpy as np
from osteon.quantisation.quantise import _in_eight_bits
ops = ov.opset13
seen = ops.parameter([-1, 3, -1, -1], np.float32)
kernel = np.random.default_rng(0).standard_normal((8, 3, 3, 3)).astype(np.float32)
inner = np.random.default_rng(1).standard_normal((8, 8, 3, 3)).astype(np.float32)
one = ops.relu(ops.convolution(seen, kernel, [1, 1], [1, 1], [1, 1], [1, 1], name="first"))
answer = ops.relu(ops.convolution(one, inner, [1, 1], [1, 1], [1, 1], [1, 1], name="second"))
slices = [np.random.default_rng(n).random((1, 3, 32, 32), dtype=np.float32) for n in range(3)]
small = _in_eight_bits(ov.Model([answer], [seen]), slices)
first, second = [node for node in small.get_ordered_ops() if node.get_type_name() == "Convolution"]
fed = [node.input_value(0).get_node().get_type_name() == "FakeQuantize" for node in (first, second)]
print(fed == [False, True])
"""


@pytest.mark.parametrize(("more", "ends"), [("", "MagicMock"), (QUANTISES, "True")], ids=["imported", "quantising"])
def test_nncf_tries_no_connection_and_leaves_the_first_convolution_as_it_is(more: str, ends: str) -> None:
    pytest.importorskip("nncf", reason="the extra int8 (nncf) is not installed")
    done = subprocess.run([sys.executable, "-c", SILENT + more], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == ends
