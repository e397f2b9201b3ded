"""What the scores of a study say: spread over subjects, and differences of arms on the same subjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from osteon.crossvalidation.summary import over_subjects
from osteon.study.matching import ANY_NAME

RESAMPLES = 10_000
CONFIDENCE = 0.95
FOUND = 0.5
"""Dice above which a structure counts as found."""

FEWEST = 2
"""Subjects below which nothing can be said of a spread."""


def absolute(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with the size of the volume error, whichever its sign: errors in both directions must not cancel."""
    return scores.assign(volume_error_percent=scores["volume_error_percent"].abs())


def spread(scores: pd.DataFrame) -> pd.DataFrame:
    """One row an arm, structure and score (and structure ``all``): mean and spread over subjects.

    Parameters
    ----------
    scores : DataFrame
        ``arm``, ``fold``, ``subject``, ``case``, the columns of `osteon.metrics.agreement`, and `ANY_NAME`.
    """
    parts = []
    for arm, part in absolute(scores).groupby("arm", sort=False):
        any_name = over_subjects(part.assign(dice=part[ANY_NAME])).query("score == 'dice'").assign(score=ANY_NAME)
        table = pd.concat([over_subjects(part), any_name], ignore_index=True)
        table.insert(0, "arm", arm)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def subject_means(scores: pd.DataFrame, score: str) -> pd.DataFrame:
    """``arm``, ``subject`` and the mean of a score over the subject's structures, each averaged over scans first."""
    means = scores.groupby(["arm", "subject", "structure"], sort=False)[score].mean()
    return means.groupby(["arm", "subject"], sort=False).mean().reset_index()


def found_share(scores: pd.DataFrame) -> dict[str, float]:
    """Share of each arm's structures that were found under their own name (Dice above a half)."""
    known = scores[scores["dice"].notna()]
    shares = (known["dice"] > FOUND).groupby(known["arm"], sort=False).mean()
    return {str(arm): float(share) for arm, share in shares.items()}


def differences(scores: pd.DataFrame, pairs: Mapping[str, str], score: str = "dice", seed: int = 0) -> pd.DataFrame:
    """Compare arms on the subjects that both were tested on.

    The p-value is that of Wilcoxon's signed rank test (two-sided), also corrected for the number of pairs by Holm 1979;
    the interval is that of the mean difference, from a bootstrap over subjects (percentiles).

    Parameters
    ----------
    scores : DataFrame
        As for `spread`.
    pairs : mapping of str to str
        Arm to the arm that it is compared with.
    score : str
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``score``, ``arm``, ``against``, ``subjects``, ``mean_difference``, ``low``, ``high``, ``better``, ``worse``,
        ``p``, ``p_holm``; NaN where there are too few subjects.
    """
    means = subject_means(absolute(scores), score)
    of_arm = {str(arm): part.set_index("subject")[score] for arm, part in means.groupby("arm", sort=False)}
    rows: list[dict[str, Any]] = []
    for arm, against in pairs.items():
        if arm in of_arm and against in of_arm and arm != against:
            found = (of_arm[arm] - of_arm[against]).dropna().to_numpy(dtype=np.float64)
            if len(found):
                rows.append({"score": score, "arm": arm, "against": against} | _difference(found, seed))
    columns = ["score", "arm", "against", "subjects", "mean_difference", "low", "high", "better", "worse", "p"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_holm=holm(table["p"].to_numpy(dtype=float)))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values corrected for their number (Holm 1979); NaN stays NaN and does not count."""
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return corrected


def _difference(found: NDArray[np.floating[Any]], seed: int) -> dict[str, Any]:
    """Facts about differences, one a subject."""
    low = high = p = float("nan")
    if len(found) >= FEWEST:
        interval = stats.bootstrap(
            (found,),
            np.mean,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
        p = float(stats.wilcoxon(found).pvalue) if np.any(found) else 1.0
    return {
        "subjects": len(found),
        "mean_difference": float(found.mean()),
        "low": low,
        "high": high,
        "better": int((found > 0).sum()),
        "worse": int((found < 0).sum()),
        "p": p,
    }
