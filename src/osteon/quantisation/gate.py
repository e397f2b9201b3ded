"""Whether a network in eight bits is as good as the network it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Verdict:
    """What the gate measured, and whether that is little enough.

    Parameters
    ----------
    mean, structure, case : float
        By how much the mean Dice falls: over all, of the structure and of the case that lose most.
    worst_structure, worst_case : str
    scores : int
        Structures of cases compared.
    passed : bool
    """

    mean: float
    structure: float
    case: float
    worst_structure: str
    worst_case: str
    scores: int
    passed: bool

    def sentences(self) -> list[str]:
        """For the model's card and the terminal."""
        way = "falls" if self.mean > 0 else "rises"
        return [
            f"Mean Dice over {self.scores} structures of cases {way} by {abs(self.mean):.4f}; {self.worst_structure} "
            f"loses most of the structures ({self.structure:.4f}), {self.worst_case} of the cases ({self.case:.4f}).",
            "It passed and is used on CPUs unless --precision fp32 is given."
            if self.passed
            else "It did not pass and is used only where --precision int8 is given.",
        ]


@dataclass(frozen=True)
class Gate:
    """By how much Dice may fall at most.

    Parameters
    ----------
    mean, structure, case : float
        Over all scores; of the mean of any structure; of the mean of any case.
    """

    mean: float = 0.002
    structure: float = 0.005
    case: float = 0.02

    def verdict(self, before: pd.DataFrame, after: pd.DataFrame) -> Verdict:
        """Hold Dice before and after against each other, score by score.

        Parameters
        ----------
        before, after : DataFrame
            Columns ``case``, ``structure`` and ``dice``. A structure that is found in one of the two only counts as 0
            in the other; one that neither the reference nor the network has does not count.
        """
        key = ["case", "structure"]
        both = before.dropna(subset="dice").merge(
            after.dropna(subset="dice"), on=key, how="outer", suffixes=("_before", "_after")
        )
        lost = both.assign(lost=both["dice_before"].fillna(0.0) - both["dice_after"].fillna(0.0))
        structures, cases = (lost.groupby(name)["lost"].mean() for name in ("structure", "case"))
        mean, structure, case = float(lost["lost"].mean()), float(structures.max()), float(cases.max())
        return Verdict(
            mean=mean,
            structure=structure,
            case=case,
            worst_structure=str(structures.idxmax()),
            worst_case=str(cases.idxmax()),
            scores=len(lost),
            passed=mean <= self.mean and structure <= self.structure and case <= self.case,
        )
