"""What a table of agreement says in all: spread by structure, counts of misses, share of structures found."""

from __future__ import annotations

import pandas as pd

from osteon.metrics.agreement import DEFINED, EXTRA, MISSING, SCORES

NO_PREDICTION = "no prediction"
NO_REFERENCE = "no reference"
STATUSES = (DEFINED, MISSING, EXTRA, NO_PREDICTION, NO_REFERENCE)

ALL = "all"
"""Name of the rows over every structure."""

FOUND_DICE = 0.5
"""A structure counts as found above this Dice with the structure of the same name: more than half right, so that a
vertebra labelled one level off is not found."""


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Spread of each score, by structure and over all.

    Parameters
    ----------
    table : DataFrame
        As `osteon.metrics.evaluate` or `osteon.metrics.agreement` gives it.

    Returns
    -------
    DataFrame
        One row a structure and score, in the table's order, then those of ``all``: ``structure``, ``score``, ``n``
        (values that are defined), ``mean``, ``sd`` (of a sample), ``minimum``, ``quartile1``, ``median``,
        ``quartile3``, ``maximum``, and the number of rows of each status. A case without partner counts under ``all``.
    """
    named = table[~table["status"].isin([NO_PREDICTION, NO_REFERENCE])]
    groups = [(str(name), named[named["structure"] == name]) for name in named["structure"].unique()]
    rows = []
    for name, part in [*groups, (ALL, table)]:
        counts = {status: int((part["status"] == status).sum()) for status in STATUSES}
        for score in SCORES:
            values = part[score].astype(float).dropna()
            quartiles = values.quantile([0.25, 0.5, 0.75])
            rows.append(
                {
                    "structure": name,
                    "score": score,
                    "n": len(values),
                    "mean": values.mean(),
                    "sd": values.std(),
                    "minimum": values.min(),
                    "quartile1": quartiles[0.25],
                    "median": quartiles[0.5],
                    "quartile3": quartiles[0.75],
                    "maximum": values.max(),
                    **counts,
                }
            )
    return pd.DataFrame(rows)


def detection(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the reference's structures that were found under their own name.

    Parameters
    ----------
    table : DataFrame
        As for `summarise`.

    Returns
    -------
    DataFrame
        ``structure``, ``in_reference`` (how often the reference has it), ``found`` (how often with a Dice above
        `FOUND_DICE`), ``share``, and ``not_in_reference`` (how often it was predicted where the reference has none);
        the last row is ``all``. The structures of a case without prediction are unknown and not counted.
    """
    named = table[table["status"].isin([DEFINED, MISSING, EXTRA])]
    groups = [(str(name), named[named["structure"] == name]) for name in named["structure"].unique()]
    rows = []
    for name, part in [*groups, (ALL, named)]:
        extra = int((part["status"] == EXTRA).sum())
        due = len(part) - extra
        found = int((part["dice"].astype(float) > FOUND_DICE).sum())
        rows.append(
            {
                "structure": name,
                "in_reference": due,
                "found": found,
                "share": found / due if due else float("nan"),
                "not_in_reference": extra,
            }
        )
    return pd.DataFrame(rows)


def without_partner(table: pd.DataFrame) -> dict[str, list[str]]:
    """Names of the cases that have ``no prediction`` or ``no reference``."""
    return {
        status: [str(case) for case in table.loc[table["status"] == status, "case"]]
        for status in (NO_PREDICTION, NO_REFERENCE)
    }
