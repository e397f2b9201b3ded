"""The tables of a study as people read them: mean ± standard deviation over subjects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from osteon.study.matching import ANY_NAME

NOTHING = "–"
NBSP = "\N{NO-BREAK SPACE}"


def agreement_table(facts: pd.DataFrame) -> pd.DataFrame:
    """How good each arm is, over all structures."""
    return pd.DataFrame(
        {
            "arm": facts["title"],
            "learned from (subjects)": facts["learned_from"].map(lambda n: str(n) if n else NOTHING),
            "tested on (subjects)": facts["tested_on"].astype(str),
            "Dice": _spreads(facts, "dice", 3),
            "worst subject": facts["dice_minimum"].map(lambda v: number(v, 3)),
            "found under its name": facts["found_share"].map(lambda v: f"{v:.0%}"),
            "Dice under any name": _spreads(facts, ANY_NAME, 3),
            "volume error (%, without sign)": _spreads(facts, "volume_error_percent", 1),
            "95 % Hausdorff (mm)": _spreads(facts, "hausdorff95_mm", 2),
            "surface distance (mm)": _spreads(facts, "average_surface_distance_mm", 2),
        }
    )


def cost_table(facts: pd.DataFrame, trained: bool) -> pd.DataFrame:
    """What each arm took; of the training only where it was one (``trained``)."""
    table = {"arm": facts["title"], "parameters (million)": (facts["parameters"] / 1e6).map(lambda v: number(v, 2))}
    if trained and "minutes" in facts:
        table |= {
            "training (min of the processor)": facts["cpu_minutes"].map(lambda v: number(v, 1)),
            "by the clock (min)": facts["minutes"].map(lambda v: number(v, 1)),
            "with preparing (min of the processor)": facts["cpu_minutes_with_preparing"].map(lambda v: number(v, 1)),
            "epochs": facts["epochs"].map(lambda v: number(v, 0)),
            "an epoch (s of the processor)": facts["seconds_an_epoch"].map(lambda v: number(v, 1)),
            "memory, training (GB)": (facts["memory_training_mb"] / 1000).map(lambda v: number(v, 2)),
        }
    table |= {
        "a scan (s of the processor)": facts["cpu_seconds_a_scan"].map(lambda v: number(v, 2)),
        "a scan (s by the clock)": facts["seconds_a_scan"].map(lambda v: number(v, 2)),
        "memory, segmenting (GB)": (facts["memory_applying_mb"] / 1000).map(lambda v: number(v, 2)),
    }
    return pd.DataFrame(table)


def structure_table(table: pd.DataFrame, titles: Mapping[str, str], score: str, decimals: int) -> pd.DataFrame:
    """One row an arm, one column a structure."""
    part = table[table["score"] == score]
    structures = [*(name for name in dict.fromkeys(part["structure"]) if name != "all"), "all"]
    rows = []
    for arm, own in part.groupby("arm", sort=False):
        known = own.set_index("structure")
        cells = {
            name: spread_of(known["mean"][name], known["sd"][name], decimals) if name in known.index else NOTHING
            for name in structures
        }
        rows.append({"arm": titles[str(arm)]} | cells)
    return pd.DataFrame(rows)


def difference_table(compared: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Differences of pairs, with what chance could have made of them."""
    return pd.DataFrame(
        {
            "arm": compared["arm"].map(dict(titles)),
            "against": compared["against"].map(dict(titles)),
            "subjects": compared["subjects"].astype(str),
            "mean difference": compared["mean_difference"].map(lambda v: number(v, 3, sign=True)),
            "95 % interval": [
                NOTHING if math.isnan(low) else f"{number(low, 3, sign=True)} to {number(high, 3, sign=True)}"
                for low, high in zip(compared["low"], compared["high"], strict=True)
            ],
            "better : worse": [f"{b} : {w}" for b, w in zip(compared["better"], compared["worse"], strict=True)],
            "Wilcoxon p": compared["p"].map(p_value),
            "Holm p": compared["p_holm"].map(p_value),
        }
    )


def markdown(
    title: str,
    question: str,
    tables: Mapping[str, pd.DataFrame],
    notes: Sequence[str],
    facts: Mapping[str, str],
) -> str:
    """All of it as Markdown."""
    parts = [f"# {title}", question, "\n".join(f"- {name}: {value}" for name, value in facts.items())]
    if notes:
        parts.append("\n".join(f"- **{note}**" for note in notes))
    for heading, table in tables.items():
        rows = [list(table.columns), ["---"] * len(table.columns), *table.itertuples(index=False)]
        parts += [f"## {heading}", "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)]
    return "\n\n".join(parts) + "\n"


def number(value: float, decimals: int, *, sign: bool = False) -> str:
    """A number with a true minus sign, or a dash for none."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:{'+' if sign else ''}.{decimals}f}".replace("-", "−")


def spread_of(mean: float, sd: float, decimals: int) -> str:
    """Mean ± standard deviation; of a single subject without the latter."""
    return number(mean, decimals) if math.isnan(sd) else f"{number(mean, decimals)}{NBSP}±{NBSP}{number(sd, decimals)}"


def p_value(p: float) -> str:
    """Two digits that count, never 0."""
    if math.isnan(p):
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _spreads(facts: pd.DataFrame, score: str, decimals: int) -> list[str]:
    pairs = zip(facts[f"{score}_mean"], facts[f"{score}_sd"], strict=True)
    return [spread_of(mean, sd, decimals) for mean, sd in pairs]
