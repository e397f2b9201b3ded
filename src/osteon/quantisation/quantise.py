"""quantise: a model's network in eight bits, by nncf, and the evidence of what that costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon.cohort import Case, Cohort, Split
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
from osteon.networks.forward import Batch
from osteon.networks.model import CARD, Model
from osteon.pipeline import segment_volume
from osteon.quantisation.calibration import made_slices, scanned_slices
from osteon.quantisation.gate import Gate, Verdict
from osteon.synthesis.bodies import Bodies

CALIBRATED_SLICES = 300
"""Slices that tell nncf the range of each activation."""

HEADING = "## In eight bits"


def quantise(
    model: str | Path | Model,
    cohort: str | Path,
    *,
    bodies: Sequence[str | Path] = (),
    slices: int = CALIBRATED_SLICES,
    gate: Gate | None = None,
    seed: int = 0,
    said: Callable[[str], None] = lambda message: None,
) -> Verdict:
    """Make a network in eight bits beside a model's own, and judge it.

    Calibrated on slices of the cohort's training subjects and of bodies, judged on the cohort's test subjects (its
    validation subjects where it tests nobody), which each network segments as `osteon.segment` would. The network is
    written into the model's folder with its evidence, which also goes into the card; it is used by itself only if it
    passes.

    Parameters
    ----------
    model : str, path or Model
        Of one network that sees slices.
    cohort : path
        With a split.
    bodies : sequence of path
        Folders of bodies that the model was trained on; half of the slices are then made from them, in any contrast.
    slices : int
        At most so many calibrate.
    gate : Gate, optional
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
    of_bodies = [Bodies.load(folder) for folder in bodies]
    said(f"calibrating on slices of {len(fold.train)} subjects and {sum(len(b.bodies) for b in of_bodies)} bodies")
    made = made_slices(of_bodies, model, slices // 2, seed) if of_bodies else []
    shown = made + scanned_slices(found, found.of_subjects(fold.train), model, slices - len(made), seed)
    # mixed, since nncf looks at all for ranges, but only at the first for biases
    small = _in_eight_bits(whole, [shown[n] for n in np.random.default_rng(seed).permutation(len(shown))])
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
    return nncf.quantize(
        network,
        nncf.Dataset(slices),
        # of unsigned activations after a ReLU half of the symmetric range would be lost
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(slices),
        # the first convolution sees intensities, of few values in dark scans: with it, the worst structure of made
        # slices lost 0.008 of Dice, without it 0.002; it takes little of the time
        ignored_scope=nncf.IgnoredScope(names=[_first_convolution(network)]),
    )


def _first_convolution(network: Any) -> str:
    return next(str(op.get_friendly_name()) for op in network.get_ordered_ops() if op.get_type_name() == "Convolution")


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
