"""The whole configuration of a training, one TOML file; unknown keys are refused by name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from osteon.errors import TrainingError
from osteon.networks.model import NetworkSpec, PostprocessingSpec
from osteon.preprocessing import Preprocessing
from osteon.synthesis.scanner.settings import GeneratorSettings


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderConfig(_Table):
    """What the encoder starts from.

    ``weights``: ``random``, ``download`` (torchvision's ImageNet file) or the path of such a file.
    ``frozen_epochs``: epochs for which the encoder is not trained.
    """

    weights: str = "random"
    frozen_epochs: int = Field(default=0, ge=0)


class SamplingConfig(_Table):
    """Which crops of which slices are learned from.

    ``rows``, ``columns``: size of a crop, multiples of 32. ``labelled``: share of slices that hold labels (centred on
    them); the others are drawn from anywhere. ``balance``: 0 draws every case equally often, 1 every group, between
    them a power of the group's size. ``synthetic``: share of a batch that is made from bodies (`osteon.synthesis`).
    ``judging``: so many subjects of every further cohort (phantoms) are validated on instead of learned from.
    """

    rows: int = Field(default=256, ge=32, multiple_of=32)
    columns: int = Field(default=160, ge=32, multiple_of=32)
    labelled: float = Field(default=0.8, ge=0, le=1)
    balance: float = Field(default=0.5, ge=0, le=1)
    synthetic: float = Field(default=0.0, ge=0, le=1)
    judging: int = Field(default=0, ge=0)


class AugmentationConfig(_Table):
    """Random changes to a crop; 0 switches one off.

    ``warped``: share of crops that are turned and scaled; the others keep the scan's own pixels, as all do when the
    network is used. ``rotation_degrees``: at most so much in plane. ``scaling``: at most by this factor up or down.
    ``flip``: chance of a left-right flip, which swaps the labels of mirror partners. ``gamma``: exponent between
    1/gamma and gamma. ``contrast``, ``brightness``: largest relative and absolute change. ``noise``: largest standard
    deviation (Rician). ``bias_field``: largest log-amplitude of a smooth field. ``blur_mm``: largest sigma.
    ``remapped``: share of crops whose grey values go through a random curve: any tissue may have any brightness.
    """

    warped: float = Field(default=1.0, ge=0, le=1)
    rotation_degrees: float = Field(default=15.0, ge=0, le=180)
    scaling: float = Field(default=1.2, ge=1, le=3)
    flip: float = Field(default=0.5, ge=0, le=1)
    gamma: float = Field(default=1.5, ge=1)
    contrast: float = Field(default=0.25, ge=0, lt=1)
    brightness: float = Field(default=0.1, ge=0)
    noise: float = Field(default=0.05, ge=0)
    bias_field: float = Field(default=0.5, ge=0)
    blur_mm: float = Field(default=1.0, ge=0)
    remapped: float = Field(default=0.0, ge=0, le=1)


class OptimiserConfig(_Table):
    """AdamW with warm-up, then a cosine down to ``final_share`` of the learning rate.

    ``average``: decay of the exponential moving average of the weights that is validated and kept; 0 for none.
    """

    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    warmup_epochs: int = Field(default=2, ge=0)
    final_share: float = Field(default=0.01, ge=0, le=1)
    clip_norm: float = Field(default=5.0, gt=0)
    average: float = Field(default=0.99, ge=0, lt=1)


class LossConfig(_Table):
    """Dice loss and a loss of every voxel.

    ``voxels``: ``focal`` (of each class against the rest; ``focal_gamma`` 0 is cross entropy) or ``cross-entropy`` (of
    all classes at once). ``dice_weight``, ``focal_weight``: of the two parts. ``foreground_weight``: of every class
    against the background; above 1 a network that sees little but background learns sooner.
    ``place_weight``: of the error of the place along the body, for networks that tell it. ``partial_labels``: whether a
    class that was not annotated in a case may be there unseen; else its absence is taught.
    """

    voxels: Literal["focal", "cross-entropy"] = "focal"
    dice_weight: float = Field(default=1.0, ge=0)
    focal_weight: float = Field(default=1.0, ge=0)
    focal_gamma: float = Field(default=2.0, ge=0)
    foreground_weight: float = Field(default=1.0, gt=0)
    place_weight: float = Field(default=1.0, ge=0)
    partial_labels: bool = True


class TrainingConfig(_Table):
    """All of one training; see the tables' own descriptions.

    ``name``, ``title``, ``licence``: of the model that comes out. ``classes``: structures or groups that the network
    tells apart. ``start``: a model, by name or folder, whose weights the network starts from. ``epochs`` of ``steps``
    batches of ``batch`` crops; training stops early after ``patience`` epochs without a better validation loss.
    ``precision``: ``32-true``, ``bf16-mixed`` or ``16-mixed`` (on a GPU).
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
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    network: NetworkSpec = NetworkSpec()
    encoder: EncoderConfig = EncoderConfig()
    preprocessing: Preprocessing = Preprocessing()
    postprocessing: PostprocessingSpec = PostprocessingSpec()
    sampling: SamplingConfig = SamplingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    synthesis: GeneratorSettings = GeneratorSettings()
    optimiser: OptimiserConfig = OptimiserConfig()
    loss: LossConfig = LossConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names a class twice")
        if self.start is not None and self.encoder.weights != "random":
            raise ValueError("start and encoder.weights both say what the encoder starts from; leave one out")
        anchor = self.postprocessing.anchor
        if anchor is not None and anchor not in self.classes:
            raise ValueError(f"postprocessing.anchor is {anchor}, which is none of the classes")
        return self

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
        if not path.is_file():
            raise TrainingError(f"There is no configuration {path}.")
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise TrainingError(f"{path} is not valid TOML: {error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            what = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"]
            raise TrainingError(f"{path}: {key + ': ' if key else ''}{what}.") from error
