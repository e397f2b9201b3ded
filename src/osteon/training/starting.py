"""First weights from a model of the same network, or a narrower one; its last layer goes by the classes' names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from osteon.errors import TrainingError
from osteon.networks.model import Model
from osteon.training.config import TrainingConfig
from osteon.training.widening import widened


def start_from(network: nn.Module, config: TrainingConfig) -> str:
    """Give a network the weights of the model ``config.start``; returns their SHA-256.

    The head is mapped by name: a class of the model's, or else of the group that it belongs to there, brings its row of
    the last layer along; other classes keep their random rows. Weights of a narrower network are widened.

    Raises
    ------
    TrainingError
        If the model's network or channels are others than the configuration's, apart from a width of which the
        configuration's is a whole multiple.
    """
    model = Model.load(str(config.start))
    narrow = model.spec.network.model_copy(update={"width": config.network.width})
    theirs = (narrow, model.spec.preprocessing.channels)
    ours = (config.network, config.preprocessing.channels)
    for what, a, b in zip(("network", "preprocessing.channels"), theirs, ours, strict=True):
        if a != b:
            raise TrainingError(f"start: the model {config.start} has {what} = {a}, this configuration has {b}.")
    weights = _fitting(model, config)
    ours_first, rows = network.state_dict(), head_rows(model, config.classes)
    for name in last_layers(config):
        weights[name] = _mapped(ours_first[name], weights[name], rows)
    network.load_state_dict(weights)
    return model.spec.weights_sha256


def _fitting(model: Model, config: TrainingConfig) -> dict[str, Tensor]:
    """A model's weights for its own classes, as wide as the configuration's network is."""
    narrow = model.network()
    if model.spec.network.width == config.network.width:
        return narrow.state_dict()
    with torch.device("meta"):  # shapes without memory or random numbers
        wide = config.network.built(config.preprocessing.channels, len(model.spec.classes) + 1)
    return widened(narrow, wide, config.seed)


def head_rows(model: Model, classes: Sequence[str]) -> list[int | None]:
    """Row of a model's last layer for the background and each of some classes; None for a class it does not know."""
    parents = {structure.name: structure.parent for structure in model.task.structures}
    index = {name: row for row, name in enumerate(model.spec.classes, start=1)}
    return [0, *(index.get(name, index.get(parents.get(name) or "")) for name in classes)]


def last_layers(config: TrainingConfig) -> list[str]:
    """Names of the weights that have a row for each class, whatever the network: those that grow with the classes."""
    with torch.device("meta"):  # shapes without memory or random numbers
        two, three = (config.network.built(config.preprocessing.channels, n).state_dict() for n in (2, 3))
    return [name for name, weights in two.items() if weights.shape != three[name].shape]


def _mapped(ours: Tensor, theirs: Tensor, rows: list[int | None]) -> Tensor:
    """Our weights of a last layer, with their rows where they have one."""
    found = ours.clone()
    for row, source in enumerate(rows):
        if source is not None:
            found[row] = theirs[source]
    return found
