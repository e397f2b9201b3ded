"""Ensembles: a model folder with several networks of one kind, such as those of all folds, which answer together.

The first network's files lie in the folder as any model's do, the others' in ``networks/2``, ``networks/3`` and so on,
each a model folder of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from osteon.errors import ModelError
from osteon.io.whole import folder_written_whole
from osteon.networks.model import CARD, CONFIDENCE, DESCRIPTION, Model, description

OTHERS = "networks"
OF_ONE = (CONFIDENCE, "int8")
"""Files and folders of a model that hold for its single network only."""


def write_ensemble(folder: Path, models: Sequence[Model], card: str) -> Model:
    """Write several models as one, whole.

    Parameters
    ----------
    folder : Path
    models : sequence of Model
        Alike in everything but their weights, none of them an ensemble. A single one stays a plain model.
    card : str

    Raises
    ------
    ModelError
        If they differ in more than their weights.
    """
    first, *others = models
    for model in models:
        if model.spec.model_copy(update={"weights_sha256": first.spec.weights_sha256}) != first.spec:
            raise ModelError(
                f"{model.folder} is another kind of model than {first.folder}; they cannot answer together."
            )
        if model.spec.others_sha256:
            raise ModelError(f"{model.folder} is an ensemble already; give its single networks.")
    spec = first.spec.model_copy(update={"others_sha256": tuple(model.spec.weights_sha256 for model in others)})
    with folder_written_whole(folder) as part:
        # how sure one network is, and what it is in eight bits, says nothing of their mean
        shutil.copytree(first.folder, part, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OF_ONE))
        (part / DESCRIPTION).write_text(description(spec), encoding="utf-8")
        (part / CARD).write_text(card, encoding="utf-8")
        for number, model in enumerate(others, start=2):
            shutil.copytree(model.folder, part / OTHERS / str(number), ignore=shutil.ignore_patterns(*OF_ONE))
    return Model.load(folder)


def networks_of(model: Model) -> list[Model]:
    """The models with one network each that a model is made of: itself, if it is no ensemble.

    Raises
    ------
    ModelError
        If one is missing or has other weights than the ensemble was written with.
    """
    digests = model.spec.others_sha256
    if not digests:
        return [model]
    first = Model(model.folder, model.spec.model_copy(update={"others_sha256": ()}), model.task)
    found = [first]
    for number, digest in enumerate(digests, start=2):
        other = Model.load(model.folder / OTHERS / str(number))
        if other.spec.weights_sha256 != digest:
            raise ModelError(
                f"{other.folder} is not the network that {model.folder} was written with. Install it again."
            )
        found.append(other)
    return found
