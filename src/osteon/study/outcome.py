"""What a study leaves: tables of all arms that are finished so far, a figure and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from osteon.io.whole import written_whole
from osteon.report.study import StudyContent, write_study_page
from osteon.report.study_charts import StudyFigure, draw_study
from osteon.study.arm import Arm, Setting, Study
from osteon.study.comparing import differences, found_share, spread, subject_means
from osteon.study.folder import StudyPaths, read_json
from osteon.study.matching import ANY_NAME
from osteon.study.tables import agreement_table, cost_table, difference_table, markdown, structure_table

DIFFERENCES = {
    "dice": "Differences in Dice on the same subjects",
    ANY_NAME: "Differences in Dice under any name",
}
SMALLEST_FOR_TEST = 6
"""Below so many subjects no difference can be significant at 5 %, whatever it is: 2 / 2^5 is 0.06."""


def write_outcome(
    study: Study, arms: Sequence[Arm], setting: Setting, paths: StudyPaths, failed: Mapping[str, str]
) -> pd.DataFrame:
    """Write tables, figure and page of what is finished; returns one row an arm."""
    done = [arm for arm in arms if all(paths.arm(arm.name, n).tested.is_file() for n in range(setting.folds))]
    facts = pd.DataFrame([_facts(arm, setting, paths) for arm in done])
    tables: dict[str, pd.DataFrame] = {}
    figure = StudyFigure(study.title, axis=study.axis)
    if done and study.scored:
        scores = pd.concat([_scores(arm, setting, paths) for arm in done], ignore_index=True)
        table = spread(scores)
        pairs = {arm.name: arm.against or arms[0].name for arm in done}
        seed = setting.config.training.seed
        compared = pd.concat(
            [differences(scores, pairs, score, seed) for score in ("dice", ANY_NAME)], ignore_index=True
        )
        for path, frame in ((paths.scores, scores), (paths.structures, table), (paths.differences, compared)):
            _write(path, frame)
        facts = facts.merge(_wide(table), on="arm").assign(found_share=facts["arm"].map(found_share(scores)))
        titles = {arm.name: arm.title for arm in arms}
        tables["Agreement with people"] = agreement_table(facts)
        tables["Dice of each structure"] = structure_table(table, titles, "dice", 3)
        tables["Volume error of each structure (%, without sign)"] = structure_table(
            table, titles, "volume_error_percent", 1
        )
        for score, what in DIFFERENCES.items():
            if len(own := compared[compared["score"] == score]):
                tables[what] = difference_table(own, titles)
        figure = StudyFigure(study.title, _dots(scores), compared, titles, _places(done), study.axis)
    if done:
        tables["What it took"] = cost_table(facts, trained=study.scored)
        _write(paths.arms, facts)
        draw_study(paths.figure, figure, facts)
    _write_pages(study, setting, paths, tables, _notes(study, facts, failed, arms))
    return facts


def _facts(arm: Arm, setting: Setting, paths: StudyPaths) -> dict[str, Any]:
    """Where an arm learned, how long, and with how much memory; over folds the mean, of minutes the sum."""
    folds = [paths.arm(arm.name, n) for n in range(setting.folds)]
    asked, tested = [read_json(own.asked) for own in folds], [read_json(own.tested) for own in folds]
    facts: dict[str, Any] = {
        "arm": arm.name,
        "title": arm.title,
        "learned_from": round(sum(len(one["fold"]["train"]) for one in asked) / len(asked)) if arm.trained else 0,
        "tested_on": len({subject for one in asked for subject in one["fold"]["test"]}),
        "parameters": tested[0]["parameters"],
        "seconds_a_scan": _mean([one["seconds_a_scan"] for one in tested]),
        "cpu_seconds_a_scan": _mean([one.get("cpu_seconds_a_scan", float("nan")) for one in tested]),
        "memory_applying_mb": max(one["memory_mb"] for one in tested),
    }
    if not arm.trained:
        return facts
    learned = [read_json(own.learned) for own in folds]
    epochs = [pd.read_csv(own.training.metrics) for own in folds]
    return facts | {
        "minutes": sum(table["seconds"].sum() for table in epochs) / 60,
        "cpu_minutes": sum(_of_processor(table).sum(skipna=False) for table in epochs) / 60,
        "cpu_minutes_with_preparing": sum(one["cpu_seconds"] for one in learned) / 60,
        "epochs": _mean([len(table) for table in epochs]),
        # the last epoch may have been cut short by the budget, the first pays for warming up
        "seconds_an_epoch": _mean([_of_processor(table).median() for table in epochs]),
        "memory_training_mb": max(one["memory_mb"] for one in learned),
    }


def _of_processor(epochs: pd.DataFrame) -> pd.Series[float]:
    """Seconds of each epoch of a training; unknown in one of an older version."""
    return epochs.get("processor_seconds", pd.Series(float("nan"), index=epochs.index))


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))


def _scores(arm: Arm, setting: Setting, paths: StudyPaths) -> pd.DataFrame:
    parts = []
    for number in range(setting.folds):
        part = pd.read_csv(paths.arm(arm.name, number).scores, dtype={"subject": str, "case": str})
        part.insert(0, "fold", number)
        part.insert(0, "arm", arm.name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _wide(table: pd.DataFrame) -> pd.DataFrame:
    """One row an arm: mean, spread and worst subject of each score over all structures."""
    rows = []
    for arm, part in table[table["structure"] == "all"].groupby("arm", sort=False):
        row: dict[str, Any] = {"arm": arm}
        for one in part.to_dict("records"):
            row |= {f"{one['score']}_{what}": one[what] for what in ("mean", "sd", "minimum", "maximum")}
        rows.append(row)
    return pd.DataFrame(rows)


def _dots(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice of each subject in each arm, under the structures' own names and under any."""
    dots = subject_means(scores, "dice")
    return dots.assign(any_name=subject_means(scores, ANY_NAME)[ANY_NAME])


