"""The extra ``nnunet``: whether it is there, and what it needs before it can be imported."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from osteon.errors import ModelError

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""Schemas without which torchvision cannot be imported beside a torch that its build does not fit."""

_declared: list[Any] = []  # torch forgets a library that nobody holds


def nnunet_module(name: str) -> Any:
    """Import a module of nnunetv2, such as ``"inference.predict_from_raw_data"``.

    Raises
    ------
    ModelError
        If the extra is not installed, or cannot be imported.
    """
    if find_spec("nnunetv2") is None:
        raise ModelError("This needs nnU-Net, which is not installed. Install it with: pip install 'osteon[nnunet]'")
    prepare_import()
    try:
        return importlib.import_module(f"nnunetv2.{name}")
    except (ImportError, RuntimeError) as error:
        raise ModelError(
            f"nnU-Net is installed but cannot be imported ({str(error).splitlines()[0]}). Install it again, with what "
            "it needs: pip install --upgrade 'osteon[nnunet]'"
        ) from error


def prepare_import() -> None:
    """Make nnunetv2 importable in this process, and keep it from sending anything anywhere.

    nnunetv2 pulls in torchvision, which nothing here uses. Its compiled part does not load beside a torch of another
    build, such as a CPU-only one, and then its Python part asks for operators that nobody declared.
    """
    import torch

    os.environ.pop("nnUNet_wandb_enabled", None)
    torchvision = find_spec("torchvision")
    if torchvision is None or torchvision.origin is None:
        return
    for library in sorted(Path(torchvision.origin).parent.glob("_C*")):
        try:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError):
            continue
    if not hasattr(torch.ops.torchvision, "nms"):
        declared = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in OPERATORS:
            declared.define(schema)  # type: ignore[no-untyped-call]
        _declared.append(declared)
