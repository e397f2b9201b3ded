"""Check a cohort: every case by itself, then all of them against each other and against the split."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from osteon.cohort.comparing import of_cohort, of_split, of_twins, twins
from osteon.cohort.facts import CaseFacts, facts_of, signature
from osteon.cohort.finding import SEVERITIES, Finding, Severity
from osteon.cohort.findings import findings_of
from osteon.cohort.importing import Doing
from osteon.cohort.manifest import Cohort
from osteon.io.whole import written_whole

FACTS = "check.json"
CASES_BETWEEN_SAVES = 20


class _Kept(BaseModel):
    """What ``check.json`` holds: facts by case, to measure again only what changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: dict[str, CaseFacts]


@dataclass(frozen=True)
class Checked:
    """A cohort's check.

    Parameters
    ----------
    cohort : Cohort
    facts : dict of str to CaseFacts
        By case.
    findings : tuple of Finding
        Errors first; within a severity in the order of the cases.
    """

    cohort: Cohort
    facts: dict[str, CaseFacts]
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """How many findings have a severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check(cohort: Cohort, *, doing: Doing | None = None) -> Checked:
    """Look for what is or may be wrong with a cohort.

    One case at a time is in memory. What was measured is kept in the cohort's ``check.json``, so that a second check
    reads only what has changed.

    Parameters
    ----------
    cohort : Cohort
    doing : callable, optional
        Told how many cases are done, and which comes next.

    Returns
    -------
    Checked
    """
    kept = _kept(cohort)
    facts: dict[str, CaseFacts] = {}
    fresh = 0
    for number, case in enumerate(cohort.cases):
        if doing is not None:
            doing(number, case.name)
        known = kept.get(case.name)
        if known is not None and known.signature == signature(cohort, case):
            facts[case.name] = known
            continue
        facts[case.name] = facts_of(cohort, case)
        fresh += 1
        if fresh % CASES_BETWEEN_SAVES == 0:
            _keep(cohort, {**kept, **facts})
    if fresh or set(kept) != set(facts):
        _keep(cohort, facts)
    found = [finding for case in cohort.cases for finding in findings_of(case, facts[case.name], cohort.task)]
    pairs = twins(cohort, facts)
    found += [*of_cohort(cohort, facts), *of_twins(pairs), *of_split(cohort, pairs)]
    return Checked(cohort, facts, tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))))


def _kept(cohort: Cohort) -> dict[str, CaseFacts]:
    path = cohort.folder / FACTS
    try:
        return _Kept.model_validate_json(path.read_text(encoding="utf-8")).cases if path.is_file() else {}
    except (ValidationError, UnicodeDecodeError):
        return {}  # of another version: everything is measured again


def _keep(cohort: Cohort, facts: dict[str, CaseFacts]) -> None:
    with written_whole(cohort.folder / FACTS) as part:
        part.write_text(_Kept(cases=facts).model_dump_json(), encoding="utf-8")
