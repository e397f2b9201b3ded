"""What a cross-validation says in all: mean and spread over subjects, not over scans or structures."""

from __future__ import annotations

import math

import pandas as pd

from osteon.cohort import Cohort, Split
from osteon.crossvalidation.scores import VALIDATION
from osteon.metrics.agreement import MISSING
from osteon.training import TrainingConfig

SHOWN = {
    "dice": "Dice",
    "volume_error_percent": "volume error (%)",
    "hausdorff95_mm": "Hausdorff 95 % (mm)",
    "average_surface_distance_mm": "surface distance (mm)",
}
"""Scores in the summary, with their titles."""


def by_subject(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a subject: fold, cases, structures in the reference, missed ones, and the mean of each score.

    A score is averaged over a subject's scans structure by structure first, so that a structure counts once.
    """
    rows = []
    for subject, part in scores.groupby("subject", sort=True):
        means = _per_structure(part).mean()
        rows.append(
            {
                "subject": subject,
                "folds": " ".join(str(fold) for fold in sorted(part["fold"].unique())),
                "cases": part["case"].nunique(),
                "structures": part["structure"].nunique(),
                "missed": int((part["status"] == MISSING).sum()),
                **{name: means[name] for name in SHOWN},
            }
        )
    return pd.DataFrame(rows)


def over_subjects(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a structure and score, then those of ``all``: spread over subjects.

    Returns
    -------
    DataFrame
        ``structure``, ``score``, ``subjects``, ``mean``, ``sd`` (of a sample), ``minimum``, ``median``, ``maximum``.
        For ``all``, a subject counts with the mean over its structures.
    """
    subject_means = {
        str(name): part.groupby("subject")[list(SHOWN)].mean() for name, part in scores.groupby("structure", sort=False)
    }
    subject_means["all"] = by_subject(scores).set_index("subject")[list(SHOWN)]
    rows = []
    for structure, means in subject_means.items():
        for score in SHOWN:
            values = means[score].astype(float).dropna()
            spread = {"mean": values.mean(), "sd": values.std(), "minimum": values.min(), "median": values.median()}
            row = {"structure": structure, "score": score, "subjects": len(values)}
            rows.append({**row, **spread, "maximum": values.max()})
    return pd.DataFrame(rows)


def summary(scores: pd.DataFrame, cohort: Cohort, split: Split, config: TrainingConfig) -> str:
    """Markdown: how it was done, a table by structure, a table by subject."""
    return f"# Cross-validation of {config.title}\n\n{_how(scores, cohort, split, config)}\n\n{_tables(scores)}"


def card(scores: pd.DataFrame, cohort: Cohort, split: Split, config: TrainingConfig) -> str:
    """Card of the model of all folds."""
    return (
        f"# {config.title}, {len(split.folds)} folds\n\nLicence of the weights: {config.licence}\n\n"
        "The networks of all folds of a cross-validation; their probabilities are averaged. The numbers are those of "
        "single folds on subjects that they had not seen. Nobody has tested the average, which has seen every "
        "subject.\n\n"
        f"{_how(scores, cohort, split, config)}\n\n{_tables(scores)}"
    )


def _how(scores: pd.DataFrame, cohort: Cohort, split: Split, config: TrainingConfig) -> str:
    tested = scores["subject"].nunique()
    flattering = (scores["side"] == VALIDATION).any()
    warning = (
        " **The split tests nobody: these subjects chose the epoch, so the numbers flatter.**" if flattering else ""
    )
    return (
        f"{tested} of {len(cohort.subjects)} subjects ({scores['case'].nunique()} scans) of `{cohort.folder.name}`, "
        f"each segmented by a network that was not trained on it; {split.kind}, {len(split.folds)} folds, "
        f"seed {config.seed}. Mean ± standard deviation over subjects, and the worst subject.{warning}"
    )


def _tables(scores: pd.DataFrame) -> str:
    spread = over_subjects(scores)
    head = ["structure", "subjects", "missed", "lowest Dice", *SHOWN.values()]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for structure, part in spread.groupby("structure", sort=False):
        row = part.set_index("score")
        own = scores if structure == "all" else scores[scores["structure"] == structure]
        missed = int((own["status"] == MISSING).sum())
        dice = row.loc["dice"]
        cells = [f"{structure}", f"{dice['subjects']:.0f}", f"{missed}", f"{dice['minimum']:.3f}"]
        means, deviations = row["mean"].to_dict(), row["sd"].to_dict()
        cells += [_spread(means[s], deviations[s]) for s in SHOWN]
        lines.append("| " + " | ".join(cells) + " |")
    people = by_subject(scores)
    head = ["subject", "fold", "scans", "structures", "missed", *SHOWN.values()]
    lines += ["", "## Subjects", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for person in people.sort_values("dice").to_dict("records"):
        cells = [f"{person[key]}" for key in ("subject", "folds", "cases", "structures", "missed")]
        lines.append("| " + " | ".join([*cells, *(_number(person[s]) for s in SHOWN)]) + " |")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _spread(mean: float, sd: float) -> str:
    return _number(mean) if math.isnan(sd) else f"{mean:.3f} ± {sd:.3f}"


def _per_structure(part: pd.DataFrame) -> pd.DataFrame:
    """``(structure, score)`` means over a subject's scans."""
    return part.groupby("structure")[list(SHOWN)].mean()
