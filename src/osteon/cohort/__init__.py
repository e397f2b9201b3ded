"""Cohorts: cases on disk with a manifest, how they are imported, and how they are split by subject."""

from osteon.cohort.manifest import Case, Cohort, Dropped
from osteon.cohort.spider import import_spider
from osteon.cohort.split import Fold, Split, split

__all__ = ["Case", "Cohort", "Dropped", "Fold", "Split", "import_spider", "split"]
