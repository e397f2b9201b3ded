"""Small folders as nnU-Net's training leaves them, without nnU-Net."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

LEG_LABELS = {"background": 0, "tibia_right": 1, "left tibia": 2}


def plans(**configurations: dict[str, Any]) -> dict[str, Any]:
    """A plan with some configurations, each a plain 3-D U-Net."""
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {"n_stages": 2, "conv_op": "torch.nn.modules.conv.Conv3d", "dropout_op": None},
        "_kw_requires_import": ["conv_op", "dropout_op"],
    }
    usual = {"architecture": architecture, "patch_size": [16, 32, 32]}
    return {
        "dataset_name": "Dataset001_Legs",
        "transpose_forward": [0, 1, 2],
        "image_reader_writer": "SimpleITKIO",
        "configurations": {name: usual | changes for name, changes in (configurations or {"3d_fullres": {}}).items()},
    }


def checkpoint(outputs: int, configuration: str, value: float = 1.0) -> dict[str, Any]:
    """A checkpoint with the parts that nnU-Net's have: shared tensors, numpy's numbers, a device."""
    shared = torch.full((4, 1, 3, 3, 3), value)
    return {
        "network_weights": {
            "encoder.conv.weight": shared,
            "encoder.all_modules.0.weight": shared,
            "decoder.encoder.conv.weight": shared,
            "decoder.seg_layers.0.weight": torch.full((outputs, 4, 1, 1, 1), value),
        },
        "logging": {"train_losses": [np.float32(0.5)], "dice_per_class_or_region": [[np.float64(0.25)]]},
        "_best_ema": np.float64(0.25),
        "init_args": {"configuration": configuration, "fold": 0, "device": torch.device("cpu")},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1),
    }


def release(
    folder: Path,
    labels: dict[str, Any] | None = None,
    *,
    folds: tuple[str, ...] = ("0",),
    configuration: str = "3d_fullres",
    dataset: dict[str, Any] | None = None,
    plan: dict[str, Any] | None = None,
) -> Path:
    """A trained folder below ``folder``; the weights of the folds are 1, 2, 3 ..."""
    trained = folder / "Dataset001_Legs" / f"nnUNetTrainer__nnUNetPlans__{configuration}"
    labels = labels or LEG_LABELS
    document = {"channel_names": {"0": "MRI"}, "labels": labels, "file_ending": ".nii.gz", "name": "Legs"}
    trained.mkdir(parents=True)
    (trained / "dataset.json").write_text(json.dumps(document | (dataset or {})), encoding="utf-8")
    (trained / "plans.json").write_text(json.dumps(plan or plans(**{configuration: {}})), encoding="utf-8")
    for number, fold in enumerate(folds, start=1):
        (trained / f"fold_{fold}").mkdir()
        made = checkpoint(len(labels), configuration, float(number))
        torch.save(made, trained / f"fold_{fold}" / "checkpoint_final.pth")
    return trained
