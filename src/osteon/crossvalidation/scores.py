"""Subjects of a fold that its network has not seen: segmented as a user's scan would be, and scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from osteon.cohort import Case, Cohort, Fold
from osteon.errors import TrainingError
from osteon.inference import engine_for
from osteon.io import write
from osteon.metrics import agreement
from osteon.networks.model import Model
from osteon.pipeline import segment_volume

TEST = "test"
VALIDATION = "validation"


def out_of_fold(
    cohort: Cohort, fold: Fold, model: Model, predicted: Callable[[str], Path], device: str
) -> pd.DataFrame:
    """Segment and score the test subjects of a fold; its validation subjects where it tests nobody.

    A case is scored in what was annotated in it and the model can name: what nobody annotated is no mistake.

    Parameters
    ----------
    cohort : Cohort
    fold : Fold
    model : Model
        Trained on the fold.
    predicted : callable
        File of a case's label map.
    device : "auto", "cpu", "cuda" or "mps"

    Returns
    -------
    DataFrame
        ``side``, ``subject``, ``case`` and the columns of `osteon.metrics.agreement`.

    Raises
    ------
    TrainingError
        If nothing that the model segments was annotated in these subjects.
    """
    side = TEST if fold.test else VALIDATION
    engine = engine_for(model, "torch", device)  # the very network that was trained, and nothing kept in a cache
    parts = []
    for case in cohort.of_subjects(fold.test or fold.validation):
        names = annotated_and_known(case, model)
        if not names:
            continue
        found = segment_volume(cohort.scan(case), model, engine).labels
        write(found, predicted(case.name))
        part = agreement(found, cohort.labels(case), names)
        for place, (name, value) in enumerate((("side", side), ("subject", case.subject), ("case", case.name))):
            part.insert(place, name, value)
        parts.append(part)
    if not parts:
        raise TrainingError(
            f"Nothing that {model.spec.name} segments was annotated in the {side} subjects "
            f"{', '.join(fold.test or fold.validation)}; split the cohort otherwise, or leave those subjects out."
        )
    # a column that is all NaN in one part must not decide the type of the whole
    return pd.concat([part.astype(object) for part in parts], ignore_index=True).infer_objects()


def annotated_and_known(case: Case, model: Model) -> list[str]:
    """Structures that were annotated in a case and that a model can name."""
    known = model.task.class_of_value(model.spec.classes)
    return [name for name in case.annotated if model.task.by_name(name).value in known]
