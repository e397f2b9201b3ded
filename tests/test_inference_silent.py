"""Nothing leaves the machine, not even through a library."""

from __future__ import annotations

import subprocess
import sys

import pytest

LISTEN = """
import socket, sys
def refused(*args, **kwargs):
    raise AssertionError(f"a connection was tried: {args}")
socket.socket.connect = refused
socket.getaddrinfo = refused
from osteon.inference.silenced import openvino
network = openvino()
assert sys.modules["openvino_telemetry"] is None
from openvino.tools.ovc import telemetry_utils
print(telemetry_utils.tm.__name__, hasattr(network, "Core"))
"""


def test_openvino_is_imported_without_its_telemetry() -> None:
    done = subprocess.run([sys.executable, "-c", LISTEN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "True"]


@pytest.mark.parametrize("package", ["osteon.inference.engine", "osteon.inference.compiled"])
def test_no_room_imports_openvino_by_itself(package: str) -> None:
    __import__(package)
    source = open(sys.modules[package].__file__ or "", encoding="utf-8").read()  # noqa: SIM115, PTH123
    assert "import openvino\n" not in source.replace("from osteon.inference.silenced import openvino\n", "")
