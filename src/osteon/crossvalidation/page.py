"""Pages of a training and of a cross-validation, from what lies in their folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from osteon.cohort import Cohort, Fold
from osteon.crossvalidation.scores import VALIDATION, out_of_fold
from osteon.crossvalidation.summary import by_subject
from osteon.io import read_labels
from osteon.io.whole import written_whole
from osteon.networks.model import Model
from osteon.report.training import ComparedCase, TrainingContent, write_training_page
from osteon.run import RECORD
from osteon.training import TrainingConfig, TrainingPaths
from osteon.training.outcome import counted

PAGE = "report.html"

FLATTERING = "These are validation subjects: they chose the epoch that was kept, so the numbers flatter."
SEVERAL_NETWORKS = "Each subject was segmented by the one network that had not seen it."


def page_of_training(cohort: Cohort, folder: Path, fold: Fold, device: str = "auto") -> Path:
    """Segment and score a finished run's validation subjects, and write its page; test subjects are not read.

    Parameters
    ----------
    cohort : Cohort
    folder : Path
        Run folder. It gets ``validation.csv``, ``validation/<case>.nii.gz`` and the page.
    fold : Fold
    device : "auto", "cpu", "cuda" or "mps"
    """
    paths, judged = TrainingPaths(folder), fold.model_copy(update={"test": ()})

    def predicted(case: str) -> Path:
        return folder / VALIDATION / f"{case}.nii.gz"

    scores = out_of_fold(cohort, judged, Model.load(paths.model), predicted, device)
    scores.insert(0, "fold", 0)
    with written_whole(folder / f"{VALIDATION}.csv") as part:
        scores.to_csv(part, index=False, float_format="%.4f")
    config = TrainingConfig.model_validate_json(paths.config.read_text(encoding="utf-8"))
    sides = f"{counted(fold.train, 'subject', 'subjects')} to train, {len(fold.validation)} to validate"
    facts = {"Cohort": f"{cohort.folder.name}, {sides}"} | _of_run(folder)
    return _write(folder, cohort, config, scores, lambda _, case: predicted(case), facts, [paths])


def page_of_folds(
    cohort: Cohort,
    folder: Path,
    config: TrainingConfig,
    scores: pd.DataFrame,
    predicted: Callable[[int, str], Path],
    runs: Sequence[TrainingPaths],
) -> Path:
    """Write the page of a cross-validation; ``predicted`` gives the label map of a fold's case."""
    facts = {"Cohort": f"{cohort.folder.name}, {scores['subject'].nunique()} of {len(cohort.subjects)} subjects tested"}
    facts |= {run.folder.name: "; ".join(f"{k}: {v}" for k, v in _of_run(run.folder).items()) for run in runs}
    return _write(folder, cohort, config, scores, predicted, facts, runs)


def _write(
    folder: Path,
    cohort: Cohort,
    config: TrainingConfig,
    scores: pd.DataFrame,
    predicted: Callable[[int, str], Path],
    facts: Mapping[str, str],
    runs: Sequence[TrainingPaths],
) -> Path:
    warnings = [warning for run in runs for warning in _record(run.folder)["warnings"]]
    subjects = by_subject(scores).sort_values("dice")
    scans = counted(scores["case"].unique().tolist(), "scan", "scans")
    flattering = (scores["side"] == VALIDATION).any()
    content = TrainingContent(
        title=config.title,
        subtitle=f"{counted(subjects['subject'].tolist(), 'subject', 'subjects')}, {scans}; {cohort.task.title}.",
        task=cohort.task,
        dice=scores[["subject", "structure", "dice"]],
        subjects=subjects if scores["fold"].nunique() > 1 else subjects.drop(columns="folds"),
        notes=[FLATTERING if flattering else SEVERAL_NETWORKS, *warnings],
        facts=facts,
        settings=_changed(config),
        curves=[run.curves for run in runs if run.curves.is_file()],
        cases=[_compared(cohort, row, label, predicted) for label, row in _telling(scores).items()],
    )
    write_training_page(folder / PAGE, content)
    return folder / PAGE


def _telling(scores: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The best, the median and the worst case by mean Dice; of fewer than three cases, those there are."""
    means = scores.groupby("case").agg(fold=("fold", "first"), dice=("dice", "mean")).sort_values("dice").dropna()
    ranked = means.reset_index().to_dict("records")
    places = {"Worst": 0, "Best": len(ranked) - 1, "Median": len(ranked) // 2}
    chosen: dict[int, str] = {}
    for label, place in places.items():
        chosen.setdefault(place, label)
    order = sorted((place for place in chosen if 0 <= place < len(ranked)), reverse=True)
    return {chosen[place]: {str(k): v for k, v in ranked[place].items()} for place in order}


def _compared(
    cohort: Cohort, row: Mapping[str, Any], label: str, predicted: Callable[[int, str], Path]
) -> ComparedCase:
    case = next(case for case in cohort.cases if case.name == row["case"])
    found = read_labels(predicted(int(row["fold"]), case.name), cohort.task)
    caption = f"{label}: {case.name}, mean Dice {row['dice']:.3f}"
    return ComparedCase(caption, cohort.scan(case), cohort.labels(case), found)


def _changed(config: TrainingConfig) -> dict[str, str]:
    """Keys that are not the defaults, each as ``table.key``."""
    plain = TrainingConfig(name=config.name, title=config.title, classes=config.classes).model_dump(mode="json")
    changed = {}
    for key, value in config.model_dump(mode="json").items():
        table = isinstance(value, dict) and isinstance(plain[key], dict)
        for name, inner, usual in (
            [(f"{key}.{n}", v, plain[key].get(n)) for n, v in value.items()] if table else [(key, value, plain[key])]
        ):
            if inner != usual or name == "classes":
                # a path may carry names of patients
                changed[name] = Path(inner).name if name in ("start", "encoder.weights") else json.dumps(inner)
    return changed


def _of_run(folder: Path) -> dict[str, str]:
    """Time, memory and epochs of a finished run."""
    record = _record(folder)
    facts = {
        "Time": f"{record['stages_s'].get('train', 0.0) / 60:.1f} min of training",
        "Memory": f"{record['peak_memory_mb'] / 1000:.1f} GB at most",
        "Versions": f"Osteon {record['versions']['osteon']}, torch {record['versions']['torch']}",
    }
    best = record.get("best")  # nnU-Net keeps its own books
    if best is None:
        return facts
    return {"Best epoch": f"{best['epoch']:.0f}, validation Dice {best['f1']:.3f}, {best['seconds']:.0f} s"} | facts


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return record
