"""Model: a folder with all that is needed to segment: ``model.toml``, ``weights.safetensors``, ``card.md``.

A ``confidence.json`` (`osteon.confidence.Calibration`) may lie beside them: what the model's answers are worth.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from osteon.anatomy import Task
from osteon.errors import ModelError
from osteon.io.checksum import sha256
from osteon.io.whole import folder_written_whole
from osteon.networks.network_spec import NetworkSpec as NetworkSpec  # a part of what a model says
from osteon.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.toml"
CARD = "card.md"
CONFIDENCE = "confidence.json"


class PostprocessingSpec(BaseModel):
    """What is done to the network's answer.

    Parameters
    ----------
    method : "volume" or "slices"
        Parts and holes in 3-D, with sides and neighbours put right; or slice by slice, by size alone. Levels are always
        found in 3-D.
    smallest_mm3 : float
        Smaller separate parts of a structure are removed (``volume``).
    part_share : float
        So are parts smaller than this share of the structure's largest part (``volume``).
    near_mm : float
        And parts further than this from the others, unless they continue the bone (``volume``).
    slice_share : float
        Share of a structure's area in a slice below which holes are filled and (``slices``) parts are removed.
    anchor : str, optional
        Class whose instance is the lowest level, for tasks with levels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["volume", "slices"] = "volume"
    smallest_mm3: float = Field(default=1000.0, ge=0)
    part_share: float = Field(default=0.005, ge=0, le=1)
    near_mm: float = Field(default=15.0, ge=0)
    slice_share: float = Field(default=0.01, ge=0, lt=1)
    anchor: str | None = None


class ModelSpec(BaseModel):
    """What ``model.toml`` says.

    Parameters
    ----------
    name, title : str
    format : int
        Of this file.
    task : str
    classes : tuple of str
        Structures or groups of the task that the network tells apart, without background.
    network : NetworkSpec
    preprocessing : Preprocessing
    postprocessing : PostprocessingSpec
    licence : str
        Of the weights.
    weights_sha256 : str
    others_sha256 : tuple of str
        Of the weights of an ensemble's further networks (`osteon.networks.ensemble`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    format: Literal[1] = 1
    task: str
    classes: tuple[str, ...] = Field(min_length=1)
    network: NetworkSpec
    preprocessing: Preprocessing
    postprocessing: PostprocessingSpec
    licence: str
    weights_sha256: str
    others_sha256: tuple[str, ...] = ()

    def network_module(self) -> nn.Module:
        """The network, with random weights."""
        return self.network.built(self.preprocessing.channels, len(self.classes) + 1)


@dataclass(frozen=True)
class Model:
    """A model folder, opened and checked; weights are read by `network`.

    Parameters
    ----------
    folder : Path
    spec : ModelSpec
    task : Task
    """

    folder: Path
    spec: ModelSpec
    task: Task

    @classmethod
    def load(cls, name_or_folder: str | Path) -> Model:
        """Open a model: one of the package's by name, or a folder.

        Raises
        ------
        ModelError
            If it does not exist, lacks a file, or its weights are not those it was written with.
        """
        folder = next(
            (place / str(name_or_folder) for place in _places() if str(name_or_folder) in _models_in(place)),
            Path(name_or_folder),
        )
        if not (folder / DESCRIPTION).is_file():
            raise ModelError(
                f"There is no model {name_or_folder}. Known: {', '.join(cls.available()) or 'none'}; a model of your "
                f"own is given as its folder, which holds {DESCRIPTION}, {WEIGHTS} and {CARD}, or added with: osteon "
                "models add"
            )
        try:
            spec = ModelSpec.model_validate(tomllib.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, ValidationError, UnicodeDecodeError) as error:
            raise ModelError(f"{folder / DESCRIPTION} cannot be used: {_first_line(error)}") from error
        if not (folder / WEIGHTS).is_file():
            raise ModelError(f"The model {folder} has no {WEIGHTS}.")
        return cls(folder, spec, Task.load_beside(folder, spec.task))

    @staticmethod
    def available() -> list[str]:
        """Names of the models in the package, and of those that were added to this installation."""
        return sorted({name for place in _places() for name in _models_in(place)})

    def card(self) -> str:
        """The model's card, Markdown."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def checked_weights(self) -> Path:
        """File of the weights.

        Raises
        ------
        ModelError
            If they are not those that the model was written with.
        """
        path = self.folder / WEIGHTS
        if sha256(path) != self.spec.weights_sha256:
            raise ModelError(
                f"{path} is not the file that {DESCRIPTION} describes (another SHA-256). Install it again."
            )
        return path

    def network(self) -> nn.Module:
        """The network with its weights, float32, in evaluation mode."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self.checked_weights()
        network = self.spec.network_module()
        try:
            weights = {name: w.float() if w.is_floating_point() else w for name, w in load_file(path).items()}
            network.load_state_dict(weights)
        except (SafetensorError, RuntimeError) as error:
            raise ModelError(f"{path} does not fit the network of {DESCRIPTION}: {_first_line(error)}") from error
        return network.eval()


def write_model(
    folder: Path,
    spec: ModelSpec,
    weights: dict[str, Tensor],
    card: str,
    task: Task | None = None,
    files: Mapping[str, str] = MappingProxyType({}),
) -> Model:
    """Write a model folder, whole; floating-point weights become float16 where they fit.

    Parameters
    ----------
    folder : Path
    spec : ModelSpec
        Its ``weights_sha256`` is filled in here.
    weights : dict of Tensor
        A network's ``state_dict``.
    card : str
        Markdown: data, licences, training, results, failures.
    task : Task, optional
        Goes into the folder if it is a user's own.
    files : mapping of str to str
        Names and texts of further files.
    """
    from safetensors.torch import save_file

    with folder_written_whole(folder) as part:
        small = {name: _half(value).contiguous() for name, value in weights.items()}
        save_file(small, part / WEIGHTS)
        spec = spec.model_copy(update={"weights_sha256": sha256(part / WEIGHTS)})
        (part / DESCRIPTION).write_text(description(spec), encoding="utf-8")
        (part / CARD).write_text(card, encoding="utf-8")
        if task is not None:
            task.write_beside(part)
        for name, text in files.items():
            (part / name).write_text(text, encoding="utf-8")
    return Model.load(folder)


def shipped_folder() -> Path:
    """Folder of the models in the package."""
    return Path(str(resources.files("osteon"))) / "models"


def added_folder() -> Path:
    """Folder of the models that the user added: ``.osteon/models`` at home."""
    return Path.home() / ".osteon" / "models"


def _places() -> tuple[Path, Path]:
    """Where models with names lie; one of the package goes before an added one."""
    return shipped_folder(), added_folder()


def _models_in(folder: Path) -> list[str]:
    return [file.parent.name for file in folder.glob(f"*/{DESCRIPTION}")] if folder.is_dir() else []


def _half(value: Tensor) -> Tensor:
    """A tensor in float16, but for integers and for numbers too large for it (beyond 65504)."""
    if not value.is_floating_point():
        return value
    half = value.half()
    return half if half.isfinite().all() else value


def description(spec: ModelSpec) -> str:
    """TOML of a spec: plain keys first, then one table for each nested part."""
    content = spec.model_dump(exclude_none=True, exclude=None if spec.others_sha256 else {"others_sha256"})
    content["preprocessing"].setdefault("spacing_mm", "own")
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    lines = [f"{key} = {_value(value)}" for key, value in content.items() if key not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    # JSON's strings, numbers, booleans and arrays are TOML's
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}."
    return str(error).splitlines()[0]
