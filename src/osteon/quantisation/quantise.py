"""quantise: a model's network in eight bits, by nncf, and the evidence of what that costs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon.cohort import Case, Cohort, Fold, Split
from osteon.cohort.split import SPLIT
from osteon.errors import ModelError, UsageError
from osteon.inference import Engine
from osteon.inference.compiled import openvino_network
from osteon.inference.engine import of_openvino
from osteon.inference.int8 import FOLDER, NETWORK, RECORD, WEIGHTS, Int8Record
from osteon.inference.silenced import openvino
from osteon.io.checksum import sha256
from osteon.io.whole import folder_written_whole, written_whole
from osteon.metrics import agreement
from osteon.networks.forward import Batch, slice_batches
from osteon.networks.model import CARD, Model
from osteon.pipeline import segment_volume
from osteon.preprocessing import working_volume
from osteon.quantisation.gate import Gate, Verdict

CALIBRATED_SLICES = 200
"""At most so many slices of training scans tell nncf the range of each activation."""

HEADING = "## In eight bits"


def quantise(
    model: str | Path | Model,
    cohort: str | Path,
    *,
    gate: Gate | None = None,
    slices: int = CALIBRATED_SLICES,
    seed: int = 0,
    said: Callable[[str], None] = lambda message: None,
) -> Verdict:
    """Make a network in eight bits beside a model's own, and judge it.

    Calibrated on slices of the cohort's training subjects, judged on its test subjects (its validation subjects where
    it tests nobody), which each network segments as `osteon.segment` would. The network is written into the model's
    folder with its evidence, which also goes into the card; it is used by itself only if it passes.

    Parameters
    ----------
    model : str, path or Model
        Of one network that sees slices.
    cohort : path
        With a split.
    gate : Gate, optional
    slices : int
    seed : int
        Which slices.
    said : callable
        Gets a sentence about each step.

    Raises
    ------
    UsageError
        If nncf is not installed, or the model is of another kind.
    CohortError
        If the cohort or its split cannot be used.
    ModelError
        If nothing that the model finds was annotated in the cases that judge.
    """
    model = model if isinstance(model, Model) else Model.load(model)
    if model.spec.network.planned or model.spec.network.patch is not None or model.spec.others_sha256:
        raise UsageError(f"The model {model.spec.name} is not one network that sees slices; only those are quantised.")
    found = Cohort.load(cohort)
    fold = Split.load(found.folder / SPLIT, found).folds[0]
    whole = openvino_network(model, said)
    said(f"calibrating on slices of {len(fold.train)} subjects")
    small = _in_eight_bits(whole, _calibration(found, fold, model, slices, seed))
    networks = {"before": of_openvino("fp32", whole), "after": of_openvino("int8", small)}
    judging = found.of_subjects(fold.test or fold.validation)
    tables = {name: _scored(found, judging, model, engine, said) for name, engine in networks.items()}
    verdict = (gate or Gate()).verdict(tables["before"], tables["after"])
    _write(model, small, verdict)
    return verdict


def _in_eight_bits(network: Any, slices: list[Batch]) -> Any:
    openvino()  # before nncf, which would otherwise report its use to a server on the internet
    try:
        import nncf
    except ImportError as error:
        raise UsageError("Quantising needs the package nncf. Install it with: pip install 'osteon[int8]'") from error
    # of unsigned activations after a ReLU half of the symmetric range would be lost
    return nncf.quantize(network, nncf.Dataset(slices), preset=nncf.QuantizationPreset.MIXED, subset_size=len(slices))


def _calibration(cohort: Cohort, fold: Fold, model: Model, most: int, seed: int) -> list[Batch]:
    """Slices with their neighbours as the network sees them, ``(1, channel, row, column)``, evenly from all scans."""
    cases = cohort.of_subjects(fold.train)
    rng = np.random.default_rng(seed)
    each = max(1, most // max(1, len(cases)))
    chosen: list[Batch] = []
    for case in [cases[n] for n in rng.permutation(len(cases))[:most]]:
        working = working_volume(cohort.scan(case), model.spec.preprocessing)
        wanted = set(rng.choice(working.shape[0], min(each, working.shape[0]), replace=False).tolist())
        batches = slice_batches(working, model.spec.preprocessing, 1)
        chosen += [slices for indices, slices in batches if int(indices[0]) in wanted]
    return chosen


def _scored(
    cohort: Cohort, cases: list[Case], model: Model, engine: Engine, said: Callable[[str], None]
) -> pd.DataFrame:
    """Dice of every annotated structure of every case."""
    known = model.task.class_of_value(model.spec.classes)
    parts = []
    for case in cases:
        names = [name for name in case.annotated if model.task.by_name(name).value in known]
        if names:
            said(f"{engine.name}: {case.name}")
            found = segment_volume(cohort.scan(case), model, engine).labels
            parts.append(agreement(found, cohort.labels(case), names)[["structure", "dice"]].assign(case=case.name))
    if not parts:
        raise ModelError(f"Nothing that {model.spec.name} finds was annotated in the cases that are to judge it.")
    return pd.concat(parts, ignore_index=True)


def _write(model: Model, network: Any, verdict: Verdict) -> None:
    with folder_written_whole(model.folder / FOLDER) as part:
        openvino().save_model(network, part / NETWORK, compress_to_fp16=False)
        record = Int8Record(
            weights_sha256=model.spec.weights_sha256,
            files_sha256={name: sha256(part / name) for name in (NETWORK, WEIGHTS)},
            passed=verdict.passed,
            evidence={"mean": verdict.mean, "structure": verdict.structure, "case": verdict.case},
            versions={package: version(package) for package in ("osteon", "openvino", "nncf")},
        )
        (part / RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    card = model.card().partition(f"\n{HEADING}")[0].rstrip("\n")
    with written_whole(model.folder / CARD) as part:
        part.write_text("\n\n".join([card, HEADING, *verdict.sentences()]) + "\n", encoding="utf-8")
