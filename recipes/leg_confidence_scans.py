"""Segmented scans of known truth, each kept on disk, for leg_confidence.py: what was made is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from osteon.cli.output import say
from osteon.confidence import evidence, failures, plausibility
from osteon.confidence.failures import hard_scan
from osteon.confidence.fitting import KnownScan
from osteon.inference import Engine, predict
from osteon.io.whole import written_whole
from osteon.metrics.overlap import overlap
from osteon.networks.model import Model
from osteon.postprocessing import finish
from osteon.synthesis import Body
from osteon.volume import LabelMap

LEAST_CM3 = 1.0
"""A structure of which a scan holds less is not missed if it is not found."""


@dataclass(frozen=True)
class SegmentedScan:
    """How a scan was made, what is known of it, and which structures were found."""

    kind: str
    what: str
    known: KnownScan
    found: tuple[str, ...]


KEPT: TypeAdapter[SegmentedScan] = TypeAdapter(SegmentedScan)


@dataclass(frozen=True)
class Source:
    """A body that is loaded or drawn when it is wanted."""

    name: str
    body: Callable[[], Body]


def segmented_scans(
    sources: Sequence[Source], count: int, seed: int, model: Model, engine: Engine, kept: Path
) -> Iterator[SegmentedScan]:
    """Scans of the bodies in turn, segmented and held against their truth; one that lies in ``kept`` is read."""
    made_with = _fingerprint(model)
    for number in range(count):
        source = sources[number % len(sources)]
        path = kept / f"{made_with}-{seed + number}-{source.name}.json"
        if path.is_file():
            yield KEPT.validate_python(json.loads(path.read_text(encoding="utf-8")))
            continue
        made = segmented(source.body(), seed + number, model, engine)
        with written_whole(path) as part:
            part.write_text(json.dumps(KEPT.dump_python(made, mode="json")) + "\n", encoding="utf-8")
        shown = ", ".join(f"{name} {value:.2f}" for name, value in made.known.dice.items())
        say(f"[{number + 1}/{count}] {source.name} {made.kind} ({made.what}): {shown}")
        yield made


def segmented(body: Body, seed: int, model: Model, engine: Engine) -> SegmentedScan:
    """One scan of a body, segmented and held against its truth."""
    hard = hard_scan(body, seed)
    prediction = predict(hard.scan, model, engine)
    labels = finish(prediction.classes, model.spec, model.task).labels
    found = tuple(evidence.evidence_of(prediction, labels, model.spec))
    hidden = evidence.hidden_cm3(prediction, labels, model.spec)
    missed = frozenset(name for name in hidden if volume_cm3(hard.truth, name) >= LEAST_CM3)
    dice = {e.structure: dice_of(e.structure, labels, hard.truth) for e in found}
    names = tuple(labels.task.by_value(v).name for v in labels.values())
    return SegmentedScan(hard.kind, hard.what, KnownScan(body.name, found, dice, hidden, missed), names)


def dice_of(name: str, labels: LabelMap, truth: LabelMap) -> float:
    """Dice of one structure."""
    value = truth.task.by_name(name).value
    return overlap(labels.array == value, truth.array == value, truth.voxel_volume_mm3).dice


def volume_cm3(labels: LabelMap, name: str) -> float:
    """Volume of one structure."""
    value = labels.task.by_name(name).value
    return int(np.count_nonzero(labels.array == value)) * labels.voxel_volume_mm3 / 1000


def _fingerprint(model: Model) -> str:
    """Of the weights, and of the code that draws scans and gathers evidence: what another made is not taken."""
    parts = [Path(module.__file__).read_bytes() for module in (evidence, failures, plausibility)]
    return hashlib.sha256(b"".join([model.spec.weights_sha256.encode(), *parts])).hexdigest()[:12]
