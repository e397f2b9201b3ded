"""Cohorts: cases on disk with a manifest, how they are imported, checked, and split by subject."""

from osteon.cohort.checking import Checked, check
from osteon.cohort.finding import Finding
from osteon.cohort.layouts import find_cases, import_cohort
from osteon.cohort.manifest import Case, Cohort, Dropped
from osteon.cohort.nnunet_export import export_nnunet
from osteon.cohort.spider import import_spider
from osteon.cohort.split import Fold, Split, split

__all__ = [
    "Case",
    "Checked",
    "Cohort",
    "Dropped",
    "Finding",
    "Fold",
    "Split",
    "check",
    "export_nnunet",
    "find_cases",
    "import_cohort",
    "import_spider",
    "split",
]
