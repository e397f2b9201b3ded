"""The tables of a training's configuration, each with its keys and their defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Table(BaseModel):
    """A table whose unknown keys are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderConfig(Table):
    """What the encoder starts from.

    ``weights``: ``random``, ``download`` (torchvision's ImageNet file) or the path of such a file.
    ``frozen_epochs``: epochs for which the encoder is not trained.
    """

    weights: str = "random"
    frozen_epochs: int = Field(default=0, ge=0)


class SamplingConfig(Table):
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


class AugmentationConfig(Table):
    """Random changes to a crop; 0 switches one off.

    ``warped``: share of crops that are turned and scaled; the others keep the scan's own pixels, as all do when the
    network is used. ``rotation_degrees``: at most so much in plane. ``scaling``: at most by this factor up or down.
    ``flip``: chance of a left-right flip, which swaps the labels of mirror partners. ``gamma``: exponent between
    1/gamma and gamma. ``contrast``, ``brightness``: largest relative and absolute change. ``noise``: largest standard
    deviation (Rician). ``bias_field``: largest log-amplitude of a smooth field. ``blur_mm``: largest sigma.
    ``remapped``: share of crops whose grey values go through a random curve: any tissue may have any brightness.
    ``elastic``: largest displacement of a smooth random warp, in pixels. ``ghosting``: strongest ghost of a body that
    moves, along a random axis. ``thick``: share of crops of thicker slices, the mean of three. ``offline``: 0 changes
    every crop anew; else each slice has so many versions, the first unchanged, which are the same in every epoch.
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
    elastic: float = Field(default=0.0, ge=0)
    ghosting: float = Field(default=0.0, ge=0, le=1)
    thick: float = Field(default=0.0, ge=0, le=1)
    offline: int = Field(default=0, ge=0)


class OptimiserConfig(Table):
    """An optimiser, with warm-up and a schedule of its learning rate.

    ``algorithm``: ``adamw``, ``adam`` or ``sgd`` (with momentum). ``schedule``: ``cosine`` or ``polynomial`` down to
    ``final_share`` of the learning rate at the last epoch, ``linear`` by ``fall`` an epoch, or ``constant``.
    ``accumulate``: so many batches make one step, as if they were one large batch. ``average``: decay of the
    exponential moving average of the weights that is validated and kept; 0 for none.
    """

    algorithm: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    warmup_epochs: int = Field(default=2, ge=0)
    schedule: Literal["cosine", "polynomial", "linear", "constant"] = "cosine"
    fall: float = Field(default=1e-6, ge=0)
    final_share: float = Field(default=0.01, ge=0, le=1)
    clip_norm: float = Field(default=5.0, gt=0)
    accumulate: int = Field(default=1, ge=1)
    average: float = Field(default=0.99, ge=0, lt=1)


class LossConfig(Table):
    """Dice loss and a loss of every voxel.

    ``voxels``: ``focal`` (of each class against the rest; ``focal_gamma`` 0 is cross entropy), ``categorical-focal``
    or ``cross-entropy`` (of all classes at once). ``dice_weight``, ``focal_weight``: of the two parts; 0 leaves one
    out. ``foreground_weight``: of every class against the background; above 1 a network that sees little but background
    learns sooner. ``class_weights``: of single classes by name, instead.
    ``place_weight``: of the error of the place along the body, for networks that tell it. ``partial_labels``: whether a
    class that was not annotated in a case may be there unseen; else its absence is taught.
    """

    voxels: Literal["focal", "categorical-focal", "cross-entropy"] = "focal"
    dice_weight: float = Field(default=1.0, ge=0)
    focal_weight: float = Field(default=1.0, ge=0)
    focal_gamma: float = Field(default=2.0, ge=0)
    foreground_weight: float = Field(default=1.0, gt=0)
    class_weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    place_weight: float = Field(default=1.0, ge=0)
    partial_labels: bool = True


class NnunetConfig(Table):
    """What nnU-Net is told, for the networks ``nnunet-2d`` and ``nnunet-3d``; it plans everything else itself.

    ``memory_gb``: of the graphics card that it plans batch and patch for. ``planner``: one of its planners, such as
    ``nnUNetPlannerResEncM``. ``workers``: processes beside the main one; ``None`` (left out) takes the cores there are
    on a GPU, and none for augmentation on a CPU, where the same seed gives the same weights then. ``mirrored_use``:
    whether the trained network is asked mirrored, too, and the answers averaged, as nnU-Net does by itself (its option
    ``--disable_tta`` leaves that out); it takes twice the time for each axis that may be mirrored.
    """

    memory_gb: float = Field(default=8.0, gt=0)
    planner: str = Field(default="ExperimentPlanner", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    workers: int | None = Field(default=None, ge=1)
    mirrored_use: bool = True
