"""The experiments of the literature, by name. A further one is a further entry of `STUDIES`."""

from __future__ import annotations

import statistics
from typing import Any

from osteon.cohort import Fold
from osteon.networks.catalogue import STRIDE
from osteon.preprocessing.prepare import WORKING_ORIENTATION
from osteon.study.arm import Arm, Setting, Study
from osteon.study.subjects import first, shuffled
from osteon.study.transfer import transfer_arms

SIZES = (512, 400, 256)
BACKBONES = {
    "resnet34-unet": "ResNet34",
    "resnet50-unet": "ResNet50",
    "vgg19-unet": "VGG19",
    "mobilenetv2-unet": "MobileNetV2",
}
ARCHITECTURES = {
    "resnet34-unet": "ResNet34 U-Net",
    "nnunet-2d": "nnU-Net 2D",
    "nnunet-3d": "nnU-Net 3D",
    "unet2d": "plain 2D U-Net",
    "unet3d": "3D U-Net",
    "hdenseunet": "H-DenseUNet",
}
LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "dice-focal": ("Dice + focal", {"voxels": "categorical-focal", "dice_weight": 1.0, "focal_weight": 1.0}),
    "dice": ("Dice", {"dice_weight": 1.0, "focal_weight": 0.0}),
    "cross-entropy": ("Cross entropy", {"voxels": "cross-entropy", "dice_weight": 0.0, "focal_weight": 1.0}),
    "dice-cross-entropy": (
        "Dice + cross entropy",
        {"voxels": "cross-entropy", "dice_weight": 1.0, "focal_weight": 1.0},
    ),
}
RATES = {"1e-3": 1e-3, "1e-2": 1e-2, "1e-4": 1e-4, "1e-5": 1e-5}

ONE_STEP = {
    "epochs": 1,
    "steps": 1,
    "batch": 2,
    "minutes": None,
    "processor_minutes": None,
    "optimiser": {"accumulate": 1},
}
"""Just enough for a model that can be timed."""

TIMED_SUBJECTS = 3


def _networks(names: dict[str, str], changes: dict[str, Any]) -> list[Arm]:
    return [Arm(name, title, {"network": {"name": name}} | changes) for name, title in names.items()]


def _pretrained(setting: Setting) -> list[Arm]:
    network = {"network": {"name": "mobilenetv2-unet"}}
    return [
        Arm("random", "Random weights", network | {"encoder": {"weights": "random"}}),
        Arm("pretrained", "ImageNet weights", network | {"encoder": {"weights": setting.weights}}),
    ]


def _losses(setting: Setting) -> list[Arm]:
    return [Arm(name, title, {"loss": table}) for name, (title, table) in LOSSES.items()]


def _rates(setting: Setting) -> list[Arm]:
    rows = [
        Arm(f"rate-{name}", f"Learning rate {name}", {"optimiser": {"learning_rate": rate}}, place=rate)
        for name, rate in RATES.items()
    ]
    falling = {"optimiser": {"learning_rate": 1e-4, "schedule": "linear", "fall": 1e-6}}
    return [*rows, Arm("rate-1e-4-linear", "1e-4, less 1e-6 an epoch", falling)]


def _sizes(setting: Setting) -> list[Arm]:
    field_mm, arms = _field_mm(setting), []
    for size in SIZES:
        crop = -(-size // STRIDE) * STRIDE
        changes = {
            "preprocessing": {"spacing_mm": (field_mm / size, field_mm / size), "size": None},
            "sampling": {"rows": crop, "columns": crop},
        }
        arms.append(Arm(f"size-{size}", f"{size} × {size}", changes, place=size))
    return arms


def _field_mm(setting: Setting) -> float:
    """Longer side of a slice, median over training cases: what an input of so many pixels stands for."""
    cohort, plane = setting.cohorts[0], setting.config.training.preprocessing.plane
    sides = []
    for case in cohort.of_subjects(setting.splits[0].folds[0].train):
        grid = cohort.scan(case).reoriented(WORKING_ORIENTATION[plane]).grid
        sides.append(max(n * mm for n, mm in zip(grid.shape[1:], grid.spacing_mm[1:], strict=True)))
    return float(statistics.median(sides))


def _numbers(setting: Setting) -> list[Arm]:
    """All training subjects, then 1, 2, 4 ... of them, each set within the next."""
    every = min(len(fold.train) for fold in setting.splits[0].folds)
    few = [2**power for power in range(every.bit_length()) if 2**power < every]

    def arm(number: int) -> Arm:
        title = f"{number} subject{'s' if number > 1 else ''}"
        return Arm(f"subjects-{number}", title, picked=first(number, seed=setting.config.training.seed), place=number)

    return [arm(number) for number in [every, *few]]


def _timed(fold: Fold) -> Fold:
    return fold.model_copy(update={"validation": fold.validation[:1], "test": shuffled(fold.test, 0)[:TIMED_SUBJECTS]})


def _cost(setting: Setting) -> list[Arm]:
    return [
        Arm(name, title, {"network": {"name": name}} | ONE_STEP, picked=_timed) for name, title in ARCHITECTURES.items()
    ]


STUDIES = {
    study.name: study
    for study in (
        Study(
            "architectures",
            "Architectures",
            "Which network segments best, in Dice and in volume, after the same time of training?",
            lambda setting: _networks(ARCHITECTURES, {}),
        ),
        Study(
            "backbones",
            "Backbones",
            "Which encoder serves a U-Net best after the same time of training?",
            lambda setting: _networks(BACKBONES, {}),
        ),
        Study(
            "cost",
            "Cost",
            "How many parameters has each network, and how long and with how much memory does it segment a scan?",
            _cost,
            scored=False,
        ),
        Study(
            "input-size",
            "Input size",
            "What does a larger input gain, and what does it cost in time and memory?",
            _sizes,
            axis="side of the input (pixels)",
        ),
        Study(
            "labels-needed",
            "Labels needed",
            "How good is the network with fewer annotated subjects?",
            _numbers,
            axis="training subjects",
        ),
        Study("learning-rates", "Learning rates", "Which learning rate is best?", _rates, axis="learning rate"),
        Study("losses", "Losses", "Which loss is best?", _losses),
        Study(
            "pretrained-vs-random",
            "Pre-trained against random weights",
            "Does an encoder that knows photographs learn scans better than one that knows nothing?",
            _pretrained,
        ),
        Study(
            "transfer",
            "Transfer to another scanner",
            "How good is a model on scans of another kind, untouched and fine-tuned with one, two, three subjects, and "
            "what does it change to augment the contrast?",
            transfer_arms,
        ),
    )
}
