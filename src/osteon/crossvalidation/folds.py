"""Train a network for each fold of a split, and test each on the subjects that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from osteon.cohort import Cohort, Fold, Split
from osteon.crossvalidation.folder import CrossvalPaths, claim
from osteon.crossvalidation.page import page_of_folds
from osteon.crossvalidation.scores import out_of_fold
from osteon.crossvalidation.summary import by_subject, card, summary
from osteon.errors import TrainingError
from osteon.io.whole import written_whole
from osteon.networks.ensemble import write_ensemble
from osteon.networks.model import Model
from osteon.run import Run
from osteon.synthesis.bodies import Bodies
from osteon.training import TrainingConfig, train
from osteon.training.folder import claim as claim_fold


@dataclass(frozen=True, eq=False)
class CrossValidated:
    """What a cross-validation found.

    Parameters
    ----------
    paths : CrossvalPaths
    scores : DataFrame
        One row a case and structure: ``fold``, ``side`` (``test``, or ``validation`` where the split tests nobody),
        ``subject``, ``case`` and the columns of `osteon.metrics.agreement`.
    model : Model
        The networks of all folds, whose probabilities are averaged.
    """

    paths: CrossvalPaths
    scores: pd.DataFrame
    model: Model


def crossval(
    cohort: Cohort,
    folder: str | Path,
    *,
    config: TrainingConfig,
    split: Split,
    also: Sequence[Cohort | Bodies] = (),
    resume: bool = False,
    device: str = "auto",
    said: Callable[[str], None] = lambda _: None,
) -> CrossValidated:
    """Train on every fold of a split, test each subject out of fold, and make a model of all folds.

    Each fold is a run folder as `osteon.train` leaves it, with the predicted label maps of its subjects. A fold that is
    finished is not repeated by ``resume``; one that was stopped goes on after its last epoch.

    Parameters
    ----------
    cohort : Cohort
    folder : path
        `CrossvalPaths`.
    config : TrainingConfig
        Of every fold.
    split : Split
        ``k-fold`` or ``leave-one-out`` (`osteon.cohort.split`), each fold with validation subjects.
    also, resume, device
        As for `osteon.train`.
    said : callable
        Gets a line an epoch.

    Raises
    ------
    TrainingError
        If a fold has no validation subject, or the folder holds something else.
    """
    paths = CrossvalPaths(Path(folder))
    _refuse_without_validation(split)
    claim(paths, split, resume)
    run = Run("crossval", {"cohort": cohort.folder, "device": device, "resume": resume}, config.seed)
    run.facts |= {"cohort_sha256": cohort.digest(), "split": split.kind, "folds": len(split.folds)}
    parts, models = [], []
    for number, fold in enumerate(split.folds):
        of_fold = _fold_said(said, number, len(split.folds))
        run_paths = paths.fold(number)
        if paths.fold_scores(number).is_file():
            claim_fold(run_paths, config, fold, (cohort, *also), resume=True)
            of_fold("finished before.")
        else:
            with run.stage(f"train fold {number}"):
                train(
                    cohort,
                    run_paths.folder,
                    config=config,
                    fold=fold,
                    also=also,
                    resume=resume,
                    device=device,
                    said=of_fold,
                )
            with run.stage(f"test fold {number}"):
                _test(cohort, fold, number, paths, device)
        models.append(Model.load(run_paths.model))
        parts.append(pd.read_csv(paths.fold_scores(number), dtype={"subject": str, "case": str}))
    scores = pd.concat(parts, ignore_index=True)
    _write(paths, scores, cohort, split, config)
    model = write_ensemble(paths.model, models, card(scores, cohort, split, config))
    page_of_folds(cohort, paths.folder, config, scores, paths.predicted, [paths.fold(n) for n in range(len(parts))])
    run.write(paths.folder)
    return CrossValidated(paths, scores, model)


def _refuse_without_validation(split: Split) -> None:
    for number, fold in enumerate(split.folds):
        if not fold.validation:
            raise TrainingError(
                f"Fold {number} of the split has no validation subject, by which the best epoch is chosen. Split the "
                "cohort again with --validation 1 or more."
            )


def _fold_said(said: Callable[[str], None], number: int, of: int) -> Callable[[str], None]:
    return lambda line: said(f"fold {number + 1} of {of}, {line}")


def _test(cohort: Cohort, fold: Fold, number: int, paths: CrossvalPaths, device: str) -> None:
    """Segment and score the subjects of a fold; their rows appear when all are done."""
    table = out_of_fold(
        cohort, fold, Model.load(paths.fold(number).model), lambda case: paths.predicted(number, case), device
    )
    table.insert(0, "fold", number)
    with written_whole(paths.fold_scores(number)) as part:
        table.to_csv(part, index=False, float_format="%.4f")


def _write(paths: CrossvalPaths, scores: pd.DataFrame, cohort: Cohort, split: Split, config: TrainingConfig) -> None:
    for path, table in ((paths.scores, scores), (paths.subjects, by_subject(scores))):
        with written_whole(path) as part:
            table.to_csv(part, index=False, float_format="%.4f")
    with written_whole(paths.summary) as part:
        part.write_text(summary(scores, cohort, split, config), encoding="utf-8")
