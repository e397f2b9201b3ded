"""A trained nnU-Net becomes a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osteon.anatomy import Task
from osteon.errors import ModelError
from osteon.networks.model import Model, ModelSpec, PostprocessingSpec, write_model
from osteon.networks.network_spec import NetworkSpec
from osteon.networks.nnunet.labels import Meaning, meaning_of, names_of
from osteon.networks.nnunet.plan import PLAN, Plan, refuse_foreign_code
from osteon.networks.nnunet.release import DATASET, PLANS, Release, opened, read_checkpoint, release_in
from osteon.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

KINDS = {"2d": "nnunet-2d", "3d_fullres": "nnunet-3d", "3d_lowres": "nnunet-3d"}
"""Networks by the configuration's name; others are told by their patch."""


@dataclass(frozen=True)
class Wanted:
    """What a trained nnU-Net shall become.

    Parameters
    ----------
    name : str
        Of the model.
    task : Task, optional
        To whose structures the labels are mapped by name; if None, one of the package's that knows them all, else a
        task of their own.
    mapping : mapping of int to str
        Structures for label values whose names do not say them.
    configuration : str, optional
        Which one, where several were trained.
    folds : tuple of str
        Which folds; all if empty.
    title, licence : str
    postprocessing : PostprocessingSpec
    """

    name: str
    task: Task | None = None
    mapping: Mapping[int, str] = field(default_factory=dict)
    configuration: str | None = None
    folds: tuple[str, ...] = ()
    title: str = ""
    licence: str = "not stated"
    postprocessing: PostprocessingSpec = field(default_factory=PostprocessingSpec)


def import_nnunet(source: str | Path, folder: str | Path, wanted: Wanted, card: str = "") -> Model:
    """Write the model folder of a network that nnU-Net (version 2) trained, here or elsewhere.

    The weights are copied into safetensors; checkpoints are read without running any code that may be in them.

    Parameters
    ----------
    source : path
        The folder of a trained configuration, one that holds it, or a zip file of one, as nnU-Net exports it.
    folder : path
        Model folder to write.
    wanted : Wanted
    card : str
        Markdown; if empty, one that says where the model comes from.

    Raises
    ------
    ModelError
        If there is no such network, or it is of a kind that Osteon does not run: a cascade, several channels, regions,
        a network that is not nnU-Net's own.
    """
    source = Path(source)
    with opened(source) as place:
        release = release_in(place, wanted.configuration, wanted.folds)
        plans, dataset = release.document(PLANS), release.document(DATASET)
        refuse_foreign_code(plans, Path(PLANS))
        weights, configuration, mirroring = _read(release)
    _refuse_what_cannot_run(plans, dataset, configuration)
    names = names_of(dataset, Path(DATASET))
    _refuse_other_outputs(weights, names)
    meaning = meaning_of(names, wanted.task, wanted.mapping, wanted.name)
    plan = Plan(
        configuration=configuration,
        folds=tuple(release.checkpoints),
        mirroring=mirroring,
        classes=meaning.of_output,
        plans=plans,
        dataset=dataset,
    )
    spec = ModelSpec(
        name=wanted.name,
        title=wanted.title or f"nnU-Net: {dataset.get('name') or plans.get('dataset_name') or source.stem}",
        task=meaning.task.name,
        classes=meaning.classes,
        network=NetworkSpec(name=_kind(plans, configuration)),
        preprocessing=Preprocessing(plane=meaning.task.plane, normalisation="z-score", channels=1, region="none"),
        postprocessing=wanted.postprocessing,
        licence=wanted.licence,
        weights_sha256="",
    )
    text = card or _card(spec, plan, meaning, source.name)
    files = {PLAN: plan.model_dump_json(indent=1) + "\n"}
    return write_model(Path(folder), spec, weights, text, meaning.task, files)


def _read(release: Release) -> tuple[dict[str, Tensor], str, tuple[int, ...]]:
    """Weights of all folds, the configuration, and the axes of mirroring."""
    weights: dict[str, Tensor] = {}
    for fold, path in release.checkpoints.items():
        checkpoint = read_checkpoint(path)
        seen = set()
        for name, tensor in checkpoint["network_weights"].items():
            # nnU-Net's blocks and its decoder hold some weights under two names
            if tensor.data_ptr() in seen and tensor.numel():
                continue
            seen.add(tensor.data_ptr())
            weights[f"fold_{fold}.{name.removeprefix('module.').removeprefix('_orig_mod.')}"] = tensor
    facts = checkpoint.get("init_args") or {}
    named = facts.get("configuration") or release.folder.name.rsplit("__", 1)[-1]
    axes = checkpoint.get("inference_allowed_mirroring_axes") or ()
    return weights, str(named), tuple(int(axis) for axis in axes)


def _refuse_what_cannot_run(plans: dict[str, Any], dataset: dict[str, Any], configuration: str) -> None:
    known = plans.get("configurations", {})
    if configuration not in known:
        raise ModelError(f"{PLANS} does not know the configuration {configuration}; it has {', '.join(known)}.")
    if known[configuration].get("previous_stage") or "cascade" in configuration:
        raise ModelError(f"{configuration} is the second half of a cascade, which Osteon does not run. Choose another.")
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    if len(channels) != 1:
        raise ModelError(
            f"This network wants {len(channels)} scans of one body at once ({', '.join(map(str, channels.values()))}); "
            "Osteon segments one scan at a time."
        )


def _refuse_other_outputs(weights: dict[str, Tensor], names: list[str]) -> None:
    heads = [tensor for name, tensor in weights.items() if ".seg_layers." in name and name.endswith(".weight")]
    if heads and any(head.shape[0] != len(names) for head in heads):
        raise ModelError(
            f"The network tells {heads[-1].shape[0]} classes apart, but {DATASET} names {len(names)} (background "
            "included). They do not belong together; get both from where they were published again."
        )


def _kind(plans: dict[str, Any], configuration: str) -> str:
    if configuration in KINDS:
        return KINDS[configuration]
    patch = plans["configurations"][configuration].get("patch_size", (0, 0, 0))
    return "nnunet-2d" if len(patch) == 2 else "nnunet-3d"


def _card(spec: ModelSpec, plan: Plan, meaning: Meaning, source: str) -> str:
    lines = "\n".join(f"- {note}" for note in meaning.notes)
    return (
        f"# {spec.title}\n\nLicence of the weights: {spec.licence}\n\n"
        f"Imported from `{source}`: nnU-Net (version 2), configuration {plan.configuration}, "
        f"folds {', '.join(plan.folds)}. Osteon knows neither its training data nor how good it is; see where it was "
        f"published, and check it on scans of your own.\n\n"
        f"Task `{spec.task}`, structures: {', '.join(spec.classes)}.\n{lines}\n"
    )
