"""Judging a result: what Dice to expect of each structure, and why to look at it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from statistics import fmean
from typing import TYPE_CHECKING

from osteon.anatomy import Task
from osteon.confidence.calibration import Calibration
from osteon.confidence.cues import CUES, cues_of
from osteon.confidence.evidence import Evidence, evidence_of, hidden_cm3
from osteon.inference import Prediction
from osteon.networks.model import ModelSpec
from osteon.volume import LabelMap

if TYPE_CHECKING:
    import pandas as pd

FEW = 3
"""Of so many structures a warning gives the reasons; the report and ``run.json`` give all."""

TRUSTED_DICE = 0.5
"""A scan of which no structure is expected to reach this may hold all that was not found, too."""

NO_SINGLE_REASON = "the network is a little unsure in several ways"
MOST_REASONS = 3


@dataclass(frozen=True)
class Judgement:
    """What is to be expected of one structure.

    Parameters
    ----------
    structure : str
    expected_dice : float
        0 for one that was not found but should have been.
    look : bool
        Whether somebody should look at it.
    reasons : tuple of str
        Why, the strongest first; empty where nobody needs to.
    """

    structure: str
    expected_dice: float
    look: bool
    reasons: tuple[str, ...]


def judge(
    prediction: Prediction,
    labels: LabelMap,
    spec: ModelSpec,
    calibration: Calibration,
    evidence: Sequence[Evidence] | None = None,
) -> tuple[Judgement, ...]:
    """Judge every structure that was found, and every one that is missed.

    Parameters
    ----------
    prediction : Prediction
        The network's answer.
    labels : LabelMap
        What became of it.
    spec : ModelSpec
    calibration : Calibration
        Of this model.
    evidence : sequence of Evidence, optional
        If it is known already (`evidence_of`).

    Returns
    -------
    tuple of Judgement
        In the task's order; then what is missed.
    """
    judged = judge_evidence(evidence_of(prediction, labels, spec) if evidence is None else evidence, calibration)
    hidden = hidden_cm3(prediction, labels, spec)
    found = [labels.task.by_value(v).name for v in labels.values()]
    return (*judged, *missed_structures(hidden, found, judged, labels.task, calibration))


def judge_evidence(scan: Sequence[Evidence], calibration: Calibration) -> list[Judgement]:
    """Judge the structures of one scan by their evidence; one of a group that calibration has not seen is left out."""
    judged = []
    for evidence, cues in zip(scan, cues_of(scan, calibration.usual), strict=True):
        expected = calibration.expected_dice(evidence.group, cues)
        if expected is None:
            continue
        look = expected < calibration.look_below
        reasons = _reasons(evidence.group, cues, calibration) if look else ()
        judged.append(Judgement(evidence.structure, expected, look, reasons))
    return judged


def missed_structures(
    hidden: Mapping[str, float],
    found: Collection[str],
    judged: Sequence[Judgement],
    task: Task,
    calibration: Calibration,
) -> list[Judgement]:
    """Structures that should have been found, as it seems.

    Those whose partner on the other side was found (unless nothing of their side was: a scan of one leg), those whose
    probabilities come to more than ``missing_cm3``, and all where nothing that was found can be trusted
    (`TRUSTED_DICE`), since then what was found says nothing of what the scan holds.

    Parameters
    ----------
    hidden : mapping
        Of structures that were not found (`osteon.confidence.evidence.hidden_cm3`).
    found : collection of str
    judged : sequence of Judgement
        Of what was found.
    task : Task
    calibration : Calibration
    """
    sides = {task.by_name(name).side for name in found}
    lost = bool(judged) and max(j.expected_dice for j in judged) < TRUSTED_DICE
    missed = []
    for name, volume_cm3 in hidden.items():
        structure = task.by_name(name)
        if structure.mirror in found and structure.side in sides:
            reason = "it was not found, but its partner on the other side was"
        elif volume_cm3 > calibration.missing_cm3:
            reason = f"it was not found, but the network suspects {volume_cm3:.0f} cm3 of it"
        elif lost:
            reason = "it was not found, but nothing in this scan was found with any certainty"
        else:
            continue
        missed.append(Judgement(name, 0.0, True, (reason,)))
    return missed


def case_dice(judgements: Sequence[Judgement]) -> float:
    """Mean expected Dice of a scan's structures, 0 for those that are missed; NaN where nothing was judged."""
    return fmean(j.expected_dice for j in judgements) if judgements else nan


def warning_of(judgements: Sequence[Judgement], calibration: Calibration) -> str | None:
    """Whether the scan as a whole is poor, and what to look at, why if that is not too much; None where nothing is."""
    look = [j for j in judgements if j.look]
    mean = case_dice(judgements)
    poor = mean < calibration.look_at_case_below
    whole = f"Look at this scan: a mean Dice of {mean:.2f} is expected of it." if poor else None
    if not look:
        return whole
    why = {j.structure: f": {', '.join(j.reasons)}" if len(look) <= FEW else "" for j in look}
    named = [f"{j.structure} ({j.expected_dice:.2f}{why[j.structure]})" for j in look]
    single = f"These may have a Dice below {calibration.level:g} (expected Dice in brackets): {'; '.join(named)}."
    return f"{whole} {single}" if whole else single


def with_expected_dice(measurements: pd.DataFrame, judgements: Sequence[Judgement]) -> pd.DataFrame:
    """A table of measurements with a column ``expected_dice`` after ``side``; as it is where nothing was judged."""
    if not judgements:
        return measurements
    expected = {j.structure: j.expected_dice for j in judgements}
    result = measurements.copy()
    result.insert(list(result.columns).index("side") + 1, "expected_dice", result["structure"].map(expected))
    return result


def _reasons(group: str, cues: dict[str, float], calibration: Calibration) -> tuple[str, ...]:
    """What is unusual, the most unusual first."""
    beyond = {
        name: (cues[name] - limit) / calibration.spreads[name]
        for name, limit in calibration.limits.get(group, {}).items()
        if cues[name] > limit
    }
    worst = sorted(beyond, key=lambda name: -beyond[name])[:MOST_REASONS]
    return tuple(CUES[name].reason for name in worst) or (NO_SINGLE_REASON,)
