"""The whole configuration of a training, one TOML file; unknown keys are refused by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from osteon.errors import TrainingError
from osteon.networks.catalogue import has_encoder
from osteon.networks.model import NetworkSpec, PostprocessingSpec
from osteon.preprocessing import Preprocessing
from osteon.synthesis.scanner.settings import GeneratorSettings
from osteon.training.tables import AugmentationConfig as AugmentationConfig
from osteon.training.tables import EncoderConfig as EncoderConfig
from osteon.training.tables import LossConfig as LossConfig
from osteon.training.tables import NnunetConfig as NnunetConfig
from osteon.training.tables import OptimiserConfig as OptimiserConfig
from osteon.training.tables import SamplingConfig as SamplingConfig
from osteon.training.tables import Table


class TrainingConfig(Table):
    """All of one training; see the tables' own descriptions.

    ``name``, ``title``, ``licence``: of the model that comes out. ``classes``: structures or groups that the network
    tells apart. ``start``: a model, by name or folder, whose weights the network starts from. ``epochs`` of ``steps``
    batches of ``batch`` crops; training stops early after ``patience`` epochs without a better validation loss, or
    when its ``minutes`` are spent (time in epochs, over resumes), within an epoch if need be; ``processor_minutes``
    are those that it computes itself, by all its threads, whatever else the machine does.
    ``precision``: ``32-true``, ``bf16-mixed`` or ``16-mixed`` (on a GPU). ``devices``: processes, on a GPU each or on
    the CPU, that share every batch. ``tensorboard``: whether the run folder gets files for TensorBoard.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    licence: str = "not stated"
    classes: tuple[str, ...] = Field(min_length=1)
    start: str | None = None
    seed: int = 0
    epochs: int = Field(default=60, ge=1)
    steps: int = Field(default=60, ge=1)
    batch: int = Field(default=12, ge=1)
    patience: int = Field(default=20, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    processor_minutes: float | None = Field(default=None, gt=0)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    devices: int = Field(default=1, ge=1)
    tensorboard: bool = False
    network: NetworkSpec = NetworkSpec()
    encoder: EncoderConfig = EncoderConfig()
    preprocessing: Preprocessing = Preprocessing()
    postprocessing: PostprocessingSpec = PostprocessingSpec()
    sampling: SamplingConfig = SamplingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    synthesis: GeneratorSettings = GeneratorSettings()
    optimiser: OptimiserConfig = OptimiserConfig()
    loss: LossConfig = LossConfig()
    nnunet: NnunetConfig = NnunetConfig()

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, given: Any) -> Any:
        """The minutes were a key of nnU-Net's table once; runs and recipes of that time go on."""
        table = given.get("nnunet") if isinstance(given, Mapping) else None
        if not isinstance(table, Mapping) or "minutes" not in table:
            return given
        kept = {key: value for key, value in table.items() if key != "minutes"}
        return {"minutes": table["minutes"]} | dict(given) | {"nnunet": kept}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names a class twice")
        if self.start is not None and self.encoder.weights != "random":
            raise ValueError("start and encoder.weights both say what the encoder starts from; leave one out")
        asked = self.encoder.weights != "random" or self.encoder.frozen_epochs > 0
        if asked and not has_encoder(self.network.name):
            raise ValueError(f"encoder: {self.network.name} has no encoder that could be frozen or pre-trained")
        if strangers := sorted(set(self.loss.class_weights) - set(self.classes)):
            raise ValueError(f"loss.class_weights names {strangers[0]}, which is none of the classes")
        if self.loss.dice_weight + self.loss.focal_weight == 0:
            raise ValueError("loss.dice_weight and loss.focal_weight are both 0: nothing would be learned")
        if self.steps % self.optimiser.accumulate:
            raise ValueError(f"steps must be a multiple of optimiser.accumulate, {self.optimiser.accumulate}")
        for crops, what in ((self.real_crops, "crops of cases"), (self.synthetic_crops, "slices of bodies")):
            if crops % self.devices:
                raise ValueError(f"devices: {crops} {what} in a batch cannot be shared equally among {self.devices}")
        if self.processor_minutes is not None and (self.devices > 1 or self.nnunet.workers is not None):
            what = "devices" if self.devices > 1 else "nnunet.workers"
            raise ValueError(f"processor_minutes are those of one process; leave {what} out, or give minutes instead")
        if self.devices > 1 and self.network.planned:
            raise ValueError("devices: nnU-Net is trained on one device here")
        if self.network.patch is not None and self.sampling.synthetic:
            raise ValueError(f"sampling.synthetic: bodies give slices, and {self.network.name} sees patches")
        anchor = self.postprocessing.anchor
        if anchor is not None and anchor not in self.classes:
            raise ValueError(f"postprocessing.anchor is {anchor}, which is none of the classes")
        return self

    @property
    def class_weights(self) -> tuple[float, ...]:
        """Weight of each class in the loss, background first."""
        how = self.loss
        return (1.0, *(how.class_weights.get(name, how.foreground_weight) for name in self.classes))

    @property
    def synthetic_crops(self) -> int:
        """How many crops of a batch are made from bodies."""
        return round(self.batch * self.sampling.synthetic)

    @property
    def real_crops(self) -> int:
        """How many crops of a batch are cut from cases."""
        return self.batch - self.synthetic_crops

    @classmethod
    def load(cls, path: Path) -> TrainingConfig:
        """Read a TOML file.

        Raises
        ------
        TrainingError
            If it is missing, is not TOML, or has a key or value that is not known.
        """
        return cls.checked(read_tables(path), str(path))

    @classmethod
    def checked(cls, tables: Mapping[str, Any], where: str) -> TrainingConfig:
        """Tables as a configuration; `TrainingError` names the first key that is wrong, and ``where`` it is."""
        try:
            return cls.model_validate(tables)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            what = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"]
            raise TrainingError(f"{where}: {key + ': ' if key else ''}{what}.") from error


def read_tables(path: Path) -> dict[str, Any]:
    """Tables of a TOML file, not yet held against the known keys.

    Raises
    ------
    TrainingError
        If it is missing or is not TOML.
    """
    if not path.is_file():
        raise TrainingError(f"There is no configuration {path}.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is not valid TOML: {error}.") from error
