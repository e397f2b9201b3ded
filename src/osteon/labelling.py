"""The first half of a case: from a scan on disk to its labels in memory, and what they are worth."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from osteon.case_paths import CasePaths
from osteon.errors import ReadError
from osteon.inference import Engine, Prediction, predict
from osteon.io.scans import read_scan
from osteon.networks.model import Model
from osteon.preprocessing import LowerBody, confirmed, everything, find_lower_body, lower_body_from_slice
from osteon.run import Run
from osteon.volume import LabelMap, Volume

if TYPE_CHECKING:
    from osteon.confidence import Calibration, Judgement
    from osteon.postprocessing import Finished


@dataclass(frozen=True)
class Input:
    """A scan on disk, which of its DICOM series is meant, and the slice at which the legs begin."""

    path: Path
    series: str | None
    from_slice: int | None


@dataclass(frozen=True)
class Labelled:
    """A case in memory, as it is before anything is written; or why there is none."""

    paths: CasePaths
    begin: float
    run: Run
    model: Model
    scan: Volume | None = None
    labels: LabelMap | None = None
    judgements: tuple[Judgement, ...] = ()
    error: Exception | None = None


def labelled(
    paths: CasePaths, wanted: Input, model: Model, calibration: Calibration | None, engine: Engine, run: Run
) -> Labelled:
    """The first half of a case: read, network, instances and levels."""
    empty = Labelled(paths, time.perf_counter(), run, model)
    try:
        with run.stage("read"):
            run.add_input(wanted.path)
            scan = _read(wanted, model, run)
        with run.stage("network"):
            lower = _lower_body(scan, wanted.from_slice, model)
        prediction, finished = _seen(scan, lower, model, engine, run)
        lower, reason_to_look = _confirmed(lower, finished.labels)
        if reason_to_look and wanted.from_slice is None:
            # what was left out goes on with what was found, so the outline was wrong: all of the scan is looked at
            lower = everything(scan, 0.0, f"{reason_to_look.partition('.')[0]}; so nothing was left out after all.")
            prediction, finished = _seen(scan, lower, model, engine, run)
        elif reason_to_look:
            run.warn(reason_to_look)
        if lower is not None:
            run.facts["legs_begin"] = lower.facts()
        with run.stage("instances and levels"):
            judgements = _judged(prediction, finished.labels, model, calibration, run)
        del prediction  # its probabilities may be larger than the scan
    except Exception as error:  # the other cases are worth having, whatever became of this one
        return replace(empty, error=error)
    for warning in finished.warnings:
        run.warn(warning)
    if finished.notes:
        run.facts["postprocessing"] = list(finished.notes)
    return replace(empty, scan=scan, labels=finished.labels, judgements=judgements)


def _seen(scan: Volume, lower: LowerBody | None, model: Model, engine: Engine, run: Run) -> tuple[Prediction, Finished]:
    """What the network answers, and the labels that become of it."""
    from osteon.postprocessing import finish  # what follows the network loads while that is made ready

    with run.stage("network"):
        prediction = _predicted(scan, lower, model, engine)
    with run.stage("instances and levels"):
        return prediction, finish(prediction.classes, model.spec, model.task)


def _predicted(scan: Volume, lower: LowerBody | None, model: Model, engine: Engine) -> Prediction:
    """The network's answer; its classes lie on the whole scan, also where it saw but the legs."""
    if lower is None or not lower.cuts(scan.shape):
        return predict(scan, model, engine)
    prediction = predict(scan.cropped(lower.box(scan.shape)), model, engine)
    return replace(prediction, classes=lower.on_whole(prediction.classes, scan))


def _judged(
    prediction: Prediction, labels: LabelMap, model: Model, calibration: Calibration | None, run: Run
) -> tuple[Judgement, ...]:
    """What the result is worth; what is to be looked at goes to the run."""
    from osteon.confidence import evidence_of, judge, warning_of

    evidence = None
    if prediction.votes is not None:
        evidence = evidence_of(prediction, labels, model.spec)
        run.facts["disagreement"] = {e.structure: round(e.numbers.get("disagreement", nan), 3) for e in evidence}
    if calibration is None:
        return ()
    judgements = judge(prediction, labels, model.spec, calibration, evidence)
    reason_to_look = warning_of(judgements, calibration)
    if reason_to_look:
        run.warn(reason_to_look)
    run.facts["confidence"] = [
        {"structure": j.structure, "expected_dice": round(j.expected_dice, 3), "look": j.look, "reasons": j.reasons}
        for j in judgements
    ]
    return judgements


def _read(wanted: Input, model: Model, run: Run) -> Volume:
    """The scan; what is to be said about it goes to the run."""
    found = read_scan(wanted.path, series=wanted.series, prefer="water" if model.task.limb else None)
    if 1 in found.volume.shape:
        raise ReadError(f"{wanted.path} holds a single slice, which is not a volume. Give all slices of the series.")
    for note in found.notes:
        run.warn(note)
    if found.study:
        run.add_study(found.study)
    return found.volume


def _lower_body(scan: Volume, from_slice: int | None, model: Model) -> LowerBody | None:
    """Where the legs begin, for models of limbs."""
    if model.task.limb is None:
        return None
    return find_lower_body(scan) if from_slice is None else lower_body_from_slice(scan, from_slice)


def _confirmed(lower: LowerBody | None, labels: LabelMap) -> tuple[LowerBody | None, str | None]:
    """Where the legs begin by the model's own answer, too; and a reason to look if that reaches the cut."""
    limb = labels.task.limb
    if lower is None or limb is None or not limb.order:
        return lower, None
    return confirmed(lower, labels, limb.order[0])
