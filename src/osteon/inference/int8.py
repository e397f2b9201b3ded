"""A network in eight bits beside the model's own: where it lies, and whether it may be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from osteon.errors import ModelError
from osteon.inference.silenced import openvino
from osteon.io.checksum import sha256
from osteon.networks.model import Model

FOLDER, NETWORK, WEIGHTS, RECORD = "int8", "network.xml", "network.bin", "int8.json"


class Int8Record(BaseModel):
    """What lies beside a quantised network.

    Parameters
    ----------
    weights_sha256 : str
        Of the model's own weights, from which it was made.
    files_sha256 : dict of str to str
        Of its files.
    passed : bool
        Whether it passed the gate (`osteon.quantisation.Gate`): then it is used unless asked otherwise.
    evidence : dict of str to float
        What the gate measured.
    versions : dict of str to str
        Of the packages that made it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights_sha256: str
    files_sha256: dict[str, str]
    passed: bool
    evidence: dict[str, float]
    versions: dict[str, str]


def int8_record(model: Model) -> Int8Record | None:
    """Record of the quantised network of a model; None if it has none, as an ensemble.

    Raises
    ------
    ModelError
        If it cannot be used, or was made from other weights.
    """
    path = model.folder / FOLDER / RECORD
    if model.spec.others_sha256 or not path.is_file():
        return None
    try:
        record = Int8Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be used. {_AGAIN}") from error
    if record.weights_sha256 != model.spec.weights_sha256:
        raise ModelError(f"{path.parent} was made from other weights than those beside it. {_AGAIN}")
    return record


def wants_int8(model: Model, precision: str) -> bool:
    """Whether a precision, ``auto``, ``fp32`` or ``int8``, means the quantised network of a model.

    Raises
    ------
    ModelError
        If it is asked for and there is none.
    """
    if precision == "fp32":
        return False
    record = int8_record(model)
    if precision == "int8" and record is None:
        raise ModelError(
            f"The model {model.spec.name} has no network in eight bits. Make one with: osteon models quantise, or "
            "leave --precision out."
        )
    return record is not None and (precision == "int8" or record.passed)


def int8_network(model: Model) -> Any:
    """Quantised network of a model, for OpenVINO.

    Raises
    ------
    ModelError
        If a file is not the one that the gate has seen.
    """
    record = int8_record(model)
    folder = model.folder / FOLDER
    for name, checksum in (record.files_sha256 if record else {NETWORK: ""}).items():
        if not (folder / name).is_file() or sha256(folder / name) != checksum:
            raise ModelError(f"{folder / name} is missing or not the file that was tested. {_AGAIN}")
    return openvino().Core().read_model(Path(folder / NETWORK))


_AGAIN = "Make it again with: osteon models quantise, or delete its folder: then the network is used as it is."
