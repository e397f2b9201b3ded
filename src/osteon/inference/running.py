"""A network compiled by OpenVINO: its logits, or its probabilities as bytes, several batches side by side."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ModelError
from osteon.inference.silenced import openvino
from osteon.networks.forward import Batch

Bytes = NDArray[np.uint8]

STREAMS = 4
"""Batches in work at once, at most: each has its own activations. Beyond, several cores share one."""

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
"""Where a CPU has bf16 units OpenVINO takes them unasked, and answers another thing than torch."""


class Compiled:
    """A network of OpenVINO, ready to run on the CPU.

    Parameters
    ----------
    network : openvino.Model
        From ``(n, channel, *spatial)`` intensities to ``(n, class, *spatial)`` logits.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        streams = min(STREAMS, cores)
        in_bytes = _compiled(_in_bytes(network), {"NUM_STREAMS": streams})
        # one waits while its answer is used, and one is ready to be taken up
        self._requests = [in_bytes.create_infer_request() for _ in range(streams + 2)]

    def logits(self, slices: Batch) -> Batch:
        """``(n, channel, *spatial)`` to ``(n, class, *spatial)`` logits."""
        answer: Batch = self._for_logits.infer({0: slices})[0]
        return answer.copy()  # the request reuses its output

    def answers(self, batches: Iterable[Batch]) -> Iterator[Bytes]:
        """Probabilities of each batch in turn, ``(n, class, *spatial)``, 0 to 255.

        While one is waited for the next are prepared and worked on; each answer lasts until the next is asked for.
        """
        free = deque(self._requests)
        working: deque[tuple[Any, Any]] = deque()  # with its input, which it reads where it lies
        try:
            for batch in batches:
                if not free:
                    yield _answer(working[0][0])
                    free.append(working.popleft()[0])
                request, seen = free.popleft(), openvino().Tensor(np.ascontiguousarray(batch), shared_memory=True)
                request.set_input_tensor(seen)
                request.start_async()
                working.append((request, seen))
            for request, _ in working:
                yield _answer(request)
        finally:
            for request, _ in working:  # none goes on reading an input that is given back
                request.wait()

    @cached_property
    def _for_logits(self) -> Any:
        return _compiled(self._network, {"PERFORMANCE_HINT": "LATENCY"}).create_infer_request()


def _answer(request: Any) -> Bytes:
    request.wait()
    return request.get_output_tensor().data  # type: ignore[no-any-return]


def _compiled(network: Any, how: dict[str, Any]) -> Any:
    try:
        return openvino().Core().compile_model(network, "CPU", EXACT | how)
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO cannot compile this model ({str(error).splitlines()[0]}); use --engine torch."
        ) from error


def _in_bytes(network: Any) -> Any:
    """The network with its softmax behind it, as bytes: a quarter to move of what logits are."""
    ov = openvino()
    whole = network.clone()
    ops = ov.opset13
    likely = ops.softmax(whole.get_results()[0].input_value(0), 1)
    scaled = ops.round(ops.multiply(likely, ops.constant(np.float32(255))), "half_to_even")
    return ov.Model([ops.convert(scaled, "u8")], whole.get_parameters())
