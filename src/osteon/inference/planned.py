"""Networks that nnU-Net planned: from a scan to probabilities, each step done by nnU-Net itself.

What nnU-Net would do last, bringing all classes at full size to the scan's grid, is left to `osteon.inference.predict`,
which does it class by class.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ModelError
from osteon.geometry import Grid, resample_linear
from osteon.networks.model import WEIGHTS, Model
from osteon.networks.nnunet.extra import nnunet_module
from osteon.networks.nnunet.plan import Plan
from osteon.volume import Volume

Answer = tuple[NDArray[np.uint8], Grid]
"""Probabilities (class, *spatial), background first, 0 to 255, and their grid."""


def planned_answer(models: Sequence[Model], device: str) -> Callable[[Volume], Answer]:
    """Function from a scan to the probabilities of a planned network, or to the mean of several.

    Parameters
    ----------
    models : sequence of Model
    device : "cpu", "cuda" or "mps"

    Raises
    ------
    ModelError
        If nnU-Net is not installed, or the weights do not fit the plan.
    """
    networks = [_Planned(model, device) for model in models]

    def answer(scan: Volume) -> Answer:
        mean, grid = networks[0].answer(scan)
        if len(networks) == 1:
            return mean, grid
        total = mean.astype(np.float32)
        for network in networks[1:]:
            other, other_grid = network.answer(scan)
            for number, probability in enumerate(other):
                outside = 255.0 if number == 0 else 0.0
                total[number] += resample_linear(probability, other_grid.affine, grid, outside=outside)
        return np.rint(total / len(networks)).astype(np.uint8), grid

    return answer


class _Planned:
    """One planned network with its weights, ready to run."""

    def __init__(self, model: Model, device: str) -> None:
        import torch

        self.plan = Plan.load(model.folder)
        self.classes = len(model.spec.classes) + 1
        plans = nnunet_module("utilities.plans_handling.plans_handler")
        predictor = nnunet_module("inference.predict_from_raw_data").nnUNetPredictor
        self.manager = plans.PlansManager(self.plan.plans)
        self.configuration = self.manager.get_configuration(self.plan.configuration)
        weights = _weights(model, self.plan)
        network = self._network()
        # under one of its names each: the others are the same tensors, for nnU-Net's blocks hold some twice
        missing = {name for name, _ in network.named_parameters()} - set(weights[0])
        if missing or any(set(one) - set(network.state_dict()) for one in weights):
            raise ModelError(
                f"{model.folder / WEIGHTS} does not fit nnU-Net's plan beside it. Install the model again."
            )
        whole = [_with_second_names(network, one) for one in weights]
        with _silence():
            self.predictor = predictor(
                use_mirroring=bool(self.plan.mirroring), device=torch.device(device), allow_tqdm=False
            )
            self.predictor.manual_initialization(
                network, self.manager, self.configuration, whole, self.plan.dataset, "", self.plan.mirroring or None
            )

    def answer(self, scan: Volume) -> Answer:
        """Probabilities of one scan, on the grid of nnU-Net's own resampling."""
        import torch

        seen, grid = self._prepared(scan)
        with _silence():
            logits = self.predictor.predict_logits_from_preprocessed_data(torch.from_numpy(seen)).numpy()
        result = np.zeros((self.classes, *logits.shape[1:]), dtype=np.uint8)
        for slab in range(logits.shape[1]):  # logits (output, slab, row, column) are halves; a slab at a time as floats
            values = logits[:, slab].astype(np.float32)
            values = np.exp(values - values.max(axis=0))
            values *= 255 / values.sum(axis=0)
            merged = np.zeros((self.classes, *values.shape[1:]), dtype=np.float32)
            np.add.at(merged, list(self.plan.classes), values)
            result[:, slab] = np.rint(merged)
        return result, grid

    def _prepared(self, scan: Volume) -> tuple[NDArray[np.float32], Grid]:
        """A scan as nnU-Net's preprocessing leaves it, ``(channel, *spatial)``, and its grid."""
        turned = scan.reoriented("RAS") if self.plan.reoriented else scan
        array = np.ascontiguousarray(turned.array.transpose(2, 1, 0)[None], dtype=np.float32)  # (channel, k, j, i)
        facts: dict[str, Any] = {"spacing": [float(edge) for edge in turned.spacing_mm[::-1]]}
        preprocessor = self.configuration.preprocessor_class(verbose=False)
        with _silence():
            seen, _, facts = _three(
                preprocessor.run_case_npy(array, None, facts, self.manager, self.configuration, self.plan.dataset),
                facts,
            )
        axes = self.plan.axes
        affine = turned.affine.copy()
        affine[:3, :3] = turned.affine[:3, list(axes)]
        shape = tuple(turned.shape[axis] for axis in axes)
        kept = [slice(int(start), int(stop)) for start, stop in facts["bbox_used_for_cropping"]]
        cropped = Grid((shape[0], shape[1], shape[2]), affine).cropped((kept[0], kept[1], kept[2]))
        return np.asarray(seen, dtype=np.float32), cropped.with_shape(seen.shape[1:])

    def _network(self) -> Any:
        """The network with random weights, without the outputs that only training looks at."""
        build = nnunet_module("utilities.get_network_from_plans").get_network_from_plans
        how = self.configuration
        return build(
            how.network_arch_class_name,
            how.network_arch_init_kwargs,
            how.network_arch_init_kwargs_req_import,
            1,
            len(self.plan.classes),
            allow_init=False,
            deep_supervision=False,
        )


def _weights(model: Model, plan: Plan) -> list[dict[str, Any]]:
    """Weights of each fold, as floats."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(model.checked_weights())
    except SafetensorError as error:
        raise ModelError(f"{model.folder / WEIGHTS} is damaged. Install the model again.") from error
    return [
        {
            name.removeprefix(f"fold_{fold}."): value.float() if value.is_floating_point() else value
            for name, value in stored.items()
            if name.startswith(f"fold_{fold}.")
        }
        for fold in plan.folds
    ]


def _with_second_names(network: Any, weights: dict[str, Any]) -> dict[str, Any]:
    """A complete state of a network: tensors that it holds under several names get all of them."""
    state = network.state_dict()
    first = {state[name].data_ptr(): name for name in weights}
    return {name: weights[name if name in weights else first[value.data_ptr()]] for name, value in state.items()}


def _three(found: tuple[Any, ...], facts: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """nnunetv2 before 2.6 returns no facts, but writes into those that it was given."""
    return (found[0], found[1], found[2]) if len(found) == 3 else (found[0], found[1], facts)


def _silence() -> contextlib.redirect_stdout[io.StringIO]:
    """Nnunetv2 prints what its users shall know; on stdout, where results of a command stand."""
    return contextlib.redirect_stdout(io.StringIO())
