"""Engines: how a model's network is run. One function from slices to logits, whatever stands behind it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ModelError, UsageError
from osteon.geometry import Grid
from osteon.inference.compiled import openvino_network
from osteon.inference.int8 import int8_network, wants_int8
from osteon.inference.running import Bytes, Compiled
from osteon.networks.ensemble import networks_of
from osteon.networks.forward import Batch
from osteon.networks.model import Model
from osteon.volume import Volume

ENGINES = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "fp32", "int8")


@dataclass(frozen=True)
class Engine:
    """A network, ready to run.

    Parameters
    ----------
    name : str
        ``torch`` or ``openvino``, with the device.
    logits : callable
        ``(n, channel, *spatial)`` float32 slices or patches to ``(n, class, *spatial)`` logits.
    networks : tuple of Engine
        One for each network of an ensemble; empty for a single one.
    whole : callable, optional
        From a scan to its probabilities and their grid, for networks that see scans in a way of their own; ``logits``
        is not used then.
    answers : callable, optional
        From batches to their probabilities as `answered` says it, where that is quicker than logits one by one.
    """

    name: str
    logits: Callable[[Batch], Batch]
    networks: tuple[Engine, ...] = ()
    whole: Callable[[Volume], tuple[NDArray[np.uint8], Grid]] | None = None
    answers: Callable[[Iterable[Batch]], Iterator[Bytes]] | None = None

    def answered(self, batches: Iterable[Batch]) -> Iterator[Bytes]:
        """Probabilities of each batch in turn, ``(n, class, *spatial)``, 0 to 255.

        Batches are taken ahead of the answers; an answer lasts until the next is asked for.
        """
        if self.answers is not None:
            return self.answers(batches)
        return (as_bytes(self.logits(seen)) for seen in batches)


def engine_for(
    model: Model,
    engine: str = "auto",
    device: str = "auto",
    says: Callable[[str], None] = lambda message: None,
    precision: str = "auto",
) -> Engine:
    """Make a model ready to run.

    Parameters
    ----------
    model : Model
    engine : "auto", "torch" or "openvino"
        ``auto`` is torch on a GPU and OpenVINO on a CPU.
    device : "auto", "cpu", "cuda" or "mps"
    says : callable
        Gets a sentence about what takes longer this time.
    precision : "auto", "fp32" or "int8"
        ``auto`` is the network in eight bits where the model has one that passed its gate (`osteon.quantisation`), and
        OpenVINO runs it.

    Raises
    ------
    UsageError
        If the engine is unknown or the device is not there.
    """
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine}. Known: {', '.join(ENGINES)}.")
    chosen = _device(device)
    if precision not in PRECISIONS:
        raise UsageError(f"There is no precision {precision}. Known: {', '.join(PRECISIONS)}.")
    if model.spec.network.planned:
        return _planned(model, engine, chosen)
    if engine == "auto":
        engine = "torch" if chosen != "cpu" else "openvino"
    if engine == "openvino":
        if chosen != "cpu":
            raise UsageError(f"The engine openvino runs on the CPU; for {chosen} choose --engine torch.")
        if wants_int8(model, precision):
            return of_openvino("openvino int8 on cpu", int8_network(model))
        name = "openvino on cpu"
        return _together(name, [of_openvino(name, openvino_network(one, says)) for one in networks_of(model)])
    if precision == "int8":
        raise UsageError("A network in eight bits runs with OpenVINO on the CPU; choose --engine openvino.")
    name = f"torch on {chosen}"
    return _together(name, [Engine(name, _torch(one, chosen)) for one in networks_of(model)])


def of_openvino(name: str, network: Any) -> Engine:
    """Engine of one network that sees slices or patches.

    Parameters
    ----------
    name : str
    network : openvino.Model
    """
    ready = Compiled(network)
    return Engine(name, ready.logits, answers=ready.answers)


def _planned(model: Model, engine: str, device: str) -> Engine:
    if engine == "openvino":
        raise UsageError(f"The model {model.spec.name} is run by nnU-Net, with torch. Leave --engine openvino out.")
    from osteon.inference.planned import planned_answer

    def no_slices(seen: Batch) -> Batch:
        raise ModelError(f"The model {model.spec.name} is run by nnU-Net, on whole scans only.")

    return Engine(f"nnU-Net on {device}", no_slices, whole=planned_answer(networks_of(model), device))


def _together(name: str, networks: list[Engine]) -> Engine:
    """One network, or several of which the probabilities are averaged."""
    if len(networks) == 1:
        return networks[0]
    return Engine(name, lambda seen: averaged([one.logits(seen) for one in networks]), tuple(networks))


def as_bytes(logits: Batch) -> Bytes:
    """Probabilities, 0 to 255, of ``(n, class, *spatial)`` logits."""
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    likely *= 255 / likely.sum(axis=1, keepdims=True)
    return np.asarray(np.rint(likely, out=likely), dtype=np.uint8)


def averaged(answers: Sequence[Batch]) -> Batch:
    """Logits whose probabilities are the mean of several networks' probabilities, ``(n, class, *spatial)``."""
    total = np.zeros_like(answers[0])
    for logits in answers:
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        total += likely / likely.sum(axis=1, keepdims=True)
    return np.log(np.maximum(total / len(answers), np.finfo(np.float32).tiny))


def _device(device: str) -> str:
    if device == "cpu" or (device == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next((name for name in ("cuda", "mps") if there[name]), "cpu")
    if device not in there:
        raise UsageError(f"There is no device {device}. Known: auto, {', '.join(there)}.")
    if not there[device]:
        raise UsageError(f"This machine has no device {device} that torch can use; choose --device cpu.")
    return device


def _may_have_gpu() -> bool:
    """Whether torch is worth asking: importing it takes longer than all else before the network."""
    if sys.platform != "linux":
        return True
    # drivers of NVIDIA, of AMD, and of Windows below a Linux that runs in it
    return any(Path(driver).exists() for driver in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


def _torch(model: Model, device: str) -> Callable[[Batch], Batch]:
    from osteon.networks.forward import channels_last, torch_logits

    return torch_logits(channels_last(model.network().to(device)))