def _places(arms: Sequence[Arm]) -> dict[str, float]:
    return {arm.name: arm.place for arm in arms if arm.place is not None}


def _notes(study: Study, facts: pd.DataFrame, failed: Mapping[str, str], arms: Sequence[Arm]) -> list[str]:
    """What a reader must know first."""
    titles = {arm.name: arm.title for arm in arms}
    notes = [f"{titles[name]} is missing: {reason}" for name, reason in failed.items()]
    if not study.scored or facts.empty:
        return notes
    fewest = int(facts["tested_on"].min())
    if fewest < SMALLEST_FOR_TEST:
        notes.append(
            f"With {fewest} test subjects no difference can be significant, however large: read the spread instead."
        )
    notes.append(
        "Every arm was trained once, from one seed: another seed makes differences, too, which say nothing about the "
        "arms."
    )
    return notes


def _write(path: Any, frame: pd.DataFrame) -> None:
    with written_whole(path) as part:
        frame.to_csv(part, index=False, float_format="%.5g")


def _write_pages(
    study: Study, setting: Setting, paths: StudyPaths, tables: Mapping[str, pd.DataFrame], notes: Sequence[str]
) -> None:
    facts = _how(setting, paths)
    with written_whole(paths.summary) as part:
        part.write_text(markdown(study.title, study.question, tables, notes, facts), encoding="utf-8")
    content = StudyContent(study.title, study.question, tables, paths.figure, notes, facts)
    write_study_page(paths.page, content)


def _how(setting: Setting, paths: StudyPaths) -> dict[str, str]:
    started = read_json(paths.settings)
    minutes, of = started["minutes_an_arm"], started.get("minutes_of", "clock")
    cohorts = ", ".join(f"{c.folder.name} ({len(c.subjects)} subjects, {len(c.cases)} scans)" for c in setting.cohorts)
    length = "as configured"
    if minutes is not None:
        length = f"{minutes:g} minutes of the {of} an arm and fold (fine-tuning: its share)"
    return {
        "Cohort": cohorts,
        "Folds": f"{setting.folds} ({setting.splits[0].kind})",
        "Training": length,
        "Seed": str(setting.config.training.seed),
    }
