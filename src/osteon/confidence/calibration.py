"""Calibration: from cues to the Dice that is to be expected, kept beside a model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from osteon.confidence.cues import NAMES
from osteon.errors import ModelError
from osteon.io.whole import written_whole
from osteon.networks.model import CONFIDENCE, Model


class Calibration(BaseModel):
    """What ``confidence.json`` of a model says.

    The score of a structure is ``intercepts[group] + sum(weights[c] * (cue[c] - centres[c]) / spreads[c])``, with the
    cues of `osteon.confidence.cues`; where a cue is not defined it counts as its centre. ``scores`` and ``dice`` are
    the corners of the line that turns the score into the expected Dice.

    Parameters
    ----------
    format : int
        Of this file.
    weights_sha256 : str
        Of the model's weights it was made with.
    level : float
        Structures with a Dice below this are to be found.
    look_below : float
        They are asked to be looked at where the expected Dice is below this.
    look_at_case_below : float
        A scan as a whole is to be looked at where the mean expected Dice of its structures is below this; 0 never.
    missing_cm3 : float
        A structure that was not found is asked to be looked for where its probabilities come to more than this.
    centres, spreads, weights : dict of str to float
        By cue.
    intercepts : dict of str to float
        By group; a group that was not seen in calibration has no expected Dice.
    usual : dict
        Usual values by group and number, for cues that are distances from them.
    limits : dict
        By group and cue: what only one in twenty good structures exceeds; beyond it, it is a reason to look.
    scores, dice : tuple of float
        Rising.
    measured, measured_cases : dict of str to float
        How it did on the structures and scans it was made with, each body judged by the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    weights_sha256: str
    level: float = Field(gt=0, lt=1)
    look_below: float = Field(ge=0, le=1)
    look_at_case_below: float = Field(0.0, ge=0, le=1)
    missing_cm3: float = Field(ge=0)
    centres: dict[str, float]
    spreads: dict[str, float]
    weights: dict[str, float]
    intercepts: dict[str, float]
    usual: dict[str, dict[str, float]]
    limits: dict[str, dict[str, float]]
    scores: tuple[float, ...] = Field(min_length=2)
    dice: tuple[float, ...] = Field(min_length=2)
    measured: dict[str, float] = {}
    measured_cases: dict[str, float] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(set(part) != set(NAMES) for part in (self.centres, self.spreads, self.weights)):
            raise ValueError("centres, spreads and weights are to be given for every cue of this version of Osteon")
        if len(self.scores) != len(self.dice) or any(np.diff(self.scores) <= 0) or any(np.diff(self.dice) < 0):
            raise ValueError("scores and dice are to be of one length, and to rise")
        return self

    @classmethod
    def of(cls, model: Model) -> Calibration | None:
        """Calibration of a model; None if it has none.

        Raises
        ------
        ModelError
            If the file cannot be used or belongs to other weights.
        """
        path = model.folder / CONFIDENCE
        if not path.is_file():
            return None
        try:
            calibration = cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise ModelError(f"{path} cannot be used: {what}. {_AGAIN}") from error
        if calibration.weights_sha256 != model.spec.weights_sha256:
            raise ModelError(f"{path} was made with other weights than those beside it. {_AGAIN}")
        return calibration

    def write(self, model: Model) -> Path:
        """Write ``confidence.json`` into a model's folder; an older one is replaced."""
        path = model.folder / CONFIDENCE
        with written_whole(path) as part:
            part.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return path

    def expected_dice(self, group: str, cues: dict[str, float]) -> float | None:
        """Expected Dice of a structure from its cues; None for a group that calibration has not seen."""
        if group not in self.intercepts:
            return None
        score = self.intercepts[group]
        for name, weight in self.weights.items():
            value = cues[name]
            if not np.isnan(value):
                score += weight * (value - self.centres[name]) / self.spreads[name]
        return float(np.interp(score, self.scores, self.dice))


_AGAIN = "Make it again with recipes/leg_confidence.py, or delete it: then there is no expected Dice."
