"""Engines: how a model's network is run. One function from slices to logits, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ModelError, UsageError
from osteon.networks.forward import Batch
from osteon.networks.model import Model

ENGINES = ("auto", "torch", "openvino")


@dataclass(frozen=True)
class Engine:
    """A network, ready to run.

    Parameters
    ----------
    name : str
        ``torch`` or ``openvino``, with the device.
    logits : callable
        ``(n, channel, *spatial)`` float32 slices or patches to ``(n, class, *spatial)`` logits.
    """

    name: str
    logits: Callable[[Batch], Batch]


def engine_for(model: Model, engine: str = "auto", device: str = "auto") -> Engine:
    """Make a model ready to run.

    Parameters
    ----------
    model : Model
    engine : "auto", "torch" or "openvino"
        ``auto`` is torch on a GPU and OpenVINO on a CPU.
    device : "auto", "cpu", "cuda" or "mps"

    Raises
    ------
    UsageError
        If the engine is unknown or the device is not there.
    """
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine}. Known: {', '.join(ENGINES)}.")
    chosen = _device(device)
    if engine == "auto":
        engine = "torch" if chosen != "cpu" else "openvino"
    if engine == "openvino":
        if chosen != "cpu":
            raise UsageError(f"The engine openvino runs on the CPU; for {chosen} choose --engine torch.")
        return Engine("openvino on cpu", _openvino(model))
    return Engine(f"torch on {chosen}", _torch(model, chosen))


def _device(device: str) -> str:
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next((name for name in ("cuda", "mps") if there[name]), "cpu")
    if device not in there:
        raise UsageError(f"There is no device {device}. Known: auto, {', '.join(there)}.")
    if not there[device]:
        raise UsageError(f"This machine has no device {device} that torch can use; choose --device cpu.")
    return device


def _torch(model: Model, device: str) -> Callable[[Batch], Batch]:
    from osteon.networks.forward import channels_last, torch_logits

    return torch_logits(channels_last(model.network().to(device)))


def _openvino(model: Model) -> Callable[[Batch], Batch]:
    import openvino
    import torch

    shape = model.spec.network.input_shape(model.spec.preprocessing.channels)
    example = torch.zeros(1, *(64 if side == -1 else side for side in shape))
    with torch.no_grad():
        network = openvino.convert_model(model.network(), example_input=example, input=[(-1, *shape)])
    # where a CPU has bf16 units OpenVINO takes them unasked, and answers another thing than torch
    how = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    try:
        compiled = openvino.Core().compile_model(network, "CPU", how)
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO cannot compile this model ({str(error).splitlines()[0]}); use --engine torch."
        ) from error
    request = compiled.create_infer_request()

    def logits(slices: Batch) -> Batch:
        answer: NDArray[np.float32] = request.infer({0: slices})[0]
        return answer.copy()  # the request reuses its output

    return logits
