"""OpenVINO without its telemetry: nothing leaves the machine."""

from __future__ import annotations

import sys
from types import ModuleType

TELEMETRY = "openvino_telemetry"
"""The package that OpenVINO reports its imports and conversions with, to a server on the internet."""


def openvino() -> ModuleType:
    """Import OpenVINO as it is where the telemetry package is not installed: it then uses a stub of its own.

    Everything of Osteon that needs OpenVINO takes it from here.
    """
    # None in this table makes an import fail (Python's documentation of sys.modules)
    sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]
    import openvino as quiet

    return quiet  # type: ignore[no-any-return]
