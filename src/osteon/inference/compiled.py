"""Networks as OpenVINO reads them, kept between runs: converting one takes seconds, and torch."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from osteon.inference.silenced import openvino
from osteon.io.whole import folder_written_whole
from osteon.networks.model import Model

CONVERSION = 1
"""Counts up where a network is converted in another way, so that none of an older way is taken."""


def openvino_network(model: Model, says: Callable[[str], None] = lambda message: None) -> Any:
    """Network of a model for OpenVINO: the one kept from an earlier run, or converted now and kept.

    It is kept in the user's cache folder (`cache_folder`) under the checksum of weights and description and the
    versions of the packages that made it. Where that folder cannot be written, it is converted anew in each run.

    Parameters
    ----------
    model : Model
    says : callable
        Gets a sentence if the network has to be converted.

    Raises
    ------
    ModelError
        If the weights are not those that the model was written with.
    """
    model.checked_weights()  # also where they are not read: a model with other weights is refused, not answered for
    kept = cache_folder() / "networks" / f"{model.spec.name}-{_key(model)}"
    file = kept / "network.xml"
    if file.is_file():
        try:
            return openvino().Core().read_model(file)
        except RuntimeError:  # damaged: it is made again
            pass
    says(f"preparing {model.spec.name} for this computer; later runs begin at once")
    network = _converted(model)
    try:
        with folder_written_whole(kept) as part:
            openvino().save_model(network, part / file.name, compress_to_fp16=False)
    except (OSError, RuntimeError):
        pass  # no home, no room, no right: only slower the next time
    return network


def cache_folder() -> Path:
    """Where the system wants what can be made again: it may be deleted at any time."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "osteon" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "osteon"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "osteon"


def _converted(model: Model) -> Any:
    import torch

    shape = model.spec.network.input_shape(model.spec.preprocessing.channels)
    example = torch.zeros(1, *(64 if side == -1 else side for side in shape))
    with torch.no_grad():
        return openvino().convert_model(model.network(), example_input=example, input=[(-1, *shape)])


def _key(model: Model) -> str:
    """Checksum of all that the converted network depends on."""
    made_by = {package: version(package) for package in ("osteon", "openvino", "torch")}
    parts = (CONVERSION, made_by, model.spec.model_dump_json())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
