"""Fine-tuning: a model goes on learning, on another cohort, gently, and may learn further structures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.networks.catalogue import has_encoder
from osteon.networks.model import Model
from osteon.synthesis.bodies import Bodies
from osteon.training.config import TrainingConfig
from osteon.training.first import crops_of
from osteon.training.loop import train

GENTLY: dict[str, Any] = {"epochs": 30, "optimiser": {"learning_rate": 1e-4, "warmup_epochs": 1}}
"""A tenth of the rate at which a network learns from nothing, and half the epochs."""

FROZEN_EPOCHS = 3
"""In which only the decoder learns: a grown head starts at random, and its first errors would harm the encoder."""

FROM_THE_MODEL = ("start", "network", "preprocessing")
"""Keys that a fine-tuning cannot choose: the weights fit no others."""


def finetune(
    model: str | Path | Model,
    cohort: Cohort,
    folder: str | Path,
    *,
    fold: Fold,
    config: TrainingConfig | None = None,
    also: Sequence[Cohort | Bodies] = (),
    resume: bool = False,
    device: str = "auto",
    said: Callable[[str], None] = lambda _: None,
) -> Model:
    """Train a model further on a cohort; the run folder and the result are those of `osteon.train`.

    Parameters
    ----------
    model : str, path or Model
        A shipped model or a model folder.
    cohort : Cohort
    folder : path
        Run folder.
    fold : Fold
    config : TrainingConfig, optional
        From `finetuning_config`; the model's own with its defaults if None.
    also, resume, device, said
        As for `osteon.train`.

    Raises
    ------
    ModelError
        If there is no such model.
    TrainingError
        If it is an ensemble, or as for `osteon.train`.
    """
    settings = finetuning_config(model) if config is None else config
    return train(cohort, folder, config=settings, fold=fold, also=also, resume=resume, device=device, said=said)


def finetuning_config(
    model: str | Path | Model, tables: Mapping[str, Any] | None = None, add: Sequence[str] = (), where: str = "finetune"
) -> TrainingConfig:
    """Configuration of a fine-tuning: the model's own, to be learned gently, with what is wished otherwise.

    The encoder is frozen for the first `FROZEN_EPOCHS`, then learns with the rest.

    Parameters
    ----------
    model : str, path or Model
    tables : mapping, optional
        Keys of a configuration that replace those; a table replaces key by key. Not ``start``, ``network`` and
        ``preprocessing``, which are the model's.
    add : sequence of str
        Structures or groups to learn beside the model's classes.
    where : str
        What an error calls ``tables``.

    Raises
    ------
    TrainingError
        If a key is unknown or cannot be chosen, or the model is an ensemble.
    """
    opened = model if isinstance(model, Model) else Model.load(model)
    spec = opened.spec
    if spec.others_sha256:
        raise TrainingError(
            f"The model {spec.name} is an ensemble of {len(spec.others_sha256) + 1} networks. Fine-tune one of them: "
            "the model of a fold."
        )
    if spec.network.planned:
        raise TrainingError(f"The model {spec.name} is nnU-Net's, which Osteon cannot fine-tune; train it anew.")
    wished = dict(tables or {})
    for key in FROM_THE_MODEL:
        if key in wished:
            raise TrainingError(f"{where}: {key} comes from the model {spec.name} when it is fine-tuned; leave it out.")
    facts: dict[str, Any] = {
        "name": f"{spec.name}-finetuned",
        "title": spec.title,
        "licence": spec.licence,
        "classes": spec.classes,
        "start": str(opened.folder if isinstance(model, Model) else model),
        "network": spec.network.model_dump(),
        "preprocessing": spec.preprocessing,
        "postprocessing": spec.postprocessing.model_dump(),
        "encoder": {"frozen_epochs": FROZEN_EPOCHS if has_encoder(spec.network.name) else 0},
        "sampling": crops_of(spec.preprocessing),
    } | GENTLY
    for key, value in wished.items():
        facts[key] = {**facts.get(key, {}), **value} if isinstance(value, Mapping) else value
    known = set(facts["classes"])
    facts["classes"] = [*facts["classes"], *(name for name in add if name not in known)]
    return TrainingConfig.checked(facts, where)
