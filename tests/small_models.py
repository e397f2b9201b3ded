"""Models of any network, small and with random weights."""

from __future__ import annotations

from pathlib import Path

import torch

from osteon.anatomy import Task
from osteon.networks.model import Model, ModelSpec, NetworkSpec, PostprocessingSpec, write_model
from osteon.preprocessing import Preprocessing


def spec(**changes: object) -> ModelSpec:
    facts: dict[str, object] = {
        "name": "tiny",
        "title": 'Tiny "quoted" Modell mit Größe',
        "task": "lumbar-spine",
        "classes": ("vertebra-L5", "vertebra"),
        "network": NetworkSpec(width=8),
        "preprocessing": Preprocessing(),
        "postprocessing": PostprocessingSpec(anchor="vertebra-L5"),
        "licence": "CC0",
        "weights_sha256": "",
    }
    return ModelSpec.model_validate(facts | changes)


def small(name: str, **changes: object) -> NetworkSpec:
    """The narrowest network of a name, with a small patch if it sees patches."""
    plain = NetworkSpec(name=name, width=8)
    patch = None if plain.patch is None else (16 if plain.patch[0] % 16 == 0 else 4, 64, 64)
    return NetworkSpec.model_validate({"name": name, "width": 8, "patch": patch} | changes)


def picture(network: NetworkSpec, channels: int = 3, batch: int = 2) -> torch.Tensor:
    """Something that a network can look at."""
    shape = (64 if side == -1 else side for side in network.input_shape(channels))
    return torch.rand(batch, *shape, generator=torch.Generator().manual_seed(0))


def random_model(folder: Path, **changes: object) -> Model:
    torch.manual_seed(1)
    described = spec(**changes)
    network = described.network_module()
    # batch statistics as after some training
    with torch.no_grad():
        network.train()(picture(described.network, described.preprocessing.channels, 4))
    return write_model(folder, described, network.state_dict(), "# Tiny\n")


def unopened(classes: tuple[str, ...], **preprocessing: object) -> Model:
    """A leg model that is never opened: it has no weights, and a function of the test answers for it."""
    facts = {"title": "Tiny", "task": "leg-bones", "classes": classes, "postprocessing": PostprocessingSpec()}
    described = spec(**facts, preprocessing=Preprocessing.model_validate(preprocessing))
    return Model(Path("nowhere"), described, Task.load("leg-bones"))
